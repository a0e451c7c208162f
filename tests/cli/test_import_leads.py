"""Importing existing leads with their current owners: no turn, no action, nothing twice."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.audit.verify import verify
from app.cli.files.leads import LeadOptions
from app.cli.files.times import DayOrder
from app.cli.import_leads import ImportReport, OwnerNames, import_file
from app.contract.faults import problem_document
from app.engine.model.directory import Caps, Owner
from app.engine.model.records import directory_from
from app.engine.model.state import Load
from app.store.path.current_state import read_current_state
from tests.support.shell import Shell
from tests.support.workspace import Workspace

BOOK = """E-Mail,Firma,Owner,Team,Assigned at,State,crm.lead_id
a@kunde.example,Kunde,ana,,,,
b@kunde.example,Kunde,BEN@us.example,inbound,2020-05-01T10:00:00Z,open,L-2
c@kunde.example,Kunde,005A,dach,,Closed,
"""


def kept(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def imported(
    workspace: Workspace, path: Path, text: str, *, move: bool = False, **options: Any
) -> ImportReport:
    place = (workspace.pool, workspace.workspace_id, kept(path, text))
    return await import_file(*place, LeadOptions(**options), deadline=30.0, move=move)


async def known(workspace: Workspace, email: str) -> dict[str, Any]:
    answer = await workspace.client.post("/leads/lookup", json={"email": email})
    (lead,) = answer.json()["items"]
    return dict(lead)


async def clean(workspace: Workspace) -> bool:
    return (await verify(workspace.pool, workspace.workspace_id)).differences == []


async def test_imported_lead_has_its_owner_and_takes_no_turn_or_action(
    workspace: Workspace, tmp_path: Path
) -> None:
    report = await imported(workspace, tmp_path / "book.csv", BOOK)
    assert (report.imported, report.moved, report.unchanged, report.problems) == (3, [], 0, [])
    lead = await known(workspace, "b@kunde.example")
    (one,) = lead["assignments"]
    assert (lead["state"], lead["owner"]["id"], one["team"], one["cause"]) == (
        "assigned",
        "ben",
        "inbound",
        "import",
    )
    assert one["decided_at"].startswith("2020-05-01T10:00:00")
    assert one["reason"] == {"code": "imported", "text": "Imported. Ben already owns it."}
    closed = await known(workspace, "c@kunde.example")
    assert (closed["state"], closed["assignments"][0]["state"]) == ("closed", "closed")
    assert closed["owner"] == closed["assignments"][0]["owner"]
    assert closed["owner"] is not None
    whole = await workspace.get(f"/assignments/{one['assignment_id']}")
    assert (whole["actions"], whole["sla"], whole["trace"]["no_actions_reason"]) == ([], None, "imported")
    explained = await workspace.get(f"/assignments/{one['assignment_id']}/explain")
    assert explained["reproduced"] is True
    assert [step["code"] for step in explained["steps"]] == ["imported"] + ["not_reached"] * 6
    members = {each["owner"]: each for each in (await workspace.get("/teams/inbound"))["members"]}
    assert [(members[name]["open_leads"], members[name]["turns"]) for name in ("ana", "ben")] == [
        (1, 0),
        (1, 0),
    ]
    assert (await workspace.get("/teams/inbound/ledger"))["items"] == []
    assert await clean(workspace)


async def test_imported_lead_keeps_its_owner_within_the_window(workspace: Workspace, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ages = {"minutes": timedelta(minutes=5), "days": timedelta(days=80), "long": timedelta(days=100)}
    lines = [f"{name}@kunde.example,eve,{(now - age).isoformat()}" for name, age in ages.items()]
    await imported(workspace, tmp_path / "book.csv", "\n".join(["email,owner,assigned_at", *lines]))
    answers = [await workspace.assign(email=f"{name}@kunde.example", country="US") for name in ages]
    assert [answer["reason"]["code"] for answer in answers] == ["reengaged", "reengaged", "round_robin"]
    assert [answer["owner"]["id"] for answer in answers[:2]] == ["eve", "eve"]
    assert await clean(workspace)


async def test_repeated_import_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    kept = await workspace.assign(email="a@kunde.example", country="US")
    other = "ana" if kept["owner"]["id"] == "ben" else "ben"
    # Of two lines for one existing lead, the last one sets the owner.
    text = BOOK + f"a@kunde.example,Kunde,{kept['owner']['id']},,,,\na@kunde.example,Kunde,{other},,,,\n"
    text = text.replace("Kunde,ana", f"Kunde,{kept['owner']['id']}")
    report = await imported(workspace, path, text, move=True)
    assert (report.imported, report.moved, report.unchanged) == (2, [6], 2)
    assert report.summary() == "leads: 2 imported, 1 moved (lines 6), 2 unchanged"
    before = (await read_current_state(workspace.pool, workspace.workspace_id)).entry
    report = await imported(workspace, path, text)
    assert (report.imported, report.moved, report.unchanged) == (0, [], 5)
    assert (await read_current_state(workspace.pool, workspace.workspace_id)).entry == before
    assert (await known(workspace, "a@kunde.example"))["owner"]["id"] == other
    # Existing leads stay unchanged even after the idempotency keys have expired.
    await workspace.pool.execute("DELETE FROM idempotency_keys")
    report = await imported(workspace, path, BOOK.replace("Kunde,ana", f"Kunde,{other}"))
    assert (report.imported, report.moved, report.unchanged) == (0, [], 3)
    assert await clean(workspace)


async def test_import_moves_a_lead_to_another_owner(workspace: Workspace, tmp_path: Path) -> None:
    queued = await workspace.assign(email="q@kunde.example", source="partner")
    mine = await workspace.assign(email="m@kunde.example", country="US")
    report = await imported(
        workspace,
        tmp_path / "book.csv",
        "email,owner,status\nq@kunde.example,eve,\nm@kunde.example,eve,closed\n",
        move=True,
    )
    assert (report.moved, report.unchanged) == ([2], 1)
    lead = await workspace.get(f"/leads/{queued['lead_id']}")
    assert (lead["state"], lead["owner"]["id"]) == ("assigned", "eve")
    assert [each["state"] for each in lead["assignments"]] == ["superseded", "open"]
    assert (await workspace.get(f"/leads/{mine['lead_id']}"))["state"] == "assigned"
    assert await clean(workspace)


BOOK_OF_ONE_COMPANY = """external_id,crm.lead_id,email,phone,first_name,last_name,owner
1,L-1,ana@kunde.example,+49 30 901820,Ana,Sol,ana
2,L-2,ben@kunde.example,+49 30 901820,Ben,Tor,ben
3,L-3,ana@kunde.example,,Ana,Sol,eve
4,,ana@kunde.example,,,,ben
5,,,+49 30 901820,Cem,Uz,eve
"""


async def test_lines_with_different_ids_are_different_leads_and_possible_duplicates_are_listed(
    workspace: Workspace, tmp_path: Path
) -> None:
    report = await imported(workspace, tmp_path / "book.csv", BOOK_OF_ONE_COMPANY)
    assert (report.imported, report.moved, report.elsewhere, report.problems) == (5, [], [], [])
    assert report.summary().split("\n")[:2] == [
        "leads: 5 imported, 0 moved, 0 unchanged",
        "possible duplicates, imported as leads of their own: 6",
    ]
    assert report.possible_duplicates == [
        (3, "same phone as line 2, but their external id differs"),
        (4, "same email as line 2, but their external id differs"),
        (5, "same email as line 2, but their external id differs"),
        (5, "same email as line 4, but their external id differs"),
        (6, "same phone as line 2, but their external id differs"),
        (6, "same phone as line 3, but their external id differs"),
    ]
    assert await clean(workspace)


async def test_lead_that_is_elsewhere_stays_there(workspace: Workspace, tmp_path: Path) -> None:
    queued = await workspace.assign(email="q@kunde.example", source="partner")
    mine = await workspace.assign(email="m@kunde.example", country="US")
    text = "email,owner,crm.lead_id\nq@kunde.example,eve,\nm@kunde.example,eve,L-7\n"
    report = await imported(workspace, tmp_path / "book.csv", text)
    assert (report.moved, report.elsewhere) == ([], [2, 3])
    assert report.summary().endswith("2 left with another owner (lines 2, 3); --move moves them")
    known_again = await workspace.get("/leads?crm_lead_id=L-7")
    assert [each["id"] for each in known_again["items"]] == [mine["lead_id"]]
    states = [(await workspace.get(f"/leads/{each['lead_id']}"))["owner"] for each in (queued, mine)]
    assert states == [None, mine["owner"]]
    assert (await imported(workspace, tmp_path / "book.csv", text, move=True)).moved == [2, 3]
    assert await clean(workspace)


@pytest.mark.parametrize(
    ("given", "owner"), [("005Dn000002ABCDIA4", "ana"), ("005dn000002abcd", "005dn000002abcd")]
)
async def test_owners_are_found_by_either_form_of_their_crm_id_with_its_case(given: str, owner: str) -> None:
    names = OwnerNames(directory_from(1, [("owners", "ana", {"crm": {"salesforce": "005Dn000002ABCD"}})]))
    assert names.id_of(given) == owner


WRONG = """email,phone,company,owner,team,assigned_at,status
a@kunde.example,,,nobody,,,
b@kunde.example,,,,,,
,,Kunde,ana,,,
c@kunde.example,,,ana,north,,
d@kunde.example,,,ana,,2190-01-01,
e@kunde.example,,,ana,,soon,
f@kunde.example,,,ana,,,lost
g@kunde.example,,,gone,,,
h@kunde.example,,,desk@us.example,,,
i@kunde.example,,,ana,,,
"""


async def test_invalid_lines_are_reported_and_the_others_are_imported(
    workspace: Workspace, tmp_path: Path
) -> None:
    await workspace.put("owners", "gone", {"name": "Gone", "email": "desk@us.example", "active": False})
    await workspace.put("owners", "fay", {"name": "Fay", "email": "desk@us.example"})
    report = await imported(workspace, tmp_path / "book.csv", WRONG)
    codes = {
        line: problem.faults[0].code if problem.faults else problem.code for line, problem in report.problems
    }
    assert codes == {
        2: "unknown_owner",
        3: "required",
        4: "no_identity",
        5: "unknown_team",
        6: "in_the_future",
        7: "invalid_timestamp",
        8: "not_allowed",
        9: "inactive",
        10: "ambiguous_owner",
    }
    assert "kunde" not in str([problem_document(problem) for _, problem in report.problems])
    assert report.imported == 1
    assert await clean(workspace)


SALESFORCE = """First Name,Last Name,Email,Lead Owner,Lead Status,Last Transfer Date,Lead ID
Mara,Lind,mara@kunde.example,005A,Open - Not Contacted,03/04/2026 10:00 AM,00Q1
Bo,Li,bo@kunde.example,005A,Closed - Converted,2026-04-05T10:00:00Z,00Q2
Cy,Ro,cy@kunde.example,005A,Nurturing,,00Q3
Di,Su,di@kunde.example,ana  weber,Open - not contacted,,00Q4
"""


async def test_salesforce_report_is_imported_with_its_words_replaced(
    workspace: Workspace, tmp_path: Path
) -> None:
    await workspace.put(
        "owners", "ana", {"name": "Ana Weber", "timezone": "Europe/Berlin", "crm": {"sf": "005A"}}
    )
    report = await imported(
        workspace,
        tmp_path / "book.csv",
        SALESFORCE,
        replacements=["Lead Status:open - not contacted=open", "Lead Status:Closed - Converted=closed"],
        dates=DayOrder.DMY,
    )
    assert report.imported == 3
    ((line, problem),) = report.problems
    assert (line, problem.faults[0].code) == (4, "not_allowed")
    assert "--map-value 'Lead Status:word=open'" in problem.faults[0].detail
    assert "time zone of their owner" in " ".join(report.notes)
    (assignment,) = (await known(workspace, "mara@kunde.example"))["assignments"]
    assert assignment["decided_at"].startswith("2026-04-03T08:00:00")
    assert (await workspace.get("/leads?crm_lead_id=00Q2"))["items"][0]["state"] == "closed"


@pytest.mark.parametrize(
    ("cells", "state", "province"), [("Bayern", "assigned", "DE-BY"), ("closed", "closed", None)]
)
async def test_column_state_is_a_province_unless_it_says_open_or_closed(
    workspace: Workspace, tmp_path: Path, cells: str, state: str, province: str | None
) -> None:
    await imported(workspace, tmp_path / "book.csv", f"email,owner,state\na@kunde.example,ana,{cells}\n")
    lead = await known(workspace, "a@kunde.example")
    assert (lead["state"], lead["fields"].get("state")) == (state, province)


async def test_imported_leads_count_toward_the_load_of_their_day(
    workspace: Workspace, tmp_path: Path
) -> None:
    now = await workspace.start_at_noon()
    times = [now - timedelta(seconds=1), now - timedelta(days=9), now - timedelta(days=8), now]
    lines = [f"{number}@kunde.example,eve,{at.isoformat()}," for number, at in enumerate(times)]
    text = "\n".join(
        ["email,owner,assigned_at,status", *lines, f"9@kunde.example,eve,{now.isoformat()},closed"]
    )
    await imported(workspace, tmp_path / "book.csv", text)
    load = (await read_current_state(workspace.pool, workspace.workspace_id)).facts.state.load("eve")
    counted = (load.open, load.on_day(now.date()))
    assert counted == (4, 3)
    # Counting again from the stored data when caps change gives the same result.
    await workspace.put("owners", "eve", {"name": "Eve", "caps": {"per_day": 5}})
    load = (await read_current_state(workspace.pool, workspace.workspace_id)).facts.state.load("eve")
    assert (load.open, load.on_day(now.date())) == counted


@pytest.mark.parametrize("seed", range(5))
def test_load_does_not_depend_on_the_order_of_counting(seed: int) -> None:
    owner, caps = Owner("ana", "Ana"), Caps(rolling=((3, timedelta(hours=50)),))
    start = datetime(2026, 11, 20, 22, tzinfo=UTC)
    times = [start + timedelta(hours=7 * number) for number in range(40)]
    in_order, shuffled = Load(), Load()
    for at in times:
        in_order.take(owner, caps, at)
    random.Random(seed).shuffle(times)
    for at in times:
        shuffled.take(owner, caps, at)
    assert shuffled == in_order


def test_import_command_reads_a_spreadsheet(shell: Shell) -> None:
    shell.says("workspaces", "create", "acme")
    owners = kept(shell.directory / "owners.csv", "id\nana\nben\n")
    shell.says("import", "owners", str(owners), "--workspace", "acme")
    file = shell.directory / "book.csv"
    file.write_text("Mail;Besitzer;Notiz\na@kunde.example;ana;x\nb@kunde.example;nobody;y\n")
    words = ("import", "leads", str(file), "--workspace", "acme")
    assert "'Notiz'" in shell.refuses(*words)
    message = shell.refuses(*words, "--map", "Notiz=-")
    assert message.endswith("1 not imported:\n  line 3: owner names an owner that does not exist\n")
    file.write_text(file.read_text().replace("nobody", "ben"))
    assert "1 imported, 0 moved, 1 unchanged" in shell.says(*words, "--map", "Notiz=-")
    assert "leads received: 2, matched to existing leads: 0" in shell.says("verify")


async def test_line_withdraws_what_it_names_and_an_old_yes_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    lead = await workspace.assign(email="a@kunde.example")
    lines = """email,owner,consent.email,consent_record.at,unsubscribed,complained
a@kunde.example,ana,yes,,sms;email,
b@kunde.example,ana,yes,2020-01-01T00:00:00Z,yes,
c@kunde.example,ana,no,,no,phone
d@kunde.example,ana,yes,2020-01-01T00:00:00Z,,
"""
    report = await imported(workspace, tmp_path / "book.csv", lines)
    assert report.problems == []
    old = "email,owner,consent.email,consent_record.at\na@kunde.example,ana,yes,2020-04-01T00:00:00Z\n"
    await imported(workspace, tmp_path / "again.csv", old)
    found = {}
    for name in "abcd":
        url = f"/leads/{(await known(workspace, f'{name}@kunde.example'))['id']}/preferences"
        found[name] = {each: act["state"] for each, act in (await workspace.get(url))["consents"].items()}
    assert found == {
        "a": {"sms": "withdrawn", "email": "withdrawn"},
        "b": {"email": "withdrawn", "sms": "withdrawn", "chat": "withdrawn"},
        "c": {"phone": "complained"},
        "d": {"email": "granted"},
    }
    assert (await known(workspace, "a@kunde.example"))["id"] == lead["lead_id"]
    wrong = "email,owner,unsubscribed\nx@kunde.example,ana,post\n"
    report = await imported(workspace, tmp_path / "wrong.csv", wrong)
    assert [(line, problem.faults[0].path[0]) for line, problem in report.problems] == [(2, "unsubscribed")]
