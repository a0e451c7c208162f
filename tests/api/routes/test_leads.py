"""Leads and assignments as callers may look at them."""

import pytest

from app.ids import uuid7
from app.store.leads.lead_detail import MAX_ASSIGNMENTS
from tests.support.workspace import Workspace, create_workspace

JANE = {"external_id": "form-1", "email": "Jane@ACME.example", "phone": "+49 30 123456", "country": "DE"}


async def test_assignment_is_returned_as_it_was_first_answered(workspace: Workspace) -> None:
    returned = await workspace.assign(**JANE)
    found = await workspace.get(f"/assignments/{returned['assignment_id']}")
    assert found == {**returned, "state": "open", "events": [], "reject": None}


async def test_a_closed_assignment_says_who_closed_it(workspace: Workspace) -> None:
    returned = await workspace.assign(**JANE)
    key = await workspace.issue_key("events")
    async with workspace.caller(key) as client:
        answer = await client.post(
            f"/assignments/{returned['assignment_id']}/events", json={"type": "closed"}
        )
    assert answer.status_code == 200
    found = await workspace.get(f"/assignments/{returned['assignment_id']}")
    assert found["state"] == "closed"
    assert [(event["type"], event["actor"]) for event in found["events"]] == [("closed", key.split("_")[2])]
    assert (await workspace.get(f"/leads/{returned['lead_id']}"))["owner"] == returned["owner"]


async def test_a_lead_shows_its_assignments_in_order(workspace: Workspace) -> None:
    first = await workspace.assign(**JANE)
    again = await workspace.client.post("/reassign", json={"lead_id": first["lead_id"], "to": "ben"})
    assert again.status_code == 201
    lead = await workspace.get(f"/leads/{first['lead_id']}")
    assert lead["state"] == "assigned"
    assert lead["owner"]["id"] == "ben"
    assert lead["received_at"] == first["decided_at"]
    assert lead["fields"]["email"] == "jane@acme.example"
    shown = [(each["decision_number"], each["cause"], each["state"]) for each in lead["assignments"]]
    assert shown == [(1, "assign", "superseded"), (2, "reassign", "open")]
    assert lead["assignments"][0]["owner"] == first["owner"]
    assert (await workspace.get(f"/assignments/{first['assignment_id']}"))["state"] == "superseded"


async def test_double_submission_is_not_a_new_assignment(workspace: Workspace) -> None:
    first = await workspace.assign(**JANE)
    second = await workspace.assign(email="jane@acme.example")
    lead = await workspace.get(f"/leads/{first['lead_id']}")
    assert [each["assignment_id"] for each in lead["assignments"]] == [first["assignment_id"]]
    (duplicate,) = lead["duplicates"]
    assert duplicate["assignment_id"] == second["assignment_id"]
    assert (duplicate["duplicate_of"], duplicate["matched_by"]) == (first["assignment_id"], "email")
    assert (await workspace.get(f"/assignments/{second['assignment_id']}"))["state"] == "open"


async def test_queued_lead_that_returns_keeps_one_assignment(workspace: Workspace) -> None:
    plan = """
queues: {desk: {}}
returning_leads: {window: 90d}
pipeline: [{queue: {name: desk}}]
"""
    await workspace.publish(plan)
    first, second = await workspace.assign(external_id="q"), await workspace.assign(external_id="q")
    assert second["existing_lead"]["kind"] in {"duplicate", "reengaged"}
    lead = await workspace.get(f"/leads/{first['lead_id']}")
    assert lead["state"] == "queued"
    assert [each["state"] for each in lead["assignments"]] == ["open"]
    assert [each["assignment_id"] for each in lead["duplicates"]] == [second["assignment_id"]]


async def test_queued_lead_that_returns_shows_its_higher_priority(workspace: Workspace) -> None:
    plan = """
queues: {desk: {}}
returning_leads: {window: 90d}
pipeline:
  - rule: {name: hot, when: {lead_type: demo}, then: {queue: desk, priority: 70}}
  - queue: {name: desk}
"""
    await workspace.publish(plan)
    first = await workspace.assign(external_id="q")
    await workspace.assign(external_id="q", lead_type="demo")
    lead = await workspace.get(f"/leads/{first['lead_id']}")
    assert [each["priority"] for each in lead["assignments"]] == [70]
    assert (await workspace.get(f"/assignments/{first['assignment_id']}"))["priority"] == 0


async def test_duplicate_shows_the_events_of_the_first_assignment(workspace: Workspace) -> None:
    first, second = await workspace.assign(**JANE), await workspace.assign(**JANE)
    await workspace.client.post(f"/assignments/{second['assignment_id']}/events", json={"type": "closed"})
    returned = [await workspace.get(f"/assignments/{each['assignment_id']}") for each in (first, second)]
    assert [each["state"] for each in returned] == ["closed", "closed"]
    assert [[event["type"] for event in each["events"]] for each in returned] == [["closed"], ["closed"]]


async def test_a_reengaged_person_has_one_lead_with_two_assignments(workspace: Workspace) -> None:
    first = await workspace.assign(**JANE)
    await workspace.client.post(f"/assignments/{first['assignment_id']}/events", json={"type": "closed"})
    second = await workspace.assign(**JANE)
    assert second["lead_id"] == first["lead_id"]
    lead = await workspace.get(f"/leads/{first['lead_id']}")
    assert [each["state"] for each in lead["assignments"]] == ["closed", "open"]
    assert lead["assignments"][1]["existing_lead"]["kind"] == "reengaged"
    assert lead["duplicates"] == []


async def test_of_very_many_assignments_the_newest_are_shown(workspace: Workspace) -> None:
    items = [{"lead": {"external_id": "same"}}] * (MAX_ASSIGNMENTS // 2 + 1)
    for _ in range(2):
        answer = await workspace.client.post("/assign/batch", json={"items": items})
        assert {item["status"] for item in answer.json()["items"]} == {201}
    lead_id = answer.json()["items"][0]["decision"]["lead_id"]
    lead = await workspace.get(f"/leads/{lead_id}")
    assert lead["has_more"] is True
    assert [each["decision_number"] for each in lead["duplicates"]] == list(range(3, MAX_ASSIGNMENTS + 3))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("external_id=form-1", True),
        ("external_id=%20form-1%20", True),
        ("external_id=form-2", False),
        ("external_id=00Q1", False),
        ("crm_lead_id=00Q1", True),
        ("crm_lead_id=form-1", False),
    ],
)
async def test_a_lead_is_found_by_the_callers_own_id(workspace: Workspace, query: str, found: bool) -> None:
    returned = await workspace.assign(**JANE, crm={"lead_id": "00Q1"})
    items = (await workspace.get(f"/leads?{query}"))["items"]
    assert items == ([await workspace.get(f"/leads/{returned['lead_id']}")] if found else [])


@pytest.mark.parametrize(
    "query", ["", "external_id=a&crm_lead_id=b", "external_id=", f"external_id={'x' * 256}"]
)
async def test_a_search_needs_exactly_one_id(workspace: Workspace, query: str) -> None:
    answer = await workspace.client.get(f"/leads?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "query"
    assert "xxx" not in answer.text


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"email": "JANE@acme.EXAMPLE"}, True),
        ({"email": " jane@acme.example "}, True),
        ({"email": "jane@other.example"}, False),
        ({"email": "not an address"}, False),
        ({"phone": "0049 30 12 34 56"}, True),
        ({"phone": "+49 30 999999"}, False),
        ({"phone": "hello"}, False),
    ],
)
async def test_look_up_normalizes_like_intake(
    workspace: Workspace, body: dict[str, str], found: bool
) -> None:
    returned = await workspace.assign(**JANE)
    answer = await workspace.client.post("/leads/lookup", json=body)
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()["items"]] == ([returned["lead_id"]] if found else [])


@pytest.mark.parametrize("body", [{}, {"email": "a@b.example", "phone": "+49"}, {"email": 1}, {"name": "x"}])
async def test_a_look_up_takes_one_of_two(workspace: Workspace, body: dict[str, object]) -> None:
    assert (await workspace.client.post("/leads/lookup", json=body)).status_code == 422


@pytest.mark.parametrize("url", ["/leads/{id}", "/assignments/{id}", "/assignments/{id}/explain"])
@pytest.mark.parametrize("id_", ["nonsense", "00000000-0000-0000-0000-000000000000", "%00", "' OR 1=1 --"])
async def test_malformed_id_is_not_found(workspace: Workspace, url: str, id_: str) -> None:
    answer = await workspace.client.get(url.format(id=id_))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "url", ["/leads/{lead_id}", "/assignments/{assignment_id}", "/assignments/{assignment_id}/explain"]
)
async def test_another_workspaces_id_looks_like_an_unknown_one(workspace: Workspace, url: str) -> None:
    other = await create_workspace(workspace.app, f"other than {workspace.workspace_id}")
    returned = await other.assign(**JANE)
    ids = {"lead_id": uuid7(), "assignment_id": uuid7()}
    headers = {"X-Request-Id": "the-same-for-both"}
    unknown = await workspace.client.get(url.format(**ids), headers=headers)
    theirs = await workspace.client.get(url.format(**returned), headers=headers)
    assert theirs.status_code == 404
    assert (theirs.content, dict(theirs.headers)) == (unknown.content, dict(unknown.headers))
    assert (await workspace.get("/leads?external_id=form-1"))["items"] == []
    answer = await workspace.client.post("/leads/lookup", json={"email": JANE["email"]})
    assert answer.json()["items"] == []
