"""`lead-assignment reconcile`: compare the CRM's list of leads with what is stored, and move what differs."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError

from app.cli.context import CommandError, system_user, with_pool, workspace_chosen
from app.cli.fault_lines import not_done
from app.cli.files.rows import Lines, read_file
from app.contract.faults import validation_failed
from app.contract.reconcile import ListedLead, ReconcileRequest
from app.directory.bulk_moves import MAX_LEADS
from app.directory.editing import edit_directory
from app.dispatch.caches import PlanCache
from app.errors import Problem, refused_at
from app.intake.headers import fold_name
from app.registry import strategies
from app.store.connection.pool import Pool
from app.store.leads.bulk_jobs import BulkJob
from app.webhooks import reconcile as books
from app.webhooks.reconcile import Comparison, CrmList, Line, ListedRecord
from app.webhooks.sources import find_source

_NAMES = {
    "id": "id, record id, lead id, contact id, hs_object_id, leadid, contactid",
    "owner": "owner, owner id, owner_id, ownerid, hubspot_owner_id, user_id",
    "modified_at": "modified_at, last modified, lastmodifieddate, last modified date, modified_time,"
    " modifiedon, update_time",
    "object": "object",
}
"""The names of columns that exports of CRMs use."""
_MEANS = {fold_name(name): field for field, names in _NAMES.items() for name in names.split(",")}


def reconcile(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, or lines of JSON.")],
    endpoint: Annotated[str, typer.Option(help="The id of the CRM's endpoint.")],
    as_of: Annotated[str, typer.Option(help="When the CRM made the list, such as 2026-11-30T08:00:00Z.")],
    object_: Annotated[
        str | None, typer.Option("--object", help="What a row is, such as contact. Default: by the CRM.")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="The list has every record: name open leads that it lacks.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Move the leads that differ, as a bulk job.")
    ] = False,
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """Compare leads (id, owner, modified_at) with what is stored. Without --apply, nothing changes."""
    lines = read_file(file, "leads of a CRM")
    faults: list[tuple[int, Problem]] = list(lines.faults)
    listed = CrmList(list(_records(lines, object_, faults)), _time(as_of), complete)
    if len(listed.records) > MAX_LEADS:
        raise CommandError(f"The file has more than {MAX_LEADS:,} leads.")
    if faults:
        # A lead that could not be read would count as missing.
        raise CommandError("\n".join(not_done(faults, "read")))

    async def work(pool: Pool) -> tuple[Comparison, BulkJob | None]:
        id_ = (await workspace_chosen(pool, workspace)).id
        terms = (await find_source(pool, id_, endpoint)).terms()
        compared = await books.compare(pool, PlanCache(pool, strategies()), id_, terms, listed)
        if not apply:
            return compared, None
        async with edit_directory(pool, id_, system_user()) as edit:
            return compared, await books.apply(edit, compared)

    compared, job = with_pool(work)
    for line in books.differing(compared):
        typer.echo(_shown(line))
    counts = compared.counts()
    said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    typer.echo(f"leads: {said or 'none'}", err=True)
    if job is not None:
        typer.echo(f"Job {job.id} moves {job.total:,} leads.", err=True)
    elif counts["owner_differs"]:
        typer.echo("Nothing changed. To move the leads, run it again with --apply.", err=True)


def _records(lines: Lines, object_: str | None, faults: list[tuple[int, Problem]]) -> Iterator[ListedRecord]:
    for number, text in lines.good:
        try:
            yield _record(text, object_)
        except Problem as problem:
            faults.append((number, problem))


def _record(text: bytes, object_: str | None) -> ListedRecord:
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refused_at((), "invalid", "is not JSON") from None
    if not isinstance(row, Mapping):
        raise refused_at((), "wrong_type", "must be an object")
    known: dict[str, Any] = {"object": object_} if object_ is not None else {}
    for name, value in row.items():
        field = _MEANS.get(fold_name(name))
        if field is not None and value not in (None, ""):
            known.setdefault(field, value)
    try:
        lead = ListedLead.model_validate(known)
    except ValidationError as refused:
        raise validation_failed(refused) from None
    return ListedRecord(lead.id, lead.owner, lead.object, lead.modified_at)


def _time(text: str) -> datetime:
    try:
        return ReconcileRequest.model_validate({"endpoint": "-", "as_of": text, "leads": []}).as_of
    except ValidationError:
        raise CommandError("--as-of: a date and time, such as 2026-11-30T08:00:00Z.") from None


def _shown(line: Line) -> str:
    here = line.owner or (f"queue {line.queue}" if line.queue is not None else "-")
    to = f"{'queue ' if line.to.kind == 'queue' else ''}{line.to.name}" if line.to is not None else "-"
    return "\t".join((line.object or "-", line.id, line.result, here, to))
