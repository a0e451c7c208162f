"""`lead-assignment plan`: check, publish and roll back the routing plan."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli import plan_import
from app.cli.context import (
    CommandError,
    settings_now,
    system_user,
    with_pool,
    workspace_chosen,
    workspace_named,
)
from app.directory.console_links import ConsoleLinks
from app.engine.model.directory import Directory
from app.engine.model.state import Facts, State
from app.plan.findings import Finding, settles
from app.plan.reader.lines import located
from app.plan.reader.read import load_plan
from app.plan_check.capabilities import Capabilities
from app.plan_check.references import tables_in
from app.plans import versions
from app.plans.check import CheckedPlan, check_plan
from app.plans.versions import PlanFindings
from app.registry import strategies
from app.store.attribute_names import list_attribute_names
from app.store.connection.pool import Pool, transaction
from app.store.directory.tables import read_named_tables
from app.store.path.current_state import read_current_state_on
from app.store.plans import Version

commands = typer.Typer(help="The routing plan.")
commands.add_typer(plan_import.commands, name="import")
PAGE = 1000
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A plan in YAML or JSON.")
]
Workspace = Annotated[str, typer.Option(help="The workspace's name.")]
Comment = Annotated[str, typer.Option(help="A comment for the plan's history.")]
WITH_DIRECTORY = frozenset(("unknown_owner", "unknown_team", "unknown_table", "test_failed"))
"""Findings that need the directory of a workspace."""


@commands.command()
def check(
    file: File,
    workspace: Annotated[
        str | None,
        typer.Option(help="Also check names and run the plan's tests, in this workspace."),
    ] = None,
) -> None:
    """Check a plan. Nothing is stored."""
    raw = file.read_bytes()
    found = _check_alone(raw) if workspace is None else _check_in(raw, workspace)
    _print_findings(found.findings)
    tests = _of_tests(found, workspace)
    if not settles(found.findings):
        raise CommandError(f"{file} cannot be published.{tests}")
    typer.echo(f"{file} is valid.{tests}")


def _of_tests(found: CheckedPlan, workspace: str | None) -> str:
    """Whether the tests of the plan ran, and how many."""
    if workspace is None:
        return " Use --workspace to check names and run the plan's tests."
    count = len(found.document.tests) if found.document is not None else 0
    if found.tests_run is None:
        return (
            f" Its tests did not run, because of the errors: {count}." if count else " Its tests did not run."
        )
    if not count:
        return " It has no tests."
    failed = len({each.path.partition(".")[0] for each in found.findings if each.code == "test_failed"})
    ran = f"{count} test ran" if count == 1 else f"{count} tests ran"
    return f" {ran}: {count - failed} passed, {failed} failed."


def _check_alone(raw: bytes) -> CheckedPlan:
    data = load_plan(raw)
    if isinstance(data, list):
        return CheckedPlan(None, located(data, raw))
    nobody = Facts(datetime.now(UTC), Directory(0, {}, {}), State())
    found = check_plan(data, nobody, _capabilities(), text=raw)
    findings = [each for each in found.findings if each.code not in WITH_DIRECTORY]
    return CheckedPlan(found.document, findings)


def _check_in(raw: bytes, workspace: str) -> CheckedPlan:
    data = load_plan(raw)
    if isinstance(data, list):
        return CheckedPlan(None, located(data, raw))

    async def work(pool: Pool) -> CheckedPlan:
        id_ = (await workspace_named(pool, workspace)).id
        async with transaction(pool, id_, read_only=True) as connection:
            now = await read_current_state_on(connection, id_)
            tables = await read_named_tables(connection, id_, tables_in(data))
            attributes = await list_attribute_names(connection, id_)
        return check_plan(data, now.facts, _capabilities(), tables, raw, attributes)

    return with_pool(work)


@commands.command()
def publish(file: File, workspace: Workspace, comment: Comment) -> None:
    """Store a plan as the next version, and activate it if it has no errors."""
    raw = file.read_bytes()

    async def work(pool: Pool) -> PlanFindings:
        id_ = (await workspace_named(pool, workspace)).id
        author, service = system_user(), _capabilities()
        drafted = await versions.draft(pool, id_, author, service, raw, comment)
        version = drafted.version.version
        return await versions.activate(pool, id_, author, service, version, comment, "publish")

    _print_active(with_pool(work), workspace)


@commands.command()
def rollback(
    version: Annotated[int, typer.Argument(min=1, max=2**31 - 1)], workspace: Workspace, comment: Comment
) -> None:
    """Activate an earlier version again."""

    async def work(pool: Pool) -> PlanFindings:
        id_ = (await workspace_named(pool, workspace)).id
        author, service = system_user(), _capabilities()
        return await versions.activate(pool, id_, author, service, version, comment, "rollback")

    _print_active(with_pool(work), workspace)


@commands.command("list")
def list_versions(
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """List all versions: number, state, when it was stored, author, comment."""

    async def work(pool: Pool) -> tuple[list[Version], int]:
        id_ = (await workspace_chosen(pool, workspace)).id
        found: list[Version] = []
        while True:
            page, active = await versions.page(pool, id_, found[-1].version if found else 0, PAGE)
            found += page
            if len(page) < PAGE:
                return found, active

    found, active = with_pool(work)
    for each in found:
        state = "active" if each.version == active else "published" if each.activated_at else "draft"
        cells = (str(each.version), state, f"{each.created_at:%Y-%m-%d %H:%MZ}", each.author)
        typer.echo("\t".join((*cells, each.comment or "")).rstrip())


def _capabilities() -> Capabilities:
    """What a service with these settings is capable of."""
    return Capabilities(strategies(), ConsoleLinks.of(settings_now()).refusal)


def _print_active(published: PlanFindings, workspace: str) -> None:
    _print_findings(published.findings)
    typer.echo(f"Version {published.version.version} is now active in {workspace!r}.")


def _print_findings(findings: Iterable[Finding]) -> None:
    for each in findings:
        typer.echo(f"{each.severity}  {each.path or 'plan'}  {each.code}: {each.text}", err=True)
