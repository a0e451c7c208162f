"""The database as the migrations leave it: as the models say, closed to the application, and repeatable."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.models.tables import GLOBAL, metadata
from app.store.connection.migrate import connect, migrate
from app.store.connection.pool import Pool, open_pool, transaction
from app.store.workspaces import create_workspace as create_store_workspace
from app.values.crm_ids import crm_id_key
from tests.support.postgres import FOUND, NEWEST_AND_LONG, Clusters, execute, in_a_thread
from tests.support.shell import Shell
from tests.support.workspace import Workspace, create_workspace, empty_workspace, running_app

ROLE = "lead_assignment_app"
PATIENCE = 120.0
OWNER = "tables_owner"
OWN = sorted(set(metadata.tables) - GLOBAL)


@pytest_asyncio.fixture
async def catalog(any_postgres_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a migrated database."""
    connection = await asyncpg.connect(any_postgres_database)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def workspace(any_postgres_database: str) -> AsyncIterator[Workspace]:
    """A workspace with a row in each of its tables."""
    # A worker would make the facts again, and delete sales that are in no event.
    async with running_app(any_postgres_database, no_worker=True) as app:
        workspace = await create_workspace(app, "workspace")
        async with workspace.client:
            await workspace.put("absences", "a", {"owner": "ben", "from": "2026-01-01", "to": "2026-01-02"})
            await workspace.client.post("/assign", json={"lead": LEAD}, headers={"Idempotency-Key": "k"})
            told = await workspace.assign(email="b@people.example")
            await workspace.client.post(
                f"/assignments/{told['assignment_id']}/events", json={"type": "closed"}
            )
            for table, values in (
                ("clocks", "now(), now(), 1"),
                ("failed_leads", "gen_random_uuid(), now(), 'decision', ''"),
                ("account_keys", "'domain', 'acme.example', 'acme'"),
                ("account_names", "'word', 'acme', 'acme'"),
                ("account_name_backfills", "''"),
                ("attribute_names", "'seats', now()"),
                ("table_versions", "'zip', 1, '', 0, 'a', now()"),
                (
                    "suppressions",
                    "'domain', 'hash:a', gen_random_uuid(), 'rivals', 'a', now(), gen_random_uuid(), "
                    "gen_random_uuid(), NULL, 1",
                ),
                ("clock_recounts", "'ana'"),
                ("worker_runs", "now()"),
                ("endpoint_secrets", "'crm', gen_random_uuid(), '', '', now()"),
                ("endpoint_hours", "'crm', now()"),
                ("crm_deliveries", "gen_random_uuid(), 'crm', now(), '{}'"),
                ("crm_turns", "'hubspot', 'contact', '1', now()"),
                ("erasures", "gen_random_uuid(), now(), 'a', '{}'"),
                ("owner_erasures", "'ana', 1, 1, now(), now(), 'a'"),
                (
                    "lead_merges",
                    "gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(), 'api', 'a', NULL, "
                    "'closed'",
                ),
                ("preference_changes", "gen_random_uuid(), gen_random_uuid(), 1, now(), 'a', '{}'"),
                ("contacts", "gen_random_uuid(), now(), 'a', 'email'"),
                ("form_tokens", "'web', sha256('a'), '', now()"),
                ("arrivals", "'ip', substring(sha256('a') FOR 16), now(), gen_random_uuid(), 1"),
                ("hash_keys", "sha256('key')"),
                ("enrichment_keys", "sha256('key')"),
                ("enrichment_answers", "'p', 'q', 'empty', NULL, NULL, NULL, now(), now()"),
                ("enrichment_secrets", "'s', 'h', '', '', now()"),
                ("enrichment_breakers", "'p', 1, 'timeout', false, now()"),
                ("contacts", "gen_random_uuid(), now(), 'a', 'email'"),
                ("preference_changes", "gen_random_uuid(), gen_random_uuid(), 1, now(), 'a', '{}'"),
                ("suppression_keys", "1, sha256('key'), now()"),
                ("barred_records", "'a', now()"),
                ("retention_runs", "now()"),
                ("targets", "'t', 'https://t.example/', '{*}', true, 4, 1, now(), 'a'"),
                ("target_secrets", "'t', gen_random_uuid(), '', '', now()"),
                ("target_cursors", "0, 0"),
                ("fact_cursors", "0, 0, now()"),
                ("spend", "'autumn', 'autumn', now()::date, 'EUR', 1, now(), 'a'"),
                ("form_tokens", "'web', '', '', now()"),
                ("form_ids", "'web', sha256('a'), gen_random_uuid(), now()"),
                ("form_records", "'web', sha256('a'), NULL, now()"),
                ("test_leads", "gen_random_uuid(), 'web', now(), '', ''"),
                ("console_sessions", "sha256('a'), 'key', now(), now()"),
                ("console_links", "sha256('a'), 'key', now()"),
                ("share_splits", "gen_random_uuid(), '{ana}', '{received}', '{1}'"),
                ("share_facts", "'inbound', 1, now(), NULL, gen_random_uuid()"),
            ):
                await workspace.pool.execute(
                    f"INSERT INTO {table} SELECT $1, {values} ON CONFLICT DO NOTHING", workspace.workspace_id
                )
            for statement in ROWS:
                await workspace.pool.execute(statement, workspace.workspace_id)
            yield workspace


ROWS = (
    """INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, started_at, first_due_at, due_at,
         next_at, terms, state) SELECT $1, id, 'touch', lead_id, now(), now(), now(), now(), '{}', 'pending'
         FROM assignments LIMIT 1""",
    """INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at,
         state) SELECT $1, 'a', lead_id, id, 'tag', '{}', now(), now(), 'waiting' FROM assignments LIMIT 1""",
    """INSERT INTO bulk_jobs (workspace_id, id, kind, state, params, total, actor, created_at)
         SELECT $1, '00000000-0000-0000-0000-000000000001', 'reassign', 'running', '{}', 1, 'a', now()""",
    """INSERT INTO crm_records (workspace_id, system, object, id, state, seen_at, endpoint_id)
         SELECT $1, 'hubspot', 'contact', '1', 'waiting', now(), 'crm'""",
    """INSERT INTO crm_field_versions (workspace_id, system, object, id, field, "order", value, by_person)
         SELECT $1, 'hubspot', 'contact', '1', 'owner', 0, 'a', true""",
    """INSERT INTO crm_confirmed_writes (workspace_id, assignment_id, system, at)
         SELECT $1, id, 'hubspot', now() FROM assignments LIMIT 1""",
    """INSERT INTO crm_users (workspace_id, system, id, owner_id, state)
         SELECT $1, 'hubspot', '1', 'ana', 'active'""",
    """INSERT INTO crm_findings (workspace_id, code, endpoint_id, object, record_id, since, last_at)
         SELECT $1, 'loop', 'crm', 'contact', '1', now(), now()""",
    "INSERT INTO crm_watch (workspace_id, decision_number) SELECT $1, 0",
    """INSERT INTO bulk_job_items (workspace_id, job_id, position, lead_id)
         SELECT $1, '00000000-0000-0000-0000-000000000001', 1, id FROM leads LIMIT 1""",
    """INSERT INTO crm_inbox (workspace_id, endpoint_id, dedupe_key, id, delivery_id, system, object,
         record_id, kind, event_at, event_order, position, received_at, state, next_at)
         SELECT $1, 'crm', sha256(''), gen_random_uuid(), gen_random_uuid(), 'hubspot', 'contact', '1',
           'updated', now(), 0, 0, now(), 'pending', now()""",
    """INSERT INTO lead_facts (workspace_id, lead_id, received_at, state, imported, plan_version,
         first_number, changed_at, tags_conflict, arrivals, duplicates, tries, automated_answers, moves,
         cover_moves, handoffs, claims, rejects, ping_pong)
         SELECT $1, id, now(), 'open', false, 1, 1, now(), false, 1, 0, 0, 0, 0, 0, 0, 0, 0, false
           FROM leads LIMIT 1
         ON CONFLICT DO NOTHING""",
    """INSERT INTO assignment_facts (workspace_id, assignment_id, lead_id, decision_number, decided_at, cause,
         outcome, code, plan_version, open, attempt, counts_toward_load, refunded, action_types,
         tags_conflict, response_day_only, response_early, ping_pong, touch_day_only, changed_at)
         SELECT $1, id, lead_id, 1, now(), cause, outcome, code, 1, true, 1, true, false, '{}', false, false,
           false, false, false, now() FROM assignments LIMIT 1
         ON CONFLICT DO NOTHING""",
    """INSERT INTO promise_facts (workspace_id, assignment_id, kind, lead_id, arrived_at, started_at,
         plan_version, due_at, first, changed_at)
         SELECT $1, id, 'touch', lead_id, now(), now(), 1, now(), true, now() FROM assignments LIMIT 1
         ON CONFLICT DO NOTHING""",
    """INSERT INTO event_facts (workspace_id, event_id, lead_id, assignment_id, type, at, day_only, told_at,
         lead_received_at, actor, plan_version, effect, first)
         SELECT $1, id, lead_id, assignment_id, type, at, false, now(), now(), 'person', 1, effect, true
           FROM events LIMIT 1
         ON CONFLICT DO NOTHING""",
    """INSERT INTO sale_facts (workspace_id, event_id, currency, lead_id, deal, type, at, told_at,
         lead_received_at, plan_version, won, won_deals, pipeline, pipeline_deals)
         SELECT $1, id, 'EUR', lead_id, 1, 'purchase', at, now(), now(), 1, 1, 1, 0, 0 FROM events LIMIT 1
         ON CONFLICT DO NOTHING""",
    "INSERT INTO stale_facts (workspace_id, lead_id) SELECT $1, id FROM leads LIMIT 1",
    """INSERT INTO target_messages (workspace_id, target_id, id, type, lead_id, source, state, created_at,
         next_at) SELECT $1, 't', 'a', 'tag', id, 'action', 'waiting', now(), now() FROM leads LIMIT 1""",
)
"""Rows of tables with columns that have defaults."""


LEAD = {"external_id": "a"}


async def test_models_agree_with_the_migrations(any_postgres_database: str) -> None:
    async with connect(any_postgres_database) as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_server_default": True}), metadata
            )
        )
    assert found == []


KEYS = """
SELECT conrelid::regclass::text AS of, conname AS name, conkey[1] AS first, confkey[1] AS target,
       confrelid::regclass::text AS refers
  FROM pg_constraint
 WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace
UNION ALL
SELECT indrelid::regclass::text, indexrelid::regclass::text, indkey[0], NULL, NULL
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE relnamespace = 'public'::regnamespace
"""
COLUMNS = """
SELECT attrelid::regclass::text AS of, attnum AS number FROM pg_attribute
  JOIN pg_class ON pg_class.oid = attrelid
 WHERE relnamespace = 'public'::regnamespace AND attname = 'workspace_id' AND relkind = 'r'
"""


async def test_the_workspace_leads_every_key_and_index(catalog: asyncpg.Connection) -> None:
    first = {row["of"]: row["number"] for row in await catalog.fetch(COLUMNS)}
    tables = await catalog.fetch("SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public'")
    assert {row["name"] for row in tables} - first.keys() == GLOBAL - {
        "api_keys",
        "webhook_paths",
        "report_readers",
    }
    assert {row["name"] for row in tables} - GLOBAL == set(OWN)
    keys = [row for row in await catalog.fetch(KEYS) if row["of"] not in GLOBAL]
    assert {row["of"] for row in keys} == set(OWN)
    for row in keys:
        assert row["first"] == first[row["of"]], row["name"]
        if row["refers"] not in {None, "-"}:
            assert row["target"] == first[row["refers"]], row["name"]


async def test_no_table_refers_to_the_workspace_locks(catalog: asyncpg.Connection) -> None:
    """A foreign key would lock the workspace's lock row with every other write."""
    found = await catalog.fetch(
        "SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = 'workspace_locks'::regclass"
    )
    assert found == []


async def test_row_level_security_is_forced_on_every_workspace_table(catalog: asyncpg.Connection) -> None:
    rows = await catalog.fetch(
        """SELECT relname::text AS name, relrowsecurity AND relforcerowsecurity AS forced,
                  (SELECT count(*) FROM pg_policy
                    WHERE polrelid = pg_class.oid AND polroles <> ARRAY[relowner]
                      AND polroles <> ARRAY['lead_assignment_reports'::regrole::oid]) AS policies
             FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"""
    )
    forced = {row["name"]: (row["forced"], row["policies"]) for row in rows if row["name"] not in GLOBAL}
    assert forced == dict.fromkeys(OWN, (True, 1))


async def test_application_role_has_no_special_rights(catalog: asyncpg.Connection) -> None:
    role = await catalog.fetchrow(
        """SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
                  (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) AS owned,
                  (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid) AS member_of
             FROM pg_roles WHERE rolname = $1""",
        ROLE,
    )
    assert role is not None
    assert not any(role.values())


@pytest.mark.parametrize("setting", [None, "", "another's"])
async def test_without_its_workspace_nothing_is_seen_and_nothing_taken(
    workspace: Workspace, setting: str | None
) -> None:
    """S-25: the rows exist, and inserting any of them again is refused."""
    async with workspace.pool.acquire() as connection:
        rows = {
            table: await connection.fetchval(f"SELECT to_json(t) FROM {table} t LIMIT 1") for table in OWN
        }
        assert [table for table, row in rows.items() if row is None] == []
        if setting is not None:
            value = str(workspace.workspace_id + 1) if setting else ""
            await connection.execute("SELECT set_config('lead_assignment.workspace', $1, false)", value)
        await connection.execute(f"SET ROLE {ROLE}")
        for table, row in rows.items():
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
            again = f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, $1::json)"
            with pytest.raises(
                asyncpg.InsufficientPrivilegeError, match=r"row-level security|permission denied"
            ):
                await connection.execute(again, row)
        await connection.execute("RESET ALL; RESET ROLE")


FORBIDDEN = [
    *(f"{verb} {table}{rest}" for table in ("changes", "ledger_entries", "events") for verb, rest in (
        ("UPDATE", " SET at = now()"), ("DELETE FROM", ""), ("TRUNCATE", ""),
    )),
    "DELETE FROM assignments", "DELETE FROM leads", "DELETE FROM plans", "DELETE FROM workspace_locks",
    "UPDATE assignments SET owner_id = 'ana'", "UPDATE assignments SET response = ''",
    "UPDATE assignments SET inputs = ''", "UPDATE plans SET document = '{}'", "UPDATE journal SET at = now()",
    "UPDATE failed_leads SET code = ''", "UPDATE api_keys SET revoked_at = NULL", "DELETE FROM api_keys",
    "INSERT INTO webhook_paths VALUES (sha256(''), 2, 'x', '')",
    "UPDATE webhook_paths SET workspace_id = 2", "UPDATE crm_inbox SET endpoint_id = 'x'",
    "INSERT INTO workspaces (name) VALUES ('x')", "UPDATE workspaces SET name = 'x'",
    "UPDATE alembic_version SET version_num = ''",
    "CREATE TABLE mine (a integer)", "CREATE SCHEMA mine", "CREATE INDEX ON leads (state)",
    "DROP TABLE leads", "DELETE FROM erasures", "UPDATE erasures SET at = now()",
    "DELETE FROM barred_records", "DELETE FROM owner_erasures", "UPDATE owner_erasures SET ended_at = now()",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "CREATE ROLE mine",
    "ALTER TABLE leads DISABLE ROW LEVEL SECURITY", "ALTER TABLE leads ADD mine integer",
    "DROP POLICY own_workspace ON leads", "CREATE POLICY mine ON leads", "CREATE EXTENSION pg_trgm",
    "COPY leads TO PROGRAM 'true'",
]  # fmt: skip


async def test_the_application_cannot_change_the_past_nor_the_schema(database: str) -> None:
    pool = await open_pool(database, size=1, pgbouncer=False)
    try:
        workspace = await empty_workspace(pool, "workspace")
        assert workspace.workspace_id == 1
        allowed = [statement for statement in FORBIDDEN if not await refused(pool, statement)]
    finally:
        await pool.close()
    assert allowed == []


async def refused(pool: Pool, statement: str) -> bool:
    """Whether the role of the service may not do this."""
    try:
        async with transaction(pool, 1) as connection:
            await connection.execute(statement)
            await connection.execute("ROLLBACK")
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidGrantOperationError):
        return True
    return False


@pytest.fixture(params=FOUND, ids="postgres{}".format)
def empty_database(clusters: Clusters, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database in which nothing was ever made."""
    server = clusters.server(request.param)
    execute(server.dsn, "CREATE DATABASE unmade")
    yield server.database_dsn("unmade")
    execute(server.dsn, "DROP DATABASE unmade WITH (FORCE)")


async def revisions(dsn: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch("SELECT version_num FROM alembic_version")]
    finally:
        await connection.close()


@pytest.mark.parametrize("empty_database", NEWEST_AND_LONG, indirect=True, ids="postgres{}".format)
async def test_alembics_own_command_works(empty_database: str) -> None:
    """With either variable, and again where there is nothing left to do."""
    program = [str(Path(sys.executable).with_name("alembic")), "upgrade", "head"]
    root = Path(__file__).parents[2]
    for named in ("MIGRATION_DATABASE_URL", "DATABASE_URL"):
        given = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", named: empty_database}
        process = await asyncio.create_subprocess_exec(*program, cwd=root, env={**os.environ, **given})
        assert await process.wait() == 0
    newest = max((root / "migrations" / "versions").glob("0*.py")).name[:4]
    assert await revisions(empty_database) == [(newest,)]


async def test_migrating_twice_changes_nothing(any_postgres_database: str) -> None:
    before = await revisions(any_postgres_database)
    in_a_thread(lambda: migrate(any_postgres_database))
    assert await revisions(any_postgres_database) == before


SELECT_SERVED = "SELECT obj_description('alembic_version'::regclass, 'pg_class')"


async def test_database_says_which_older_code_may_go_on_with_it(empty_database: str) -> None:
    """Revision 19 says that it serves the code of 18; the code of 2 would miss what 3 changed."""
    connection = await asyncpg.connect(empty_database)
    try:
        for revision, served in (("0003", "0003"), ("0019", "0018")):
            in_a_thread(lambda revision=revision: migrate(empty_database, revision))  # type: ignore[misc]
            assert await connection.fetchval(SELECT_SERVED) == served
    finally:
        await connection.close()


KEYS_OF_0_2_0 = {
    ("crm_lead", "00QDn000007RBGCMA4"): [("crm_lead", "00QDn000007RBGC")],
    ("crm_lead", "00QDn000007RBGDAAA"): [("crm_lead", "00QDn000007RBGDAAA")],
    ("email", "p.otto+fair@googlemail.com"): [
        ("email", "p.otto+fair@gmail.com"),
        ("email_alias", "potto@gmail.com"),
    ],
    ("email", "ana+fair@kunde.example"): [
        ("email", "ana+fair@kunde.example"),
        ("email_alias", "ana@kunde.example"),
    ],
    ("email", "ana@kunde.example"): [("email", "ana@kunde.example")],
    ("external_id", "00QDn000007RBGCMA4"): [("external_id", "00QDn000007RBGCMA4")],
}


GROUPS = ("lead_assignment_app", "lead_assignment_privacy", "lead_assignment_reports")
CREATE_GROUPS = "".join(
    f"IF to_regrole('{name}') IS NULL THEN CREATE ROLE {name} NOLOGIN; END IF; " for name in GROUPS
)


@pytest.fixture
def owned_database(empty_database: str) -> Iterator[str]:
    """The same as the owner of the tables, who has no right over roles and is bound by row-level security."""
    execute(empty_database, f"DO 'BEGIN {CREATE_GROUPS.replace(chr(39), chr(39) * 2)} END'")
    execute(empty_database, f"CREATE ROLE {OWNER} LOGIN")
    execute(empty_database, f"ALTER DATABASE unmade OWNER TO {OWNER}")
    yield empty_database.replace("postgres@", f"{OWNER}@")
    execute(empty_database, f"REASSIGN OWNED BY {OWNER} TO postgres")
    execute(empty_database, f"DROP OWNED BY {OWNER}")
    execute(empty_database, f"DROP ROLE {OWNER}")


async def test_rows_of_version_0_2_0_are_migrated_by_the_owner_of_the_tables(
    empty_database: str, owned_database: str
) -> None:
    in_a_thread(lambda: migrate(owned_database, "0001"))
    connection = await asyncpg.connect(empty_database)
    try:
        await connection.execute("INSERT INTO workspaces (name) VALUES ('a')")
        lead_ids = [f"00000000-0000-7000-8000-{number:012}" for number in range(len(KEYS_OF_0_2_0))]
        await connection.execute("SET session_replication_role = replica")
        for (kind, value), lead_id in zip(KEYS_OF_0_2_0, lead_ids, strict=True):
            await connection.execute(
                "INSERT INTO leads (workspace_id, id, state, assignment_id, received_at)"
                " VALUES (1, $1, 'closed', $1, now())",
                lead_id,
            )
            await connection.execute("INSERT INTO identities VALUES (1, $1, $2, $3)", kind, value, lead_id)
        await connection.execute("INSERT INTO account_keys VALUES (1, 'crm', '001Dn000007RBGCIA4', 'acme')")
        in_a_thread(lambda: migrate(owned_database))
        rows = await connection.fetch(
            "SELECT lead_id::text, kind, value FROM identities ORDER BY kind, value"
        )
        for lead_id, keys in zip(lead_ids, KEYS_OF_0_2_0.values(), strict=True):
            assert [(row["kind"], row["value"]) for row in rows if row["lead_id"] == lead_id] == keys
        assert await connection.fetchval("SELECT value FROM account_keys") == crm_id_key("001Dn000007RBGCIA4")
        assert await connection.fetchval("SELECT after_id FROM account_name_backfills") == ""
    finally:
        await connection.close()


WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def test_of_several_at_once_one_migrates(empty_database: str, tmp_path: Path) -> None:
    """All are held up at the same place, so that they go on at the same moment."""
    obstacle, watcher = await asyncpg.connect(empty_database), await asyncpg.connect(empty_database)
    await obstacle.execute("BEGIN; CREATE TABLE alembic_version (version_num text)")
    shell = Shell(tmp_path, DATABASE_URL=empty_database)
    async with asyncio.TaskGroup() as migrating:
        started = [migrating.create_task(asyncio.to_thread(shell.run, "migrate")) for _ in range(4)]
        until = time.monotonic() + PATIENCE
        while await watcher.fetchval(WAITING) < len(started):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        await obstacle.execute("ROLLBACK")
    assert [task.result().returncode for task in started] == [0] * 4
    assert len(await revisions(empty_database)) == 1
    for connection in (obstacle, watcher):
        await connection.close()


async def test_owner_of_the_tables_need_not_be_a_superuser_for_the_look_at_all_workspaces(
    clusters: Clusters,
) -> None:
    server = clusters.server(next(iter(FOUND)))
    execute(server.dsn, f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
    execute(server.dsn, f"CREATE DATABASE owned OWNER {OWNER}")
    dsn = server.database_dsn("owned")
    try:
        in_a_thread(lambda: migrate(dsn.replace("postgres@", f"{OWNER}@")))
        connection = await asyncpg.connect(dsn, user=OWNER)
        try:
            made = [await create_store_workspace(connection, name) for name in ("busy", "idle")]
            async with connection.transaction():
                await connection.execute(
                    "SELECT set_config('lead_assignment.workspace', $1, true)", str(made[0].id)
                )
                await connection.execute(RUNNING_JOB, made[0].id)
            rows = await connection.fetch("SELECT id, due FROM due_workspaces() ORDER BY id")
        finally:
            await connection.close()
    finally:
        execute(server.dsn, "DROP DATABASE owned WITH (FORCE)")
        execute(server.dsn, f"DROP ROLE {OWNER}")
    assert [tuple(row) for row in rows] == [(made[0].id, True), (made[1].id, False)]


RUNNING_JOB = """
INSERT INTO bulk_jobs (workspace_id, id, kind, state, params, total, actor, created_at)
SELECT $1, gen_random_uuid(), 'reassign', 'running', '{}', 1, 'a', now()
"""
