"""Ready means that a lead could be decided now; and a database that cannot work costs no lead and no 500."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from app.errors import SchemaOlder
from app.store.connection.readiness import RECENT_SECONDS, require_ready
from app.store.connection.revision import NEWEST_REVISION
from app.troubles import LOG_SECONDS, Troubles
from tests.support.bouncer import bounced, bouncer
from tests.support.postgres import FOUND, Clusters
from tests.support.shell import Shell
from tests.support.workspace import (
    Filled,
    Workspace,
    client_of,
    create_workspace,
    open_workspace,
    running_app,
)

pytestmark = pytest.mark.alone

CALLS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/assign", {"lead": {"external_id": "a"}}),
    ("PUT", "/owners/zoe", {"name": "Zoe"}),
    ("PUT", "/teams/desk", {"name": "Desk", "members": []}),
    ("PUT", "/calendars/day", {"timezone": "UTC", "hours": "08:00-17:00"}),
    ("POST", "/plans", {"queues": {"q": {}}, "pipeline": [{"queue": {"name": "q"}}]}),
    ("POST", "/queues/unrouted/claim", {"owner_id": "ben"}),
    ("PATCH", "/teams/dach/members/ana", {"weight": 2}),
)
"""Calls that write, on routes of every kind."""


async def readiness(client: httpx2.AsyncClient) -> tuple[int, str]:
    """The status and the code of `/readyz`."""
    answer = await client.get("/readyz")
    body = answer.json()
    assert answer.status_code == 200 or body["detail"].endswith(".")
    return answer.status_code, str(body.get("code", "ready"))


async def refusals(workspace: Workspace) -> set[tuple[int, str]]:
    """How calls that write are answered."""
    answers = [await workspace.client.request(verb, url, json=body) for verb, url, body in CALLS]
    batch = await workspace.client.post("/assign/batch", json={"items": [{"lead": {"external_id": "b"}}]})
    return {(each.status_code, str(each.json().get("code"))) for each in [*answers, batch]}


UNAVAILABLE = {(503, "database_unavailable")}


async def test_service_is_ready_only_with_the_schema_of_its_code(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await readiness(workspace.client) == (200, "ready")
    for statement, expected in (
        ("UPDATE alembic_version SET version_num = '0001'", (503, "schema_older")),
        ("UPDATE alembic_version SET version_num = '9999'", (200, "ready")),
        ("COMMENT ON TABLE alembic_version IS '9999'", (503, "schema_newer")),
        ("COMMENT ON TABLE alembic_version IS NULL", (503, "schema_newer")),
        (f"UPDATE alembic_version SET version_num = '{NEWEST_REVISION}'", (200, "ready")),
        ("DROP TABLE alembic_version", (503, "schema_older")),
    ):
        await workspace.pool.execute(statement)
        assert await readiness(workspace.client) == expected, statement
    (line,) = (each for each in capsys.readouterr().out.splitlines() if "kind=not_ready" in each)
    assert "code=schema_older" in line
    metrics = (await workspace.client.get("/metrics")).text
    assert 'lead_assignment_troubles_total{kind="not_ready"} 4.0' in metrics


async def test_a_probe_whose_own_look_fails_says_why(workspace: Workspace) -> None:
    await workspace.pool.execute("ALTER TABLE api_keys RENAME TO api_keys_of_later")
    with pytest.raises(SchemaOlder):
        await require_ready(workspace.pool, 5.0, pgbouncer=False, keys=True)
    assert workspace.pool.troubles.counts["schema_older"] == 1


async def test_read_only_database_is_told_apart_and_every_write_is_refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    name = await workspace.pool.fetchval("SELECT quote_ident(current_database())")
    await workspace.pool.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await workspace.pool.expire_connections()
    assert await readiness(workspace.client) == (503, "database_read_only")
    assert await refusals(workspace) == UNAVAILABLE
    assert capsys.readouterr().out.count("kind=database_read_only") == 1


@pytest.mark.parametrize("finder", ["probe", "lead", "edit"])
async def test_database_that_can_be_written_again_needs_no_restart(
    filled: Filled, workspace: Workspace, finder: str
) -> None:
    """Sessions keep the default they began with, so those of the pool are made again."""

    async def ask() -> int:
        client = workspace.client
        if finder == "probe":
            return (await client.get("/readyz")).status_code
        if finder == "edit":
            return (await client.put("/owners/zoe", json={"name": "Zoe"})).status_code
        return (await client.post("/assign", json={"lead": {"external_id": "a"}})).status_code

    operator = await asyncpg.connect(filled.dsn)
    try:
        name = await operator.fetchval("SELECT quote_ident(current_database())")
        await operator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await workspace.pool.expire_connections()
        assert await ask() == 503
        await operator.execute("SET default_transaction_read_only = off")
        await operator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert [await ask() for _ in range(2)][-1] < 300
    finally:
        await operator.close()


FAILING = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{}'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION fail()
"""


@pytest.mark.parametrize(("sqlstate", "code"), [("53100", "database_full"), ("26000", "pgbouncer_not_set")])
async def test_failed_write_keeps_the_service_from_being_ready_for_a_while(
    workspace: Workspace, sqlstate: str, code: str
) -> None:
    now = [0.0]
    workspace.app.state.pool.troubles = Troubles(lambda: now[0])
    await workspace.pool.execute(FAILING.format(sqlstate))
    assert await readiness(workspace.client) == (200, "ready")
    answer = await workspace.client.post("/assign", json={"lead": {"external_id": "a"}})
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert await readiness(workspace.client) == (503, code)
    now[0] += RECENT_SECONDS
    assert await readiness(workspace.client) == (200, "ready")
    await workspace.pool.execute("DROP TRIGGER fail ON journal")
    await workspace.assign(external_id="a")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE journal RENAME COLUMN token TO token_of_later",
        "REVOKE INSERT ON journal FROM lead_assignment_app",
        "ALTER TABLE journal RENAME TO journal_of_later",
    ],
)
async def test_wrong_schema_costs_no_lead_and_no_internal_error(workspace: Workspace, statement: str) -> None:
    await workspace.pool.execute(statement)
    # A claim from an empty queue writes nothing.
    assert await refusals(workspace) - {(409, "queue_empty")} == UNAVAILABLE
    assert await workspace.pool.fetchval("SELECT count(*) FROM failed_leads") == 0


async def test_service_without_a_key_serves_and_says_so(database: str) -> None:
    async with running_app(database) as app, client_of(app, None) as client:
        assert await readiness(client) == (503, "no_api_key")
        workspace = await create_workspace(app, "workspace")
        assert await readiness(client) == (200, "ready")
        await workspace.client.aclose()


@pytest.fixture
def pooled(clusters: Clusters, database: str) -> Iterator[str]:
    """The database by way of a PgBouncer in transaction mode."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on this machine")
    with bouncer(program, clusters.server(next(iter(FOUND)))) as directory:
        yield bounced(database, directory)


async def test_pgbouncer_without_its_setting_is_found_before_statements_fail(pooled: str) -> None:
    for told, expected in ((False, (503, "pgbouncer_not_set")), (True, (200, "ready"))):
        async with open_workspace(pooled, f"workspace-{told}", pgbouncer=told, no_worker=True) as workspace:
            assert await readiness(workspace.client) == expected


def test_commands_work_behind_pgbouncer_and_name_the_setting(pooled: str, tmp_path: Path) -> None:
    """Sessions share connections, so a command meets what another one prepared."""
    shell = Shell(tmp_path, DATABASE_URL=pooled)
    for _ in range(2):
        assert shell.says("workspaces", "list") == ""
    outputs = [shell.run("verify").stderr for _ in range(3)]
    assert any("LEAD_ASSIGNMENT_PGBOUNCER=true" in output for output in outputs), outputs
    shell.variables["LEAD_ASSIGNMENT_PGBOUNCER"] = "true"
    shell.says("verify")


def test_trouble_is_counted_each_time_and_logged_once_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [0.0]
    troubles = Troubles(lambda: now[0])
    for _ in range(3):
        troubles.note("files_exhausted")
    troubles.note("clock_jumped")
    now[0] = LOG_SECONDS
    troubles.note("files_exhausted")
    assert troubles.counts == {"files_exhausted": 4, "clock_jumped": 1}
    assert capsys.readouterr().out.count("trouble") == 3
