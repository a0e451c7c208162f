"""The views for BI tools: each login reads one workspace, whatever it sets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.models.tables import metadata
from app.reports.upkeep import FactUpkeep
from tests.support.workspace import Workspace, create_workspace

pytestmark = pytest.mark.alone

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


async def test_spend_and_shares_are_those_of_the_reports(two: tuple[Workspace, Workspace]) -> None:
    mine, other = two
    for each in two:
        row = {"campaign": "autumn", "day": "2030-11-18", "currency": "EUR", "amount": 12.5}
        assert (await each.client.put("/spend", json={"rows": [row]})).status_code == 200
    report = (await mine.client.get("/metrics/fairness", params={"group_by": "team,owner"})).json()
    await other.client.get("/metrics/fairness")
    async with reader(mine) as connection:
        await connection.execute(f"SET lead_assignment.workspace = '{other.workspace_id}'")
        spent = await connection.fetch("SELECT campaign, currency, amount FROM reports.spend")
        assert [tuple(each) for each in spent] == [("autumn", "EUR", 12.5)]
        shares = await connection.fetch(
            "SELECT team_id, owner_id, sum(leads) FILTER (WHERE part = 'due_by_weight') AS due,"
            " coalesce(sum(leads) FILTER (WHERE part = 'received'), 0) AS received"
            " FROM reports.shares GROUP BY team_id, owner_id"
        )
        assert {(each["team_id"], each["owner_id"]): float(each["received"]) for each in shares} == {
            (row["team"], row["owner"]): row["received"] for row in report["rows"] if row["due_by_weight"]
        }
        for statement in (
            "SELECT updated_by FROM public.spend",
            "SELECT campaign FROM public.spend",
            "DELETE FROM reports.spend",
            "UPDATE share_facts SET number = 0",
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
