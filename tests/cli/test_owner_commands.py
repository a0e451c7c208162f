"""Commands about owners, members and decisions; each edit carries the name of the system user."""

import getpass
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import pytest_asyncio

from tests.support.shell import Shell
from tests.support.workspace import Workspace, stored_workspace

RECORD = "SELECT body FROM directory WHERE workspace_id = $1 AND resource_type = $2 ORDER BY id"
ACTORS = "SELECT actor, resource_type FROM changes WHERE workspace_id = $1 ORDER BY version DESC LIMIT 1"


@pytest_asyncio.fixture
async def office(database: str) -> AsyncIterator[Workspace]:
    """A workspace with two owners in Berlin, and a published plan."""
    async with stored_workspace(database, [1, 1], timezone="Europe/Berlin") as workspace:
        yield workspace


async def newest(workspace: Workspace, resource_type: str) -> dict[str, object]:
    """The last record of a type, which the system user has just edited."""
    assert [tuple(row) for row in await workspace.fetch(ACTORS)] == [(getpass.getuser(), resource_type)]
    return dict(orjson.loads((await workspace.fetch(RECORD, resource_type))[-1]["body"]))


async def test_leave_is_entered_until_the_last_day_away(office: Workspace, shell: Shell) -> None:
    said = shell.says(
        "owners", "leave", "rep0", "--from", "2099-12-07", "--until", "2099-12-11", "--cover", "rep1"
    )
    assert said == (
        "rep0 is away from 2099-12-07 00:00 until 2099-12-12 00:00, Europe/Berlin time. "
        "rep1 covers. Open leads move.\n"
    )
    absence = await newest(office, "absences")
    assert (absence["from"], absence["to"]) == ("2099-12-06T23:00:00Z", "2099-12-11T23:00:00Z")
    assert (absence["cover"], absence["open_leads"]) == ({"owner": "rep1", "team": None}, "move")


async def test_leave_begins_now_and_moves_nothing_without_a_cover(office: Workspace, shell: Shell) -> None:
    assert "Open leads stay." in shell.says("owners", "leave", "rep0", "--until", "2099-12-11")
    absence = await newest(office, "absences")
    began = datetime.now(UTC) - datetime.fromisoformat(str(absence["from"]))
    assert timedelta() < began < timedelta(minutes=5)
    assert (absence["cover"], absence["open_leads"]) == (None, "stay")


async def test_owner_is_deactivated_with_a_job_for_their_leads(office: Workspace, shell: Shell) -> None:
    shell.directory.joinpath("leads.csv").write_text("email\na@x.example\nb@x.example\n")
    shell.says("assign", "leads.csv", "--workspace", "example")
    lines = shell.says("owners", "deactivate", "rep0", "--move-leads").splitlines()
    assert lines[0] == "rep0 is inactive."
    assert lines[1].endswith(" moves 1 open lead.")
    assert lines[2:] == ["still named in teams\tinbound\tmembers[0]"]
    (job,) = await office.fetch("SELECT kind, total, actor FROM bulk_jobs WHERE workspace_id = $1")
    assert tuple(job) == ("deactivate", 1, getpass.getuser())
    owners = await office.fetch(RECORD, "owners")
    assert [orjson.loads(row["body"]).get("active", True) for row in owners] == [False, True]


async def test_weight_of_a_member_is_set(office: Workspace, shell: Shell) -> None:
    assert shell.says("teams", "weight", "inbound", "rep1", "1.5") == "rep1 has weight 1.5 in team inbound.\n"
    team = await newest(office, "teams")
    members = team["members"]
    assert isinstance(members, list)
    assert [(each["owner"], each["weight"]) for each in members] == [("rep0", 1), ("rep1", 1.5)]


async def test_decision_is_explained_and_plan_versions_are_listed(office: Workspace, shell: Shell) -> None:
    shell.directory.joinpath("leads.csv").write_text("email\na@x.example\n")
    shell.says("assign", "leads.csv", "--workspace", "example")
    (row,) = await office.fetch("SELECT id FROM assignments WHERE workspace_id = $1")
    lines = shell.says("explain", str(row["id"])).splitlines()
    assert lines[0].startswith("Assigned by round robin.")
    assert lines[1] == "assigned (round_robin): owner rep0"
    assert "    rep1\tnot_next" in lines
    assert not any("x.example" in line for line in lines)
    versions = shell.says("plan", "list").splitlines()
    assert [line.split("\t")[1] for line in versions] == ["draft"] or "active" in versions[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("owners", "leave", "nobody", "--until", "2099-12-11"), "No owner 'nobody'."),
        (("owners", "leave", "rep0", "--until", "2099-12-11", "--cover", "nobody"), "does not exist"),
        (("owners", "leave", "rep0", "--until", "9999-12-31"), "--until must be before 9999-12-31."),
        (("owners", "deactivate", "nobody"), "No owner 'nobody'."),
        (("teams", "weight", "nowhere", "rep0", "1"), "No team 'nowhere'."),
        (("teams", "weight", "inbound", "nobody", "1"), "'nobody' is not in team 'inbound'."),
        (("teams", "weight", "inbound", "rep0", "1001"), "weight"),
        (("explain", "01890000-0000-7000-8000-000000000000"), "No assignment with this id."),
    ],
)
async def test_wrong_name_is_told(
    office: Workspace, shell: Shell, words: tuple[str, ...], message: str
) -> None:
    assert message in shell.refuses(*words)
