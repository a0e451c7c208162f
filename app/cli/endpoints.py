"""`lead-assignment endpoints`: create and list endpoints, and add secrets to them."""

import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from app.cli.context import CommandError, settings_now, system_user, with_pool, workspace_chosen
from app.contract.directory import parse_id, to_record
from app.contract.endpoints import EndpointInput, EndpointSecretInput
from app.contract.faults import validation_failed
from app.errors import NotFound
from app.secrets import SecretBox
from app.store.connection.pool import Pool
from app.store.crm.endpoints import StoredSecret
from app.webhooks.endpoints import Endpoints, EndpointView

commands = typer.Typer(help="Endpoints for webhooks of CRMs.", no_args_is_help=True)
secrets = typer.Typer(help="The secrets of an endpoint.", no_args_is_help=True)
commands.add_typer(secrets, name="secrets")
InWorkspace = Annotated[str | None, typer.Option("--workspace", help="The workspace. Default: the only one.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id.")]
MAX_LISTED = 1000


@secrets.callback()
def _group() -> None:
    """The secrets of an endpoint."""


@commands.command()
def create(
    kind: Annotated[str, typer.Argument(help="hubspot, salesforce, standard, pipedrive, dynamics or zoho.")],
    id: Annotated[str | None, typer.Option(help="The endpoint's id. Default: the kind.")] = None,
    organization: Annotated[str | None, typer.Option(help="The organization or portal in the CRM.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The public address that the CRM signs.")] = None,
    no_secret: Annotated[bool, typer.Option("--no-secret", help="The CRM has none to give.")] = False,
    workspace: InWorkspace = None,
) -> None:
    """Create an endpoint and print its path. The secret is read from the standard input."""
    sent = {
        "kind": kind,
        "organization_id": organization,
        "base_url": base_url,
        "secrets": [] if no_secret else [_read_secret()],
    }
    try:
        body = EndpointInput.model_validate(sent)
    except ValidationError as refused:
        raise validation_failed(refused, model=EndpointInput) from None
    record = {name: value for name, value in to_record(body).items() if name not in ("secrets", "token")}

    async def work(pool: Pool) -> tuple[EndpointView, bool]:
        endpoints = _endpoints(pool)
        workspace_id = (await workspace_chosen(pool, workspace)).id
        name = parse_id(id or kind)
        if any(view.record.id == name for view in await endpoints.page(workspace_id, "", MAX_LISTED)):
            raise CommandError(f"There is an endpoint {name!r} already.")
        return await endpoints.write(
            workspace_id, system_user(), name, lambda _: record, new_secrets=body.secrets
        )

    view, _ = with_pool(work)
    base = base_url or settings_now().public_base_url or ""
    before = "" if base else " the public address of the service, followed by"
    typer.echo(f"Created endpoint {view.record.id}. Let the CRM send its webhooks to{before}:", err=True)
    typer.echo(base.rstrip("/") + view.path)


@commands.command("list")
def list_all(workspace: InWorkspace = None) -> None:
    """List the endpoints, with their findings."""

    async def work(pool: Pool) -> list[EndpointView]:
        return await _endpoints(pool).page((await workspace_chosen(pool, workspace)).id, "", MAX_LISTED)

    for view in with_pool(work):
        state = "active" if view.record.body["active"] else "inactive"
        findings = ",".join(each.code for each in view.findings)
        columns = (view.record.id, view.record.body["kind"], state, f"{len(view.secrets)} secrets", findings)
        typer.echo("\t".join(columns).rstrip())


@secrets.command()
def add(id: Id, workspace: InWorkspace = None) -> None:
    """Add a secret, read from the standard input. Of three, the oldest goes."""
    try:
        body = EndpointSecretInput.model_validate({"secret": _read_secret()})
    except ValidationError as refused:
        raise validation_failed(refused, model=EndpointSecretInput) from None

    async def work(pool: Pool) -> StoredSecret:
        workspace_id = (await workspace_chosen(pool, workspace)).id
        return await _endpoints(pool).add_secret(workspace_id, system_user(), id, body.secret)

    try:
        stored = with_pool(work)
    except NotFound:
        raise CommandError(f"No endpoint {id!r}.") from None
    typer.echo(f"Added secret {stored.id} ({stored.fingerprint}).")


def _endpoints(pool: Pool) -> Endpoints:
    settings = settings_now()
    return Endpoints(
        pool,
        SecretBox(settings.secrets_keys()),
        settings.public_base_url,
        development=settings.development,
    )


def _read_secret() -> str:
    """A secret: typed unseen at a terminal, else the first line of the standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt("Secret", hide_input=True))
    return sys.stdin.readline().strip()
