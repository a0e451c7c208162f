"""Leads whose address, domain or phone number is on a list are blocked, also after a new key."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.audit.verify import verify
from app.directory.suppressions import SLICE
from tests.support.workspace import Workspace

ENTRIES = [
    "konkurrenz.example",
    "müller.example",
    {"phone": "020 7946 1234", "country": "GB"},
    '"Pat" <Pat+Y@Firma.Example>',
]
LEADS: list[tuple[dict[str, Any], str | None]] = [
    ({"email": "j@konkurrenz.example"}, "domain"),
    ({"email": "J@KONKURRENZ.Example"}, "domain"),
    ({"email": "j@eu.mail.konkurrenz.example"}, "domain"),
    ({"email": "j@nichtkonkurrenz.example"}, None),
    ({"email": "j@konkurrenz.example.other.example"}, None),
    ({"email": "j@konkurrenz.example."}, "domain"),
    ({"email": "j@xn--mller-kva.example"}, "domain"),
    ({"email": "j@müller.example"}, "domain"),
    ({"email": "a@people.example", "phone": "+44 20 7946 1234"}, "phone"),
    ({"email": "b@people.example", "phone": "(020) 7946 1234", "country": "United Kingdom"}, "phone"),
    ({"phone": "+44 20 7946 1234 ext. 12", "external_id": "x"}, "phone"),
    ({"email": "pat@firma.example"}, None),
    ({"email": "Pat Y <PAT+y@firma.example>"}, "email"),
]


@pytest_asyncio.fixture
async def office(workspace: Workspace) -> AsyncIterator[Workspace]:
    """A workspace whose plan gives every lead to a team, with a mail and a list of competitors."""
    await workspace.publish(
        "pipeline:\n  - round_robin: {team: inbound}\nfollow_up:\n  - do: [{type: sequence, name: hello}]\n"
    )
    answer = await workspace.client.post("/suppressions", json={"list": "competitors", "entries": ENTRIES})
    assert (answer.status_code, answer.json()) == (200, {"created": 4, "updated": 0, "unchanged": 0})
    yield workspace


async def verdicts(office: Workspace, numbered: str) -> list[str | None]:
    found: list[str | None] = []
    for number, (sent, _) in enumerate(LEADS):
        lead = {"first_name": f"P{numbered}{number}", **sent}
        answer = await office.assign(**lead)
        (step,) = [each for each in answer["trace"]["steps"] if "list" in each] or [{"matched_by": None}]
        found.append(step["matched_by"])
        if answer["outcome"] == "blocked":
            assert (answer["block"], answer["owner"], answer["actions"]) == ("competitors", None, [])
            assert step["list"] == "competitors"
        elif answer["existing_lead"] is None:
            assert [each["type"] for each in answer["actions"]] == ["sequence"]
    return found


async def test_entries_block_at_the_boundary_of_a_label_whatever_the_spelling(office: Workspace) -> None:
    assert await verdicts(office, "a") == [expected for _, expected in LEADS]
    rows = await office.fetch("SELECT cause FROM ledger_entries WHERE workspace_id = $1")
    assert len(rows) == sum(expected is None for _, expected in LEADS)


async def test_nothing_that_was_sent_is_stored(office: Workspace) -> None:
    rows = await office.fetch("SELECT s::text AS row FROM suppressions s WHERE workspace_id = $1")
    changes = await office.get("/changes?resource_type=suppressions")
    for part in ("konkurrenz", "firma", "7946"):
        assert part not in str([row["row"] for row in rows]) + str(changes)
    listed = (await office.get("/suppressions"))["items"]
    assert sorted(entry["kind"] for entry in listed) == ["domain", "domain", "email", "phone"]
    assert {(entry["key_id"], entry["assignment_id"]) for entry in listed} == {(1, None)}


async def test_a_new_key_changes_no_verdict_and_the_old_one_goes_with_its_last_entry(
    office: Workspace,
) -> None:
    before = await verdicts(office, "a")
    made = await office.client.post("/suppressions/keys")
    assert made.json() == {"key_ids": [2, 1]}
    assert await verdicts(office, "b") == before
    (counts,) = (await office.get("/suppressions/counts"))["items"]
    assert counts == {
        "list": "competitors", "email": 1, "domain": 2, "phone": 1, "entries": 4, "of_older_keys": 4,
    }  # fmt: skip
    body = {"list": "competitors", "entries": [*ENTRIES, "new.example"]}
    again = await office.client.post("/suppressions", json=body)
    assert again.json() == {"created": 1, "updated": 4, "unchanged": 0}
    assert await verdicts(office, "c") == before
    assert (await office.get("/suppressions/counts"))["items"][0]["of_older_keys"] == 0
    assert (await office.client.post("/suppressions/keys")).json() == {"key_ids": [3, 2]}


async def test_entries_are_removed_with_a_reason_by_a_key_for_privacy(office: Workspace) -> None:
    body = {"list": "competitors", "entries": ["KONKURRENZ.example", "never.example"]}
    url = "/suppressions/remove"
    assert (await office.client.post(url, json=body)).status_code == 422
    async with office.caller(await office.issue_key("directory:write")) as editor:
        assert (await editor.post(url, json=body | {"reason": "customer_now"})).status_code == 403
        assert (await editor.post("/suppressions", json=body)).json()["unchanged"] == 1
        (entry,) = [each for each in (await office.get("/suppressions"))["items"] if each["kind"] == "phone"]
        deleted = await editor.delete(f"/suppressions/{entry['id']}?reason=mistake")
        assert deleted.status_code == 403
    assert (await office.client.delete(f"/suppressions/{entry['id']}")).status_code == 422
    removed = await office.client.post(url, json=body | {"reason": "customer_now"})
    assert removed.json() == {"removed": 2}
    assert (await office.assign(email="j@konkurrenz.example"))["outcome"] == "assigned"
    change = (await office.get("/changes?resource_type=suppressions"))["items"]
    assert "customer_now" in {each["comment"] for each in change}


async def test_a_value_is_on_several_lists_and_an_entry_of_a_reject_is_one_of_them(
    office: Workspace,
) -> None:
    await office.publish(
        "reject_reasons: {rival: {suppress: domain}}\npipeline:\n  - round_robin: {team: inbound}\n"
    )
    lead = await office.assign(email="z@rival.example")
    url = f"/assignments/{lead['assignment_id']}/events"
    await office.client.post(url, json={"type": "rejected", "reason": "rival"})
    await office.client.post("/suppressions", json={"list": "do_not_contact", "entries": ["rival.example"]})
    counts = {each["list"]: each["domain"] for each in (await office.get("/suppressions/counts"))["items"]}
    assert counts == {"competitors": 2, "do_not_contact": 1, "rival": 1}
    (entry,) = (await office.get("/suppressions?list=rival"))["items"]
    assert entry["assignment_id"] == lead["assignment_id"]
    assert (await office.assign(email="y@rival.example"))["block"] == "rival"
    await office.client.post(url, json={"type": "dispute_settled", "result": "overturned"})
    assert (await office.assign(email="w@rival.example"))["block"] == "do_not_contact"


@pytest.mark.parametrize("email", ["a@@rival.example", "..a@eu.rival.example", "a b@rival.example:25"])
async def test_domain_of_an_address_that_cannot_be_read_is_blocked(office: Workspace, email: str) -> None:
    entries = {"list": "competitors", "entries": ["rival.example"]}
    assert (await office.client.post("/suppressions", json=entries)).json()["created"] == 1
    assert (await office.assign(email=email, phone="+49 30 901820"))["block"] == "competitors"
    assert (await office.assign(email=email.replace("rival", "other")))["outcome"] == "assigned"


@pytest.mark.parametrize(
    "entry",
    [
        "https://www.rival.example/de?ref=list",
        "HTTP://Rival.example:8080",
        "www.rival.example",
        "rival.example/",
        "*.rival.example",
        "*@rival.example",
        "@rival.example.",
        {"email": "*@rival.example"},
        {"domain": "//www.rival.example"},
    ],
)
async def test_a_domain_is_read_as_people_write_it(office: Workspace, entry: object) -> None:
    body = {"list": "competitors", "entries": [entry]}
    assert (await office.client.post("/suppressions", json=body)).json()["created"] == 1
    assert (await office.assign(email="pat@eu.rival.example"))["block"] == "competitors"
    answer = await office.client.post("/suppressions/remove", json={**body, "reason": "mistake"})
    assert answer.json() == {"removed": 1}


@pytest.mark.parametrize(
    ("entry", "field", "code"),
    [
        ("0cc175b9c0f1b6a831c399e269772661", "value", "hash_refused"),
        ({"email": "a" * 64}, "email", "hash_refused"),
        ("sha256:YWJj", "value", "hash_refused"),
        ("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "value", "hash_refused"),
        ("co.uk", "value", "public_suffix"),
        ({"domain": "not a domain"}, "domain", "invalid_format"),
        ({"domain": "pat@rival.example"}, "domain", "invalid_format"),
        ("https://www.co.uk", "value", "public_suffix"),
        ({"phone": "020 7946 1234"}, "phone", "invalid_format"),
        ({"phone": "1", "country": "Atlantis"}, "country", "unknown_country"),
        ({"email": "a@x.example", "domain": "x.example"}, None, "exactly_one"),
    ],
)
async def test_an_entry_that_can_block_nobody_is_refused_with_its_place(
    office: Workspace, entry: object, field: str | None, code: str
) -> None:
    body = {"list": "students", "entries": ["fine.example", entry]}
    answer = await office.client.post("/suppressions", json=body)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (422, code)
    assert error["path"] == ("entries[1]" if field is None else f"entries[1].{field}")
    assert "students" not in str(await office.get("/suppressions/counts"))


async def test_lines_may_have_a_byte_order_mark_and_the_ends_of_windows(office: Workspace) -> None:
    first, second = (
        '{"list": "students", "domain": "uni.example"}',
        '{"list": "students", "email": "a@b.example"}',
    )
    lines = f"\ufeff{first}\r\n\r\n{second}\r\n"
    answer = await office.client.post(
        "/suppressions/bulk", content=lines.encode(), headers={"Content-Type": "application/x-ndjson"}
    )
    assert (answer.json()["created"], answer.json()["errors_total"]) == (2, 0)


async def test_many_entries_come_as_lines_and_a_bad_line_stops_no_other(office: Workspace) -> None:
    lines = [
        '{"list": "students", "domain": "uni.example"}',
        '{"list": "own_staff", "value": "me@ours.example"}',
        '{"list": "students", "domain": "uni.example"}',
        '{"list": "students", "email": "d41d8cd98f00b204e9800998ecf8427e"}',
        '{"domain": "uni.example"}',
        *(f'{{"list": "students", "email": "s{number}@school.example"}}' for number in range(SLICE)),
    ]
    answer = await office.client.post(
        "/suppressions/bulk", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    body = answer.json()
    assert (body["created"], body["unchanged"], body["errors_total"]) == (SLICE + 2, 1, 2)
    assert [each["line"] for each in body["errors"]] == [4, 5]
    assert (await office.assign(email="x@cs.uni.example"))["block"] == "students"
    assert (await office.assign(email="me@ours.example"))["block"] == "own_staff"
    changes = (await office.get("/changes?resource_type=suppressions"))["items"]
    logged = [(each["resource_id"], each["after"]["entries"]) for each in changes]
    assert sorted(logged)[-2:] == [("own_staff", 1), ("students", SLICE + 2)]
    assert len(logged) == 3  # with the entries of the office


async def test_nothing_contacts_a_lead_that_came_before_its_entry(office: Workspace) -> None:
    lead = await office.assign(email="early@people.example", phone="+49 30 1234567")
    assert [each["type"] for each in lead["actions"]] == ["sequence"]
    body = {"list": "do_not_contact", "entries": ["early@people.example"]}
    await office.client.post("/suppressions", json=body)
    again = await office.client.post("/reassign", json={"lead_id": lead["lead_id"], "reason": "moved"})
    moved = again.json()
    assert (moved["outcome"], moved["actions"]) == ("assigned", [])
    assert [each["cause"] for each in moved["withheld_actions"]] == ["suppressed"]
    back = await office.client.post("/assign", json={"lead": {"phone": "030 1234567", "country": "DE"}})
    assert (back.json()["outcome"], back.json()["block"]) == ("blocked", "do_not_contact")
    remove = {**body, "reason": "mistake"}
    assert (await office.client.post("/suppressions/remove", json=remove)).json() == {"removed": 1}
    again = await office.client.post("/reassign", json={"lead_id": lead["lead_id"], "reason": "moved"})
    assert [each["type"] for each in again.json()["actions"]] == ["sequence"]
    assert (await verify(office.pool, office.workspace_id)).differences == []
