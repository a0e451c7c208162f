"""Importing the directory from files: records, outcomes, and the faults of invalid lines."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.cli.context import CommandError
from app.cli.files.rows import read_file
from app.cli.imports import load
from tests.support.workspace import Workspace

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


def kept(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8-sig"))
    return path


async def imported(workspace: Workspace, resource_type: str, path: Path) -> tuple[dict[str, Any], list[int]]:
    seen: list[int] = []
    result = await load(
        workspace.pool, workspace.workspace_id, resource_type, read_file(path, resource_type), seen.append
    )
    return result, seen


async def test_owners_and_teams_are_imported_from_tables(workspace: Workspace, tmp_path: Path) -> None:
    result, seen = await imported(workspace, "owners", kept(tmp_path / "owners.csv", OWNERS))
    assert (result["created"], result["errors_total"], seen) == (2, 1, [3])
    assert [error["line"] for error in result["errors"]] == [4]
    assert {fault["path"] for fault in result["errors"][0]["problem"]["errors"]} == {
        "timezone",
        "caps.per_day",
    }
    zoe = await workspace.get("/owners/zoe")
    assert (zoe["name"], zoe["skills"]) == ("Zoë, the first", ["enterprise", "partner"])
    assert (zoe["caps"]["per_day"], zoe["caps"]["open"], zoe["crm"]) == (5, None, {"salesforce": "005Z"})
    assert (await workspace.get("/owners/yan"))["active"] is False
    result, _ = await imported(workspace, "teams", kept(tmp_path / "teams.csv", TEAMS))
    assert (result["created"], [error["line"] for error in result["errors"]]) == (2, [5])
    west = await workspace.get("/teams/west")
    assert (west["name"], west["pick"]) == ("West", "least_loaded")
    assert [(member["owner"], member["weight"]) for member in west["members"]] == [("zoe", 1.5), ("ana", 2)]
    assert west["members"][1]["ramp"] == {"factor": 0.5, "until": "2099-01-04"}


async def test_repeated_import_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    lines = [{"id": f"rep-{number}", "name": f"Rep {number}"} for number in range(450)]
    path = tmp_path / "owners.ndjson"
    path.write_bytes(b"\n\n".join(map(orjson.dumps, lines)) + b"\n")
    result, seen = await imported(workspace, "owners", path)
    assert (result["created"], result["errors_total"], seen) == (450, 0, [200, 200, 50])
    result, _ = await imported(workspace, "owners", path)
    assert (result["created"], result["unchanged"]) == (0, 450)


async def test_faults_have_the_line_numbers_of_the_file(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "calendars.ndjson"
    good = b'{"id": "berlin", "timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00"}'
    path.write_bytes(b"\n" * 3 + good + b"\n\nnonsense\n" + good.replace(b"Fr", b"Xx") + b"\n")
    result, _ = await imported(workspace, "calendars", path)
    assert (result["created"], [error["line"] for error in result["errors"]]) == (1, [6, 7])


RAGGED = """id;name;caps.per_day\r
ana;"Ana; the first";1\r
id;name;caps.per_day\r
\r
ben;Ben\r
cem;Cem;2;;\r
dan;Dan;3;more\r
"eva
";"Eva";"1,5"\r
fay;"Fay"x;4\r
gil;Gil;5\r
"hal;Hal;6\r
ivy;Ivy;7\r
"""


def test_ragged_row_does_not_affect_the_others(tmp_path: Path) -> None:
    found = read_file(kept(tmp_path / "owners.csv", RAGGED), "owners")
    records = {line: orjson.loads(record) for line, record in found.good}
    assert records == {
        2: {"id": "ana", "name": "Ana; the first", "caps": {"per_day": 1}},
        6: {"id": "cem", "name": "Cem", "caps": {"per_day": 2}},
        8: {"id": "eva", "name": "Eva", "caps": {"per_day": 1.5}},
        11: {"id": "gil", "name": "Gil", "caps": {"per_day": 5}},
    }
    faults = [(line, fault.faults[0].code) for line, fault in found.faults]
    assert faults == [
        (5, "ragged"),
        (7, "ragged"),
        (10, "invalid_quotes"),
        (12, "invalid_quotes"),
        (12, "unread"),
    ]


def test_no_team_is_imported_from_a_file_with_a_ragged_row(tmp_path: Path) -> None:
    found = read_file(kept(tmp_path / "teams.csv", "id,owner,weight\nwest,ana,1\nwest,ben\n"), "teams")
    assert found.good == []
    assert [line for line, _ in found.faults] == [3, 1]


@pytest.mark.parametrize(
    "header", ["id,name", "id;name", "id\tname", "id|name", "sep=|\nid|name", "\n\nid,name"]
)
def test_delimiter_is_detected(header: str, tmp_path: Path) -> None:
    by = header[-5]
    path = kept(tmp_path / "owners.csv", f"{header}\nana{by}Ana\n")
    ((line, record),) = read_file(path, "owners").good
    assert orjson.loads(record) == {"id": "ana", "name": "Ana"}
    assert line == header.count("\n") + 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("owners.csv", b"id,name\nana,Ana\n\x81va,x\n", "line 3 is neither UTF-8 nor Windows-1252"),
        ("owners.csv", "id,name\nana,Ana\n".encode("utf-16")[:-1], "not valid utf-16 after line 1"),
        ("owners.csv", b"PK\x03\x04\x14\x00", "Excel workbook"),
        ("owners.csv", b"", "is empty"),
        ("owners.ndjson", b"\xef\xbb\xbf\n \n", "is empty"),
        ("owners.csv", b"id,name,id\n", "two columns 'id'"),
        ("owners.csv", b"id,,name\n", "no name"),
        ("owners.csv", b'"id,name\n', "quotation marks"),
    ],
)
def test_unreadable_file_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        read_file(path, "owners")


async def test_import_tells_the_findings_that_the_api_would(workspace: Workspace, tmp_path: Path) -> None:
    owners = "id,name,calendar,delegate\nzoe,Zoe,berlin,yan\nyan,Yan,mars,nobody\n"
    result, _ = await imported(workspace, "owners", kept(tmp_path / "owners.csv", owners))
    assert [(line, each.path, each.code) for line, each in result["findings"]] == [
        (2, "calendar", "unknown_calendar"),
        (3, "delegate", "unknown_owner"),
        (3, "calendar", "unknown_calendar"),
    ]
    accounts = (
        "id,name,domains,parent,owner,roles.sdr,tier\n"
        "a,A,gmail.com;a.example,b,zoe,nobody,\n"
        "b,B,a.example,a,,,\n"
        "c,C,gmail.com,none,,,named\n"
    )
    result, _ = await imported(workspace, "accounts", kept(tmp_path / "accounts.csv", accounts))
    assert result["created"] == 3
    assert [(line, each.path, each.code) for line, each in result["findings"]] == [
        (2, "roles.sdr", "unknown_owner"),
        (2, "parent", "parent_cycle"),
        (2, "domains[0]", "free_email_domain"),
        (2, "domains[1]", "shared_domain"),
        (3, "parent", "parent_cycle"),
        (3, "domains[0]", "shared_domain"),
        (4, "parent", "unknown_parent"),
        (4, "domains[0]", "shared_domain"),
    ]


def test_byte_order_mark_is_not_part_of_a_record(tmp_path: Path) -> None:
    assert read_file(kept(tmp_path / "owners.ndjson", '{"id": "ana"}'), "owners").good == [
        (1, b'{"id": "ana"}')
    ]


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        read_file(tmp_path / "nothing.csv", "owners")


ACCOUNTS = """\
id,name,domains,parent,tier,owner,roles.sdr,roles.ae,customer_status,open_opportunity,crm.sf
acme,ACME GmbH,acme.example; acme.test,,named,ana,ben,ana,active,no,0011
below,,,acme,,,,,,006A,
bad,,,,,,,,happy,,
"""


async def test_accounts_are_imported_from_tables(workspace: Workspace, tmp_path: Path) -> None:
    result, _ = await imported(workspace, "accounts", kept(tmp_path / "accounts.csv", ACCOUNTS))
    assert (result["created"], [error["line"] for error in result["errors"]]) == (2, [4])
    acme = await workspace.get("/accounts/acme")
    assert (acme["domains"], acme["roles"]) == (["acme.example", "acme.test"], {"sdr": "ben", "ae": "ana"})
    assert (acme["crm"], acme["open_opportunity"]) == ({"sf": "0011"}, None)
    below = await workspace.get("/accounts/below")
    assert (below["parent"], below["open_opportunity"], below["domains"]) == ("acme", "006A", [])
