"""A directory out of files: what their lines hold, what becomes of it, and what is told of bad lines."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from app.cli.loading import load
from app.cli.rows import read_file
from app.cli.surroundings import Stop
from tests.office import Office, open_office

OWNERS = """id,name,email,timezone,active,skills,caps.per_day,caps.open,crm.salesforce,calendar
zoe,"Zoë, the first",zoe@us.example,Europe/Berlin,yes,enterprise; partner,5,,005Z,
yan,,,,no,,,,,
bad,Bad,,Mars/Olympus,true,,many,,,
"""
TEAMS = """id,name,pick,owner,weight,caps.per_day,ramp.factor,ramp.until
west,West,least_loaded,zoe,1.5,3,,
east,East,,zoe,,,,
west,,,ana,2,,0.5,2099-01-04
north,,,nobody,,,,
"""


@pytest_asyncio.fixture
async def office(database: str) -> AsyncIterator[Office]:
    """A running service with one workspace."""
    async with open_office(database) as office:
        yield office


def kept(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8-sig"))
    return path


async def imported(office: Office, noun: str, path: Path) -> tuple[dict[str, Any], list[int]]:
    seen: list[int] = []
    tally = await load(office.pool, office.workspace_id, noun, read_file(path, noun), seen.append)
    return tally.told(), seen


async def test_owners_and_teams_come_from_tables(office: Office, tmp_path: Path) -> None:
    told, seen = await imported(office, "owners", kept(tmp_path / "owners.csv", OWNERS))
    assert (told["created"], told["errors_total"], seen) == (2, 1, [3])
    assert [error["line"] for error in told["errors"]] == [4]
    assert {fault["path"] for fault in told["errors"][0]["problem"]["errors"]} == {"timezone", "caps.per_day"}
    zoe = await office.get("/owners/zoe")
    assert (zoe["name"], zoe["skills"]) == ("Zoë, the first", ["enterprise", "partner"])
    assert (zoe["caps"]["per_day"], zoe["caps"]["open"], zoe["crm"]) == (5, None, {"salesforce": "005Z"})
    assert (await office.get("/owners/yan"))["active"] is False
    told, _ = await imported(office, "teams", kept(tmp_path / "teams.csv", TEAMS))
    assert (told["created"], [error["line"] for error in told["errors"]]) == (2, [5])
    west = await office.get("/teams/west")
    assert (west["name"], west["pick"]) == ("West", "least_loaded")
    assert [(member["owner"], member["weight"]) for member in west["members"]] == [("zoe", 1.5), ("ana", 2)]
    assert west["members"][1]["ramp"] == {"factor": 0.5, "until": "2099-01-04"}


async def test_importing_again_changes_nothing(office: Office, tmp_path: Path) -> None:
    lines = [{"id": f"rep-{number}", "name": f"Rep {number}"} for number in range(450)]
    path = tmp_path / "owners.ndjson"
    path.write_bytes(b"\n\n".join(map(orjson.dumps, lines)) + b"\n")
    told, seen = await imported(office, "owners", path)
    assert (told["created"], told["errors_total"], seen) == (450, 0, [200, 200, 50])
    told, _ = await imported(office, "owners", path)
    assert (told["created"], told["unchanged"]) == (0, 450)


async def test_bad_lines_bear_their_number_in_the_file(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "calendars.ndjson"
    good = b'{"id": "berlin", "timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00"}'
    path.write_bytes(b"\n" * 3 + good + b"\n\nnonsense\n" + good.replace(b"Fr", b"Xx") + b"\n")
    told, _ = await imported(office, "calendars", path)
    assert (told["created"], [error["line"] for error in told["errors"]]) == (1, [6, 7])


@pytest.mark.parametrize(
    "content", [b"id,name\nana,Ana,more\n", b'id,name\n"ana,Ana\n', b"id,name\n\xff,x\n"]
)
def test_a_table_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_bytes(content)
    with pytest.raises(Stop, match=r"cannot be read|more cells"):
        read_file(path, "owners")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="cannot be read"):
        read_file(tmp_path / "nothing.csv", "owners")
