"""`lead-assignment forms`: what the body of a form tool becomes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from app.cli.context import CommandError, settings_now, with_pool, workspace_chosen
from app.contract.endpoints import EndpointOptions
from app.dispatch.dispatcher import Dispatcher
from app.errors import Problem
from app.forms import multipart
from app.forms.failed import problem_of
from app.forms.leads import Unmappable, arrival_of, job_of
from app.forms.mapping import form_map
from app.forms.receive import parsed, redacted
from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import Delivery, FormKind, FormRequest, FormTerms, Unreadable
from app.metrics.process import Metrics
from app.registry import strategies
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.webhooks.endpoint_mapping import check_mapping
from app.webhooks.endpoints import RESOURCE_TYPE

commands = typer.Typer(help="Form tools.", no_args_is_help=True)
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A body as the form tool sent it.")
]
ENDPOINT = "try"


@commands.callback()
def _group() -> None:
    """Form tools."""


@commands.command("try")
def try_(
    file: File,
    kind: Annotated[str, typer.Option(help="The kind of form tool, such as generic or html.")],
    content_type: Annotated[
        str | None, typer.Option(help="The header Content-Type. Default: what the body looks like.")
    ] = None,
    query: Annotated[str, typer.Option(help="The query string of the request.")] = "",
    mapping: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A mapping, as JSON.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="With --workspace: the endpoint whose mapping is used.")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Also show where each lead would go, in this workspace.")
    ] = None,
) -> None:
    """Show what a body becomes and where it would go. Nothing is stored."""
    found = FORM_KINDS.get(kind)
    if found is None:
        raise CommandError(f"Unknown kind {kind!r}. Use one of {', '.join(sorted(FORM_KINDS))}.")
    if endpoint is not None and workspace is None:
        raise CommandError("--endpoint needs --workspace, which has the endpoint.")
    raw = file.read_bytes()
    sent = FormRequest("POST", _headers(raw, content_type), query.encode(), raw)
    terms = FormTerms((), form_map(_mapping(mapping, kind)), EndpointOptions().model_dump())
    if workspace is None:
        shown = [_shown(each) for each in _deliveries(found, sent, terms)]
    else:
        shown = with_pool(lambda pool: _tried(pool, workspace, endpoint, found, sent, terms))
    for each in shown:
        typer.echo(orjson.dumps(each, default=str, option=orjson.OPT_INDENT_2).decode())


def _headers(raw: bytes, content_type: str | None) -> dict[str, bytes]:
    if content_type is None and raw.startswith(b"--"):
        content_type = f"{multipart.MULTIPART}; boundary={raw[2:].split(None, 1)[0].decode('latin-1')}"
    return {"content-type": content_type.encode()} if content_type else {}


def _mapping(file: Path | None, kind: str) -> Mapping[str, Any]:
    if file is None:
        return {}
    try:
        sent = json.loads(file.read_bytes())
    except ValueError:
        raise CommandError(f"{file} is not JSON.") from None
    sent = sent.get("mapping", sent) if isinstance(sent, dict) else sent
    check_mapping(kind, sent)
    return dict(sent)


def _deliveries(kind: FormKind, sent: FormRequest, terms: FormTerms) -> Sequence[Delivery]:
    try:
        kept = multipart.flattened(sent) if multipart.is_multipart(sent) else sent
        return parsed(kind, redacted(kind, kept, (), ()), terms)
    except Unreadable as unreadable:
        raise CommandError(f"The body {unreadable}. It would be listed as a failure.") from None


async def _tried(
    pool: Pool, name: str, endpoint: str | None, kind: FormKind, sent: FormRequest, terms: FormTerms
) -> list[dict[str, Any]]:
    """What the deliveries become, with the decision that each lead would get after those before it."""
    workspace_id = (await workspace_chosen(pool, name)).id
    if endpoint is not None:
        async with transaction(pool, workspace_id, read_only=True) as connection:
            record = await records.find_record(connection, workspace_id, RESOURCE_TYPE, endpoint)
        if record is None:
            raise CommandError(f"There is no endpoint {endpoint!r}.")
        terms = FormTerms((), form_map(record.body["mapping"]), record.body["options"])
    told = _deliveries(kind, sent, terms)
    shown = [_shown(each) for each in told]
    jobs = {
        place: job_of(endpoint or ENDPOINT, f"{ENDPOINT}:{place}", each)
        for place, each in enumerate(told)
        if "lead" in shown[place]
    }
    if not jobs:
        return shown
    deadline = settings_now().request_timeout_seconds
    dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=deadline)
    try:
        replies = await dispatch.dry_run_all(workspace_id, list(jobs.values()))
    finally:
        await dispatch.close()
    for place, reply in zip(jobs, replies, strict=True):
        decided = {"code": reply.code} if isinstance(reply, Problem) else orjson.loads(reply.body)
        shown[place]["decision"] = decided
    return shown


def _shown(delivery: Delivery) -> dict[str, Any]:
    """What a delivery becomes, without what is empty."""
    shown: dict[str, Any] = {
        "meaning": delivery.meaning,
        "id": delivery.id,
        "record": delivery.record,
        "at": delivery.at,
        "is_test": delivery.is_test,
        "host": delivery.host,
        "events": [asdict(each) for each in delivery.events],
        "fetch": dict(delivery.fetch),
    }
    if delivery.code is not None:
        shown["failure"] = {"code": delivery.code, "problem": problem_of(delivery.code)}
    elif delivery.meaning in ("lead", "update"):
        try:
            shown["lead"] = arrival_of(ENDPOINT, delivery).values
        except Unmappable as unmappable:
            shown["failure"] = {"code": unmappable.code, "problem": problem_of(unmappable.code)}
            shown["sent"] = {**delivery.lead, **delivery.unmapped}
    shown["unmapped"] = sorted(delivery.unmapped)
    return {name: value for name, value in shown.items() if value not in (None, "", [], {}, False)}
