"""The command line: real processes, real databases."""

import os
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from app.keys import SCOPES, parse
from app.store import workspaces as stored_workspaces
from app.store.connection.revision import NEWEST_REVISION
from tests.support.postgres import execute
from tests.support.processes import PATIENCE
from tests.support.shell import Shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "win-back"


def sent_by(name: str, line: str) -> str:
    """The printed line with another address, and without a phone number."""
    return line.replace("mara.lind", name).replace("+49 30 23125 017", "")


def pasted(line: str) -> Any:
    """The response when the printed line is run unchanged."""
    done = subprocess.run(line, shell=True, capture_output=True, check=True, timeout=PATIENCE)
    return orjson.loads(done.stdout)


def test_new_directory_serves_the_example_and_keeps_its_data(tmp_path: Path) -> None:
    installed, shell = Shell(tmp_path, installed=True, PORT="0"), Shell(tmp_path, PORT="0")
    with installed.serving("--dev") as (process, line):
        assert shlex.split(line)[0] == "curl"
        first = pasted(line)
        assert (first["outcome"], first["team"]) == ("assigned", "retention")
        assert first["actions"][3]["params"]["title"] == "Call Mara: help choosing e-bike"
        # Another command joins the running server.
        assert "example" in shell.says("workspaces", "list")
        assert "OK" in shell.says("verify")
    assert process.returncode == 0
    assert not list((tmp_path / ".data" / "pg").glob("postmaster.pid"))
    with shell.serving("--dev") as (process, line):
        again = pasted(line)
        assert again["existing_lead"]["lead_id"] == first["lead_id"]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert not list((tmp_path / ".data" / "pg").glob("postmaster.pid"))


def test_example_is_not_loaded_into_a_workspace_with_data(shell: Shell) -> None:
    shell.says("workspaces", "create", "example")
    plan = shell.directory / "plan.yaml"
    plan.write_text("queues: {q: {}}\npipeline: [{queue: {name: q}}]")
    shell.says("plan", "publish", str(plan), "--workspace", "example", "--comment", "mine")
    with shell.serving("--dev", PORT="0") as (_, line):
        assert pasted(line)["queue"] == "q"


def test_development_listens_on_a_loopback_address_only(shell: Shell) -> None:
    assert "loopback" in shell.refuses("serve", "--dev", "--host", "0.0.0.0")
    assert "loopback" in shell.refuses("serve", HOST="0.0.0.0")


def test_workspaces_are_created_listed_and_deleted(shell: Shell) -> None:
    for name in ("acme", "ünïcode & more"):
        shell.says("workspaces", "create", name)
    assert "already" in shell.refuses("workspaces", "create", "acme")
    assert "63 bytes" in shell.refuses("workspaces", "create", "x" * 64)
    names = [line.split("\t")[1] for line in shell.says("workspaces", "list").splitlines()]
    assert names == ["acme", "ünïcode & more"]
    assert "--yes" in shell.refuses("workspaces", "delete", "acme")
    shell.says("workspaces", "delete", "acme", "--yes")
    assert "No workspace" in shell.refuses("workspaces", "delete", "acme", "--yes")
    assert "acme" not in shell.says("workspaces", "list")


def test_a_workspace_has_a_time_zone(shell: Shell) -> None:
    shell.says("workspaces", "create", "acme", "--timezone", "Europe/Berlin")
    shell.says("workspaces", "create", "other")
    zones = [line.split("\t")[3] for line in shell.says("workspaces", "list").splitlines()]
    assert zones == ["Europe/Berlin", "UTC"]
    shell.says("workspaces", "set", "other", "--timezone", "America/New_York")
    assert "other\t" in shell.says("workspaces", "list").splitlines()[1]
    assert shell.says("workspaces", "list").endswith("America/New_York\n")
    assert shell.run("workspaces", "set", "other", "--timezone", "Mars/Olympus").returncode == 2
    assert "No workspace" in shell.refuses("workspaces", "set", "nobody", "--timezone", "UTC")


def test_an_older_database_is_told(shell: Shell, database: str) -> None:
    execute(database, "ALTER TABLE workspaces DROP COLUMN timezone")
    assert "lead-assignment migrate" in shell.refuses("workspaces", "list")


def test_import_is_repeated_until_every_line_is_valid(shell: Shell) -> None:
    shell.says("workspaces", "create", "acme")
    owners, teams = shell.directory / "owners.csv", shell.directory / "teams.csv"
    owners.write_text("id,name,timezone\nana,Ana,Europe/Berlin\nben,Ben,Mars/Olympus\n")
    teams.write_text("id,owner,weight\nwest,ana,2\nwest,ben,1\n")
    message = shell.refuses("import", "owners", str(owners), "--workspace", "acme")
    assert "line 3: timezone must be an IANA time zone" in message
    assert "line 2: members[1].owner" in shell.refuses("import", "teams", str(teams), "--workspace", "acme")
    owners.write_text(owners.read_text().replace("Mars/Olympus", "Europe/Paris"))
    assert "owners: 1 created, 0 updated, 1 unchanged" in shell.says(
        "import", "owners", str(owners), "--workspace", "acme"
    )
    assert "1 created" in shell.says("import", "teams", str(teams), "--workspace", "acme")
    assert "No workspace" in shell.refuses("import", "teams", str(teams), "--workspace", "other")
    assert "Cannot read" in shell.refuses("import", "teams", "nothing.csv", "--workspace", "acme")


async def test_deleted_workspace_leaves_no_row(shell: Shell, database: str) -> None:
    with shell.serving("--dev", PORT="0") as (_, line):
        for number in range(3):
            pasted(sent_by(f"mara-{number}", line))
        pasted(sent_by("maya", line).replace("dev-key'", "dev-key' -H 'Idempotency-Key: k'"))
    shell.says("keys", "create", "example")
    connection = await asyncpg.connect(database)
    try:
        found = await connection.fetch(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'workspace_id'"
        )
        tables = {row["table_name"] for row in found}
        assert tables == {*stored_workspaces.TABLES, "api_keys", "webhook_paths", "report_readers"}
        counted = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in tables}
        assert {name for name, count in counted.items() if count} >= {
            "leads",
            "assignments",
            "ledger_entries",
            "plans",
        }
        shell.says("workspaces", "delete", "example", "--yes")
        for name in tables | {"workspaces"}:
            assert await connection.fetchval(f"SELECT count(*) FROM {name}") == 0, name
    finally:
        await connection.close()


def test_key_is_shown_once_and_can_be_revoked(shell: Shell) -> None:
    shell.says("workspaces", "create", "acme")
    printed = shell.says(
        "keys", "create", "acme", "--scopes", "assign, claim", "--owner", "ana", "--label", "form"
    )
    key = parse(printed.strip())
    assert key is not None
    (listed,) = shell.says("keys", "list", "acme").splitlines()
    assert listed.split("\t") == [key.id, "valid", "assign,claim", "for ana", "500/s, burst 10000", "form"]
    assert key.secret not in listed
    shell.says("keys", "revoke", key.id)
    assert "revoked" in shell.says("keys", "list", "acme")
    assert "No key" in shell.refuses("keys", "revoke", "x")
    message = shell.refuses("keys", "create", "acme", "--scopes", "assign,everything")
    assert "everything" in message
    assert all(scope in message for scope in SCOPES)
    assert "No workspace" in shell.refuses("keys", "create", "other")


def test_rates_are_set_shown_and_taken_back(shell: Shell) -> None:
    shell.says("workspaces", "create", "acme")
    created = shell.says("keys", "create", "acme", "--rate", "50/s", "--burst", "100")
    key = parse(created.strip())
    assert key is not None

    def shown() -> str:
        (listed,) = shell.says("keys", "list", "acme").splitlines()
        return listed.split("\t")[4]

    assert shown() == "50/s, burst 100"
    assert "600/min" not in shell.says("keys", "set-rate", key.id, "600/min")
    assert shown() == "10/s, burst 20"
    shell.says("keys", "set-rate", key.id, "none")
    assert shown() == "no limit"
    shell.says("keys", "set-rate", key.id, "default")
    assert shown() == "500/s, burst 10000"
    assert "No key" in shell.refuses("keys", "set-rate", "x", "50/s")
    assert "50/s" in shell.refuses("keys", "set-rate", key.id, "50/year")
    assert "needs a rate" in shell.refuses("keys", "set-rate", key.id, "none", "--burst", "3")
    assert "200/s, burst 400" in shell.says("workspaces", "set-rate", "acme", "200/s")
    assert "1000/s, burst 20000" in shell.says("workspaces", "set-rate", "acme", "default")
    assert "5000/day" in shell.says("workspaces", "set-quota", "acme", "5000/day")
    assert "none" in shell.says("workspaces", "set-quota", "acme", "none")
    assert "5000/day" in shell.refuses("workspaces", "set-quota", "acme", "50/s")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("queues: {q: {}}\npipeline: [{queue: {name: q}}]", None),
        ("queues: {q: {}}\npipeline: [{round_robin: {team: any}}, {queue: {name: q}}]", None),
        ("pipeline: [{queue: {name: q}}]", "pipeline[0].queue.name  unknown_queue"),
        ("pipeline: [{round_robin: {team: any}}]", "pipeline[0]  no_catch_all"),
        ("pipeline: [{queue: {nmae: q}}]", "pipeline[0].queue.nmae  unknown_field"),
        ("pipeline: [", "plan  invalid_syntax"),
    ],
)
def test_plan_is_checked_without_a_database(tmp_path: Path, text: str, finding: str | None) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(text)
    shell = Shell(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    if finding is None:
        shell.says("plan", "check", str(plan))
    else:
        assert f"error  {finding}" in shell.refuses("plan", "check", str(plan))
    assert shell.run("plan", "check", str(tmp_path / "nothing.yaml")).returncode == 2


def test_plans_are_published_and_rolled_back(shell: Shell) -> None:
    with shell.serving("--dev", PORT="0") as (_, line):
        shell.says("plan", "check", str(EXAMPLE / "plan.yaml"), "--workspace", "example")
        plan = shell.directory / "plan.yaml"
        plan.write_text("queues: {q: {}}\npipeline: [{queue: {name: q}}]")
        message = shell.says("plan", "publish", str(plan), "--workspace", "example", "--comment", "try")
        assert "Version 2" in message
        assert pasted(line)["plan_version"] == 2
        plan.write_text("queues: {q: {}}\npipeline: [{round_robin: {team: none}}, {queue: {name: q}}]")
        for words in (("check",), ("publish", "--comment", "try")):
            message = shell.refuses("plan", *words, str(plan), "--workspace", "example")
            assert "pipeline[0].round_robin.team" in message
        message = shell.refuses("plan", "rollback", "3", "--workspace", "example", "--comment", "no")
        assert "never published" in message
        shell.says("plan", "rollback", "1", "--workspace", "example", "--comment", "back")
        assert pasted(sent_by("maya", line))["team"] == "retention"


def test_verify_finds_tampered_data(shell: Shell, database: str) -> None:
    with shell.serving("--dev", PORT="0") as (_, line):
        pasted(line)
    assert "decisions replayed: 1" in shell.says("verify", "--workspace", "example")
    execute(database, "UPDATE assignments SET owner_id = 'ben'")
    assert "example" in shell.refuses("verify")


def test_read_only_database_is_reported_with_its_remedy(shell: Shell, database: str) -> None:
    read_only = f"{database}{'&' if '?' in database else '?'}options=-cdefault_transaction_read_only%3Don"
    message = shell.refuses("workspaces", "create", "acme", DATABASE_URL=read_only)
    assert message == "The database is read-only, as a standby is. Connect to the primary.\n"
    assert shell.run("workspaces", "list", DATABASE_URL=read_only).returncode == 0


def test_empty_database_is_reported_with_its_remedy(shell: Shell, database: str) -> None:
    execute(database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert "migrate" in shell.refuses("workspaces", "list")
    for command in ("serve", "worker"):
        message = shell.refuses(command, PORT="0")
        assert message == "The database has no tables yet. Run `lead-assignment migrate` first.\n"
    shell.says("migrate")
    shell.says("migrate")
    assert shell.says("workspaces", "list") == ""


def test_database_of_a_later_version_is_left_as_it_is(shell: Shell, database: str) -> None:
    """Who goes back runs the older `migrate` again, and is told whether the older version can be served."""
    execute(database, "UPDATE alembic_version SET version_num = '9999'")
    assert "revision 9999 of a later version, which serves this one" in shell.says("migrate")
    execute(database, "COMMENT ON TABLE alembic_version IS '9998'")
    message = shell.refuses("migrate")
    assert message.startswith("The schema is of revision 9999, and this version knows ")
    assert message.count("\n") == 1


def test_unreachable_database_is_reported_in_one_sentence(tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert "Cannot reach" in shell.refuses("workspaces", "list")
    assert "Cannot reach" in shell.refuses("serve", LEAD_ASSIGNMENT_ENV="production")
    for command in ("serve", "worker"):
        assert "Cannot reach" in shell.refuses(command, PORT="0")


@pytest.fixture
def production(shell: Shell, database: str) -> Shell:
    """Commands in production, as a role that owns nothing. Another role migrates."""
    role = f"service_{os.getpid()}_{time.monotonic_ns()}"
    execute(database, f"CREATE ROLE {role} LOGIN IN ROLE lead_assignment_app, lead_assignment_privacy")
    shell.says("workspaces", "create", "acme")
    shell.variables = {
        "LEAD_ASSIGNMENT_ENV": "production",
        "LEAD_ASSIGNMENT_DRAIN_SECONDS": "0",
        "DATABASE_URL": database.replace("postgres@", f"{role}@"),
        "MIGRATION_DATABASE_URL": database,
        "PORT": "0",
    }
    return shell


def test_production_serves_before_its_first_key_and_is_not_ready_yet(production: Shell) -> None:
    with production.serving("--port", "0") as (_, line):
        port = orjson.loads(line)["port"]
        assert (status_of(port, "/healthz"), status_of(port, "/readyz")) == (200, 503)
        production.says("keys", "create", "acme")
        assert status_of(port, "/readyz") == 200


def test_production_needs_a_database_and_a_role_of_its_own(production: Shell, database: str) -> None:
    assert "DATABASE_URL" in production.refuses("serve", DATABASE_URL="")
    assert "development" in production.refuses("serve", "--dev")
    message = production.refuses("serve", DATABASE_URL=database)
    assert "superuser" in message
    assert "owns the tables" in message


@pytest.mark.parametrize(
    ("statement", "objection"),
    [
        ("ALTER ROLE {role} BYPASSRLS", "BYPASSRLS"),
        ("REVOKE lead_assignment_app FROM {role}", "not a member"),
        ("REVOKE lead_assignment_privacy FROM {role}", "not a member"),
        ("ALTER TABLE journal OWNER TO {role}", "owns the tables"),
        ("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "migrate"),
    ],
)
def test_production_refuses_a_role_that_could_bypass_row_security(
    production: Shell, database: str, statement: str, objection: str
) -> None:
    production.says("keys", "create", "acme")
    role = production.variables["DATABASE_URL"].split("//")[1].split("@")[0]
    execute(database, statement.format(role=role))
    assert objection in production.refuses("serve")


@pytest.mark.parametrize(
    "variable",
    ["LEAD_ASSIGNMENT_POOLSIZE", "LEAD_ASSIGNMENT_FAILPOINT", "LEAD_ASSIGNMENT_POOL_SIZE", "PORT"],
)
def test_production_refuses_unknown_settings(production: Shell, variable: str) -> None:
    message = production.refuses("serve", **{variable: "canary"})
    assert variable in message
    assert "canary" not in message


def status_of(port: int, path: str, key: str = "") -> int:
    """The status of a response."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_production_serves_with_real_keys_only(production: Shell) -> None:
    key = production.says("keys", "create", "acme").strip()
    with production.serving("--port", "0") as (process, line):
        port = orjson.loads(line)["port"]
        assert status_of(port, "/healthz") == 200
        assert status_of(port, "/readyz") == 200
        assert status_of(port, "/owners", "dev-key") == 401
        assert status_of(port, "/dev/clock", key) == 403
        assert status_of(port, "/owners", key) == 200
    assert process.returncode == 0


def test_process_that_drains_is_not_ready_and_serves_on(production: Shell) -> None:
    key, rest = production.says("keys", "create", "acme").strip(), list[str]()
    options = ("--port", "0", "--drain-seconds", "3600")
    with production.serving(*options, rest=rest, LEAD_ASSIGNMENT_ACCESS_LOG="errors") as (process, line):
        started = orjson.loads(line)
        port = started["port"]
        assert status_of(port, "/readyz") == 200
        process.send_signal(signal.SIGTERM)
        while status_of(port, "/readyz") == 200:
            pass
        assert status_of(port, "/readyz") == 503
        assert status_of(port, "/healthz") == 200
        assert status_of(port, "/owners", key) == 200
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    assert (started["event"], started["version"]) == ("listening", version("lead-assignment"))
    assert started["settings"]["env"] == "production"
    assert not {"database_url", "migration_database_url", "secrets_key"} & started["settings"].keys()
    *requests, stopped = map(orjson.loads, rest)
    assert {(each["route"], each["status"]) for each in requests if each["event"] == "request"} == {
        ("/readyz", 503)
    }
    assert stopped["event"] == "stopped"


def test_a_worker_says_at_its_start_and_its_end_what_it_is(production: Shell) -> None:
    rest: list[str] = []
    with production.serving(command="worker", rest=rest) as (process, line):
        started = orjson.loads(line)
    assert process.returncode == 0
    assert (started["event"], started["version"]) == ("working", version("lead-assignment"))
    assert started["schema"] == NEWEST_REVISION
    assert started["traces"] is False
    assert started["settings"]["env"] == "production"
    assert not {"database_url", "migration_database_url", "secrets_key"} & started["settings"].keys()
    assert orjson.loads(rest[-1])["event"] == "stopped"
