"""`lead-assignment leads list`."""

from datetime import UTC, datetime

import orjson
import pytest

from app.cli import leads
from app.ids import uuid7
from app.store.connection.pool import transaction
from app.store.path.failed_leads import insert_failed_lead
from tests.support.shell import Shell
from tests.support.workspace import stored_workspace


async def test_open_leads_of_an_owner_are_listed_by_the_command(database: str, shell: Shell) -> None:
    async with stored_workspace(database, [1, 1]):
        shell.directory.joinpath("leads.csv").write_text(
            "email\n" + "\n".join(f"p{n}@x.example" for n in range(6))
        )
        shell.says("assign", "leads.csv", "--workspace", "example")
        lines = shell.says("leads", "list", "--owner", "rep0").splitlines()
        assert lines[0] == leads.HEADER
        assert len(lines) == 4
        assert {line.split("\t")[2] for line in lines[1:]} == {"rep0"}
        first = shell.run("leads", "list", "--owner", "rep0", "--limit", "2")
        assert [line.split("\t")[0] for line in first.stdout.splitlines()] == [
            line.split("\t")[0] for line in lines[:3]
        ]
        after = first.stderr.split("--after ")[1].rstrip(".\n")
        rest = shell.says("leads", "list", "--owner", "rep0", "--after", after).splitlines()
        assert [line.split("\t")[0] for line in rest[1:]] == [lines[3].split("\t")[0]]
        assert shell.says("leads", "list", "--older-than", "1d").splitlines() == lines[:1]
        assert "x.example" not in shell.says("leads", "list")


async def test_leads_that_could_not_be_decided_are_listed_by_the_command(database: str, shell: Shell) -> None:
    async with stored_workspace(database) as workspace:
        sent = b'{"email": "p@x.example"}'
        for minute, code in ((1, "too_costly"), (2, "decision")):
            at = datetime(2098, 1, 1, 8, minute, tzinfo=UTC)
            async with transaction(workspace.pool, workspace.workspace_id) as connection:
                await insert_failed_lead(connection, workspace.workspace_id, uuid7(), at, code, sent)
        lines = [line.split("\t") for line in shell.says("leads", "failed").splitlines()]
        newest = orjson.loads(shell.says("leads", "failed", "--requests", "--limit", "1"))
    assert [line[1:] for line in lines] == [
        ["at", "code"],
        ["2098-01-01 08:02Z", "decision"],
        ["2098-01-01 08:01Z", "too_costly"],
    ]
    assert (newest["id"], newest["code"]) == (lines[1][0], "decision")
    assert newest["request"] == {"email": "p@x.example"}


@pytest.mark.parametrize(
    ("words", "message"),
    [(("--older-than", "soon"), "such as 3d"), (("--workspace", "nowhere"), "No workspace 'nowhere'")],
)
async def test_wrong_option_is_named(
    database: str, shell: Shell, words: tuple[str, ...], message: str
) -> None:
    async with stored_workspace(database):
        assert message in shell.refuses("leads", "list", *words)
