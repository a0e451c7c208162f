"""Reading and writing tables. Slow work runs before the lock, and again if the state has changed since."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.directory.editing import DirectoryEdit, edit_directory
from app.directory.records import UNCONDITIONAL, Precondition
from app.directory.table_diff import TableDifference, diff_rows
from app.engine.compile.plan import table_refs_of
from app.engine.lookup.rows import read_rows
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Directory
from app.errors import Fault, InUse, NotFound
from app.places import TABLES
from app.plan.document.plan import PlanDocument
from app.plan.findings import Finding
from app.plan_check.parse import Strategies, parse_plan, steps
from app.plan_check.references import tables_in
from app.plan_check.row_overlaps import RowFindings, assume_target, find_overlaps
from app.plan_check.tables import Unknown, column_findings, duplicate_rows, odd_cells, unknown_names, unread
from app.store import plans
from app.store.connection.pool import Pool, transaction
from app.store.directory import tables
from app.store.directory.records import Record
from app.store.directory.tables import StoredTable, StoredTableHead, TableVersion
from app.store.path.current_state import read_current_state_on
from app.store.stored_bytes import pack


@dataclass(frozen=True, slots=True)
class TableReport:
    """What a new state of a table changes, and the findings about it.

    `misfits` are rules of the active plan that match on other columns.
    """

    difference: TableDifference
    oddities: RowFindings
    unknown: Sequence[Unknown]
    unread: Sequence[Finding]
    duplicates: Sequence[Finding]
    misfits: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table after a write, whether it is new, and the report."""

    head: StoredTableHead
    created: bool
    report: TableReport


@dataclass(frozen=True, slots=True)
class _Seen:
    """The state a report is based on. `document` is None when the active plan does not use the table."""

    before: StoredTable | None
    plan_version: int
    document: PlanDocument | None
    directory: Directory

    def holds(self, edit: DirectoryEdit, now: Record | None) -> bool:
        """Whether nothing has changed since."""
        revision = self.before.revision if self.before else None
        return (revision, self.plan_version) == (now.revision if now else None, edit.plan_version)


class _StoredForm(NamedTuple):
    """The text of a table, the same packed, and its digest."""

    text: str
    packed: bytes
    digest: str


async def put(
    pool: Pool,
    workspace_id: int,
    actor: str,
    strategies: Strategies,
    id_: str,
    table: TableContent,
    on: Precondition = UNCONDITIONAL,
) -> WrittenTable:
    """Replace a table. An unchanged one keeps its revision.

    Raises PreconditionFailed, and InUse when the active plan matches on other columns.
    """
    content = await TABLES.run(workspace_id, _stored_form, table)
    while True:
        seen = await _look(pool, workspace_id, strategies, id_)
        report = await TABLES.run(workspace_id, _report, seen, id_, table)
        async with edit_directory(pool, workspace_id, actor) as edit:
            before = await tables.find_table_head(edit.connection, workspace_id, id_)
            on.check(before)
            if seen.holds(edit, before):
                if report.misfits:
                    raise _misfit(report.misfits)
                head = await _keep(edit, id_, table, content, before, report.difference)
                return WrittenTable(head, before is None, report)


def _stored_form(table: TableContent) -> _StoredForm:
    text = tables.table_to_text(table)
    written = text.encode()
    return _StoredForm(text, pack(written), hashlib.sha256(written).hexdigest())


async def _look(pool: Pool, workspace_id: int, strategies: Strategies, id_: str) -> _Seen:
    async with transaction(pool, workspace_id, read_only=True) as connection:
        now = await read_current_state_on(connection, workspace_id)
        found = await tables.read_tables(connection, workspace_id, [id_])
        version = now.entry.plan_version
        plan = await plans.find_text(connection, workspace_id, version) if version else None
    document = None
    if plan is not None and id_ in tables_in(plan[0]):
        document = await TABLES.run(workspace_id, parse_plan, plan[0], strategies)
    named = document if isinstance(document, PlanDocument) else None
    return _Seen(found.get(id_), version, named, now.facts.directory)


def _report(seen: _Seen, id_: str, table: TableContent) -> TableReport:
    table_refs = table_refs_of(seen.document).values() if seen.document else ()
    asked = dict.fromkeys(look.match_on for look in table_refs if look.table == id_)
    misfits = [each for on in asked for each in column_findings(on, table.columns, "")]
    ons = list(asked) if asked and not misfits else [assume_target(table)]
    rows = [read_rows(on, table.columns, table.rows) for on in ons]
    found = [find_overlaps(on, table, each) for on, each in zip(ons, rows, strict=True)]
    return TableReport(
        diff_rows(seen.before.table() if seen.before else None, table),
        RowFindings(found[0].duplicates, sorted({pair for each in found for pair in each.overlaps})),
        list(unknown_names(table, seen.directory, seen.document)),
        [
            finding
            for on, each in zip(ons, rows, strict=True)
            for finding in (*unread(on, table, each), *odd_cells(on, table))
        ],
        list(duplicate_rows(found[0].duplicates, table)),
        misfits,
    )


async def _keep(
    edit: DirectoryEdit,
    id_: str,
    table: TableContent,
    content: _StoredForm,
    before: Record | None,
    changes: TableDifference,
) -> StoredTableHead:
    body = {"columns": list(table.columns), "rows": len(table.rows), "digest": content.digest}
    if before is not None and before.body == body:
        return StoredTableHead(id_, table.columns, len(table.rows), before.revision, before.updated_at)
    after = {**body, "difference": changes.to_json()}
    await edit.log(tables.RESOURCE_TYPE, id_, "put", before.body if before else None, after)
    await tables.put_table(edit.connection, edit.workspace_id, id_, content.text, edit.version, edit.now)
    version = TableVersion(edit.version, len(table.rows), edit.actor, edit.now)
    await tables.keep_version(edit.connection, edit.workspace_id, id_, version, content.packed)
    return StoredTableHead(id_, table.columns, len(table.rows), edit.version, edit.now)


async def find(pool: Pool, workspace_id: int, id_: str) -> StoredTable:
    """A table with its rows.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await tables.read_tables(connection, workspace_id, [id_])
    if id_ not in found:
        raise NotFound()
    return found[id_]


async def roll_back(
    pool: Pool,
    workspace_id: int,
    actor: str,
    strategies: Strategies,
    id_: str,
    revision: int,
    on: Precondition = UNCONDITIONAL,
) -> WrittenTable:
    """Write an earlier version again, as a new revision.

    Raises NotFound, and whatever `put` raises.
    """
    earlier = await find_version(pool, workspace_id, id_, revision)
    table = await TABLES.run(workspace_id, earlier.table)
    return await put(pool, workspace_id, actor, strategies, id_, table, on)


async def difference(
    pool: Pool, workspace_id: int, id_: str, before: int, after: int | None
) -> TableDifference:
    """What changed between two versions; up to the present one unless `after` is named.

    Raises NotFound.
    """
    old = await find_version(pool, workspace_id, id_, before)
    new = await (
        find(pool, workspace_id, id_) if after is None else find_version(pool, workspace_id, id_, after)
    )
    return await TABLES.run(workspace_id, lambda: diff_rows(old.table(), new.table()))


async def versions(pool: Pool, workspace_id: int, id_: str, after: int, limit: int) -> list[TableVersion]:
    """The versions of a table after a revision, in order.

    Raises NotFound when there never was such a table.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await tables.list_versions(connection, workspace_id, id_, after, limit)
    if not found and after == 0:
        raise NotFound()
    return found


async def find_version(pool: Pool, workspace_id: int, id_: str, revision: int) -> StoredTable:
    """A version of a table with its rows.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await tables.find_version(connection, workspace_id, id_, revision)
    if found is None:
        raise NotFound()
    return found


async def page(pool: Pool, workspace_id: int, after: str, limit: int) -> list[StoredTableHead]:
    """The tables after `after`, by id, without their rows."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await tables.list_tables(connection, workspace_id, after, limit)


def _misfit(misfits: Sequence[Finding]) -> InUse:
    faults = [Fault(steps(each.path), each.code, each.text, "plan") for each in misfits]
    return InUse(
        "The active plan matches on other columns. Publish a plan that does not first.", faults=faults
    )
