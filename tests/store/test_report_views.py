"""The views for BI tools: each login reads one workspace, whatever it sets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.models.tables import metadata
from app.reports.upkeep import FactUpkeep
from tests.support.workspace import Workspace, create_workspace

READER = "reader_of_reports"
VIEWS = {
    "leads": "lead_facts", "assignments": "assignment_facts", "promises": "promise_facts",
    "events": "event_facts", "sales": "sale_facts",
}  # fmt: skip


@asynccontextmanager
async def reader(workspace: Workspace) -> AsyncIterator[asyncpg.Connection]:
    """A session of a login of a BI tool, as the documentation makes it."""
    pool, id_ = workspace.pool, workspace.workspace_id
    await pool.execute(f"DROP ROLE IF EXISTS {READER}")
    await pool.execute(f"CREATE ROLE {READER} LOGIN IN ROLE lead_assignment_reports")
    await pool.execute("INSERT INTO report_readers (login, workspace_id) VALUES ($1, $2)", READER, id_)
    connection = await asyncpg.connect(workspace.app.state.settings.database_url, user=READER)
    try:
        yield connection
    finally:
        await connection.close()
        await pool.execute(f"DROP ROLE {READER}")


@pytest.fixture
async def two(workspace: Workspace) -> tuple[Workspace, Workspace]:
    """Two workspaces with a lead each and its facts."""
    other = await create_workspace(workspace.app, "other")
    for each in (workspace, other):
        await each.assign(external_id="a", source="web")
        await FactUpkeep(each.pool).catch_up(each.workspace_id, 30)
    return workspace, other


async def test_reader_sees_its_workspace_only_whatever_it_sets(two: tuple[Workspace, Workspace]) -> None:
    mine, other = two
    async with reader(mine) as connection:
        own = await connection.fetch("SELECT lead_id FROM reports.leads")
        assert len(own) == 1
        await connection.execute(f"SET lead_assignment.workspace = '{other.workspace_id}'")
        assert await connection.fetch("SELECT lead_id FROM reports.leads") == own
        assert await connection.fetchval("SELECT count(*) FROM public.lead_facts") == 1
        for statement in (
            "SELECT count(*) FROM leads",
            "SELECT count(*) FROM events",
            "SELECT count(*) FROM report_readers",
            "UPDATE reports.leads SET state = 'gone'",
            "DELETE FROM lead_facts",
            "SET ROLE lead_assignment_app",
            "SELECT prepare_report_readers()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_login_without_a_workspace_sees_nothing(two: tuple[Workspace, Workspace]) -> None:
    mine, _ = two
    async with reader(mine) as connection:
        await mine.pool.execute("DELETE FROM report_readers WHERE login = $1", READER)
        assert await connection.fetchval("SELECT count(*) FROM reports.assignments") == 0


async def test_views_have_all_columns_of_the_facts_but_the_workspace(workspace: Workspace) -> None:
    for view, table in VIEWS.items():
        rows = await workspace.pool.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'reports' AND table_name = $1",
            view,
        )
        columns = {column.name for column in metadata.tables[table].columns}
        assert {row["column_name"] for row in rows} == columns - {"workspace_id"}, view
