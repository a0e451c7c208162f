"""Versions of the plan: create, publish, roll back, read."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.directory.edit_once import Edit
from app.directory.editing import DirectoryEdit, edit_directory
from app.engine.lookup.tables import TableContent
from app.errors import (
    AlreadyActive,
    NeverPublished,
    NotFound,
    Overloaded,
    PlanInvalid,
    PlanUnparseable,
    ValidationFailed,
)
from app.metrics.label_names import LabelNames
from app.plan.document.queues import read_aging
from app.plan.findings import Finding, settles, softened
from app.plan_check.capabilities import Capabilities
from app.plan_check.parse import faults
from app.plan_check.references import tables_in
from app.plans.check import (
    CheckedPlan,
    PlanNames,
    check_names,
    check_stored,
    check_text,
    read_text,
    too_costly,
)
from app.plans.kept_findings import Basis, Findings, KeptFindings
from app.plans.limited import TooCostly, is_long, length_of, run_limited
from app.plans.outlook import with_outlook
from app.store import plans as store
from app.store.attribute_names import list_attribute_names
from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory.tables import read_named_tables
from app.store.leads.waiting import find_misplaced, update_ranks
from app.store.life.clock_recounts import UNOWNED, add_recounts, update_wait_team
from app.store.life.sla_clocks import withdraw_clocks_of
from app.store.path.current_state import CurrentState, read_current_state_on
from app.store.plans import Version

Activation = Literal["publish", "rollback"]
REORDERED_AT_ONCE = 1_000
"""So many leads of a queue get their new rank in the commit of a plan. More would hold up other requests."""


@dataclass(frozen=True, slots=True)
class PlanFindings:
    """A version, its findings, the number of its tests if they ran, and whether it is active."""

    version: Version
    findings: Sequence[Finding]
    tests_run: int | None
    active: bool
    clocks_withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A version with its content, the state of the workspace, and the tables and attributes it can use."""

    version: Version
    document: dict[str, Any]
    source_text: str
    now: CurrentState
    tables: Mapping[str, TableContent]
    attributes: frozenset[str] | None


async def draft(
    pool: Pool,
    workspace_id: int,
    actor: str,
    capabilities: Capabilities,
    raw: bytes,
    comment: str | None = None,
) -> PlanFindings:
    """Store a text as the next version. Raises what `prepare_draft` raises."""
    add = await prepare_draft(pool, workspace_id, capabilities, raw, comment)
    async with edit_directory(pool, workspace_id, actor) as edit:
        return await add(edit)


async def prepare_draft(
    pool: Pool,
    workspace_id: int,
    capabilities: Capabilities,
    raw: bytes,
    comment: str | None = None,
) -> Edit[PlanFindings]:
    """Read and check a text. The result stores it as the next version.

    The version's comment is `comment`, or else the plan's own. Raises ValidationFailed when the text cannot
    be read.
    """
    try:
        return await _prepare_draft(pool, workspace_id, capabilities, raw, comment)
    except TooCostly:
        raise _unreadable([too_costly()]) from None


async def _prepare_draft(
    pool: Pool,
    workspace_id: int,
    capabilities: Capabilities,
    raw: bytes,
    comment: str | None,
) -> Edit[PlanFindings]:
    read = await run_limited(workspace_id, len(raw), read_text, raw)
    if isinstance(read, list):
        raise _unreadable(read)
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_current_state_on(connection, workspace_id)
        tables = await read_named_tables(connection, workspace_id, read.tables)
        attributes = await list_attribute_names(connection, workspace_id)
    length = length_of(raw, tables.values())
    found = await run_limited(
        workspace_id,
        length,
        check_text,
        *(read.written, now.facts, capabilities, tables, raw, attributes),
    )
    if found.document is None:
        raise _unreadable(found.findings)
    comment = comment or found.document.comment
    found = await with_outlook(pool, workspace_id, found)
    source_text = raw.decode("utf-8-sig")

    async def add(edit: DirectoryEdit) -> PlanFindings:
        connection, author = edit.connection, edit.actor
        version = await store.insert_version(
            connection, workspace_id, read.written, source_text, author, comment, edit.now
        )
        await edit.log("plans", str(version.version), "draft", None, {"version": version.version}, comment)
        return PlanFindings(version, found.findings, found.tests_run, active=False)

    return add


async def activate(
    pool: Pool,
    workspace_id: int,
    actor: str,
    capabilities: Capabilities,
    version: int,
    comment: str | None,
    how: Activation,
) -> PlanFindings:
    """Make a version active, for every process from the next commit group on.

    Raises what `prepare_activation` raises.
    """
    switch = await prepare_activation(pool, workspace_id, capabilities, version, comment, how)
    async with edit_directory(pool, workspace_id, actor) as edit:
        return await switch(edit)


async def prepare_activation(
    pool: Pool,
    workspace_id: int,
    capabilities: Capabilities,
    version: int,
    comment: str | None,
    how: Activation,
) -> Edit[PlanFindings]:
    """Check a version. The result makes it active.

    Raises NotFound, AlreadyActive, NeverPublished for a rollback to a version that never was active, and
    PlanInvalid or PlanUnparseable with the errors. The result checks again what changed in the meantime;
    for a long plan it raises Overloaded instead.
    """
    stored = await find(pool, workspace_id, version)
    _check_activation(stored.version, stored.now.entry.plan_version, how)
    found = await findings(workspace_id, stored, capabilities)
    found = await with_outlook(pool, workspace_id, found)
    acceptable = _acceptable(found, how)

    async def switch(edit: DirectoryEdit) -> PlanFindings:
        current = await store.find_version(edit.connection, workspace_id, version)
        _check_activation(current or stored.version, edit.plan_version, how)
        present = acceptable
        if found.document is not None and edit.version != stored.now.entry.directory_version:
            # The directory has changed, so the names in the plan are checked again.
            tables = await read_named_tables(edit.connection, workspace_id, tables_in(stored.document))
            length = length_of(stored.source_text, tables.values())
            if is_long(length):
                # Its check takes seconds, in which nobody could decide.
                raise Overloaded("The directory was edited while the plan was checked.")
            # At once: to wait for a place here would keep everybody else waiting for the lock.
            again = await asyncio.to_thread(  # noqa: TID251
                check_names,
                *(stored.document, stored.source_text, capabilities, edit.snapshot.directory, edit.now),
                *(tables, stored.attributes),
            )
            present = _acceptable(CheckedPlan(found.document, again), how)
        if found.named is not None and found.document is not None:
            await _choose_label_names(edit, version, found.named, found.document.queues)
        active, withdrawn = await _switch(edit, version, comment, how)
        return PlanFindings(active, present, found.tests_run, active=True, clocks_withdrawn=withdrawn)

    return switch


async def _choose_label_names(
    edit: DirectoryEdit, version: int, named: PlanNames, queues: Iterable[str]
) -> None:
    """Choose the names that are labels of metrics, when the version becomes active for the first time.

    Teams that the plan does not name follow those that it names.
    """
    connection, workspace_id = edit.connection, edit.workspace_id
    if await store.find_label_names(connection, workspace_id, version) is not None:
        return
    before = await store.find_label_names(connection, workspace_id, edit.plan_version)
    present = edit.snapshot.directory.teams
    names = (before or LabelNames()).renewed(
        steps=named.steps,
        teams=[team for team in named.teams if team in present],
        reasons=named.reasons,
        queues=queues,
        other_teams=sorted(present),
    )
    await store.set_label_names(connection, workspace_id, version, names)


async def _switch(
    edit: DirectoryEdit, version: int, comment: str | None, how: Activation
) -> tuple[Version, int]:
    """Make a version active. Returns it with the number of clocks that were withdrawn."""
    before = {"version": edit.plan_version} if edit.plan_version else None
    await store.mark_activated(edit.connection, edit.workspace_id, version, edit.now)
    await _reorder(edit, version)
    await _recount_waits(edit, version)
    withdrawn = await _withdraw_clocks(edit, version)
    await edit.log("plans", str(version), how, before, {"version": version}, comment)
    edit.plan_version = version
    stored = await store.find_version(edit.connection, edit.workspace_id, version)
    if stored is None:
        raise LookupError("a version is never removed")
    return stored, withdrawn


async def _withdraw_clocks(edit: DirectoryEdit, version: int) -> int:
    """Withdraw the clocks of SLAs that the new version does not have. Returns how many ran."""
    before, after = [
        await store.find_text(edit.connection, edit.workspace_id, each)
        for each in (edit.plan_version, version)
    ]
    gone = sorted(_slas(before) - _slas(after))
    if not gone:
        return 0
    return await withdraw_clocks_of(edit.connection, edit.workspace_id, gone, edit.now)


def _slas(found: tuple[dict[str, Any], str] | None) -> set[str]:
    return set(found[0].get("slas") or ()) if found is not None else set()


async def _reorder(edit: DirectoryEdit, version: int) -> None:
    """Put the leads of each queue whose aging changes into their new order. The worker does the rest."""
    before = await _aging(edit, edit.plan_version)
    after = await _aging(edit, version)
    for queue in before.keys() | after.keys():
        if before.get(queue, 0) != after.get(queue, 0):
            place = (edit.connection, edit.workspace_id, queue, after.get(queue, 0))
            await update_ranks(*place, await find_misplaced(*place, REORDERED_AT_ONCE))


async def _recount_waits(edit: DirectoryEdit, version: int) -> None:
    """The leads of a queue from which another team may claim now wait in the working time of that team."""
    before = await _claimable_by(edit, edit.plan_version)
    after = await _claimable_by(edit, version)
    changed = [queue for queue, team in after.items() if before.get(queue) != team]
    for queue in changed:
        await update_wait_team(edit.connection, edit.workspace_id, queue, after[queue])
    if changed:
        await add_recounts(edit.connection, edit.workspace_id, [UNOWNED])


async def _claimable_by(edit: DirectoryEdit, version: int) -> dict[str, str | None]:
    """The team that may claim from each queue in a stored version, None for every owner."""
    found = await store.find_text(edit.connection, edit.workspace_id, version)
    queues = found[0].get("queues") if found is not None else None
    return {name: (each or {}).get("claimable_by") for name, each in (queues or {}).items()}


async def _aging(edit: DirectoryEdit, version: int) -> dict[str, int]:
    """The aging of each queue that has one, in a stored version."""
    found = await store.find_text(edit.connection, edit.workspace_id, version)
    queues = found[0].get("queues") if found is not None else None
    return {
        name: read_aging(each["aging"]) for name, each in (queues or {}).items() if each and "aging" in each
    }


async def find(pool: Pool, workspace_id: int, version: int | None) -> StoredPlan:
    """A version, or the active one for None.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        stored = await _find_on(connection, workspace_id, version)
        return await _with_tables(connection, workspace_id, stored)


async def find_checked(
    pool: Pool, workspace_id: int, version: int | None, capabilities: Capabilities, kept: KeptFindings
) -> tuple[StoredPlan, Findings]:
    """A version, or the active one, and the findings about it with the current directory.

    The tables are only read where the version has to be checked. Raises NotFound or Overloaded.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        stored = await _find_on(connection, workspace_id, version)
        number, now = stored.version.version, stored.now
        basis = Basis(now.entry.directory_version, stored.attributes, now.facts.now)
        check = kept.find(workspace_id, number, basis)
        if check is None:
            stored = await _with_tables(connection, workspace_id, stored)
    if check is None:
        check = kept.find(workspace_id, number, basis)  # another caller may have begun it meanwhile
    if check is None:
        checking = _check(workspace_id, stored, capabilities)
        check = kept.begin(workspace_id, number, basis, checking)
    return stored, await asyncio.shield(check)


async def _check(workspace_id: int, stored: StoredPlan, capabilities: Capabilities) -> Findings:
    found = await findings(workspace_id, stored, capabilities)
    return Findings(found.findings, found.tests_run)


async def _find_on(connection: Connection, workspace_id: int, version: int | None) -> StoredPlan:
    now = await read_current_state_on(connection, workspace_id)
    number = now.entry.plan_version if version is None else version
    text = await store.find_text(connection, workspace_id, number)
    found = await store.find_version(connection, workspace_id, number)
    if text is None or found is None:
        raise NotFound("This version does not exist." if number else "No plan is active.")
    attributes = await list_attribute_names(connection, workspace_id)
    return StoredPlan(found, *text, now, {}, attributes)


async def _with_tables(connection: Connection, workspace_id: int, stored: StoredPlan) -> StoredPlan:
    tables = await read_named_tables(connection, workspace_id, tables_in(stored.document))
    return replace(stored, tables=tables)


async def findings(workspace_id: int, stored: StoredPlan, capabilities: Capabilities) -> CheckedPlan:
    """The findings about a stored version with the current directory."""
    try:
        return await run_limited(
            workspace_id,
            length_of(stored.source_text, stored.tables.values()),
            check_stored,
            *(stored.document, stored.now.facts, capabilities, stored.tables),
            *(stored.source_text, stored.attributes),
        )
    except TooCostly:
        return CheckedPlan(None, [too_costly()])


async def page(pool: Pool, workspace_id: int, after: int, limit: int) -> tuple[list[Version], int]:
    """The versions after `after`, in order, and the number of the active one (0 for none)."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_current_state_on(connection, workspace_id)
        return await store.list_versions(connection, workspace_id, after, limit), now.entry.plan_version


async def newest(pool: Pool, workspace_id: int, before: int, limit: int) -> tuple[list[Version], int]:
    """The versions before `before`, the newest first, and the number of the active one (0 for none)."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_current_state_on(connection, workspace_id)
        return await store.list_newest(connection, workspace_id, before, limit), now.entry.plan_version


def _check_activation(version: Version, active: int, how: Activation) -> None:
    if version.version == active:
        raise AlreadyActive
    if how == "rollback" and version.activated_at is None:
        raise NeverPublished


def _acceptable(found: CheckedPlan, how: Activation) -> list[Finding]:
    """The findings of a version that may become active. Rollbacks are judged more leniently.

    Raises ValidationFailed when there are errors.
    """
    lenient = how == "rollback" and found.document is not None
    findings = softened(found.findings) if lenient else found.findings
    if not settles(findings):
        errors = [finding for finding in findings if finding.severity == "error"]
        raise PlanInvalid(faults=faults(errors, "plan"))
    return findings


def _unreadable(findings: Sequence[Finding]) -> ValidationFailed:
    return PlanUnparseable(faults=faults(findings))
