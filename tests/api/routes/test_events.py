"""Events: what callers report, and what it does."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN = """
paths: {newsletter: {accountable: {team: inbound}}}
slas: {standard: {touch: 1h}}
pipeline:
  - rule: {name: nurture, when: {lead_type: content}, then: {path: newsletter}}
  - rule: {name: ana, when: {source: ana}, then: {owner: ana, sla: standard}}
  - rule: {name: ben, when: {source: ben}, then: {owner: ben}}
  - queue: {name: desk}
queues: {desk: {}}
campaigns: [new-lead-offer]
on_event:
  purchase:
    - do:
        - {type: suppress_campaign, name: new-lead-offer}
        - {type: cancel_task}
"""


async def post(workspace: Workspace, url: str, body: Any, **headers: str) -> httpx2.Response:
    return await workspace.client.post(url, json=body, headers=headers)


async def report(workspace: Workspace, assignment_id: str, **event: Any) -> dict[str, Any]:
    answer = await post(workspace, f"/assignments/{assignment_id}/events", event)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def of_ana(workspace: Workspace, number: int = 1) -> dict[str, Any]:
    """A lead of ana's."""
    return await workspace.assign(external_id=f"lead-{number}", source="ana")


async def is_clean(workspace: Workspace) -> bool:
    return (await verify(workspace.pool, workspace.workspace_id)).differences == []


@pytest.fixture
async def events(workspace: Workspace) -> Workspace:
    """A workspace with this plan, at noon."""
    await workspace.start_at_noon()
    await workspace.publish(PLAN)
    return workspace


async def test_a_sale_told_three_times_and_reversed_is_one_sale_and_then_none(events: Workspace) -> None:
    lead = await of_ana(events)
    deal = {"type": "purchase", "ref": "D", "currency": "EUR"}
    first = await report(events, lead["assignment_id"], **deal, id="e1", amount=4000)
    again = await report(events, lead["assignment_id"], **deal, id="e2", amount=4000)
    more = await report(events, lead["assignment_id"], **deal, id="e3", amount=4400)
    assert [each["effect"] for each in (first, again, more)] == ["counted", "none", "amended"]
    assert [each["type"] for each in first["actions"]] == ["suppress_campaign", "cancel_task"]
    assert [each["id"] for each in first["actions"]] == [f"{first['event_id']}.1", f"{first['event_id']}.2"]
    assert again["actions"] == more["actions"] == []
    found = await events.get(f"/leads/{lead['lead_id']}")
    assert (found["conversions"], found["revenue"]) == (1, [{"currency": "EUR", "amount": 4400.0}])
    history = (await events.get(f"/assignments/{lead['assignment_id']}"))["events"]
    assert [each["amount"] for each in history] == [4000.0, 4000.0, 4400.0]
    undone = await report(events, lead["assignment_id"], type="reversed", ref="D")
    assert undone["effect"] == "reversed"
    found = await events.get(f"/leads/{lead['lead_id']}")
    assert (found["conversions"], found["revenue"]) == (0, [{"currency": "EUR", "amount": 0.0}])
    assert len((await events.get(f"/assignments/{lead['assignment_id']}"))["events"]) == 4


async def test_two_deals_of_a_lead_count_as_two(events: Workspace) -> None:
    lead = await of_ana(events)
    for ref, amount in (("D1", 100), ("D2", 50)):
        sold = await report(events, lead["assignment_id"], type="purchase", ref=ref, amount=amount)
        assert sold["effect"] == "counted"
    found = await events.get(f"/leads/{lead['lead_id']}")
    assert (found["conversions"], found["revenue"]) == (2, [{"currency": None, "amount": 150.0}])


async def test_sales_of_one_batch_are_processed_in_their_order(events: Workspace) -> None:
    lead = await of_ana(events)
    sent = [("purchase", 1), ("reversed", None), ("purchase", 2), ("purchase", 2)]
    items = [
        {"lead_id": lead["lead_id"], "type": type_, "ref": "D", "amount": amount} for type_, amount in sent
    ]
    answer = (await post(events, "/events", {"items": items})).json()
    effects = [each["result"]["effect"] for each in answer["items"]]
    assert effects == ["counted", "reversed", "counted", "none"]
    found = await events.get(f"/leads/{lead['lead_id']}")
    assert (found["conversions"], found["revenue"][0]["amount"]) == (1, 2.0)


async def test_a_sale_of_a_closed_lead_counts(events: Workspace) -> None:
    lead = await of_ana(events)
    await report(events, lead["assignment_id"], type="closed")
    sold = await report(events, lead["assignment_id"], type="purchase", ref="D", amount=5)
    assert (sold["state"], sold["effect"], len(sold["actions"])) == ("closed", "counted", 2)
    assert (await events.get(f"/leads/{lead['lead_id']}"))["conversions"] == 1


async def test_two_systems_may_use_the_same_event_id(events: Workspace) -> None:
    first, second = await of_ana(events), await of_ana(events, 2)
    dialer = events.caller(await events.issue_key("events"))
    url = f"/assignments/{first['assignment_id']}/events"
    async with dialer:
        sent = {"id": "4711", "type": "first_touch"}
        answer = await dialer.post(url, json=sent)
        other = await report(events, second["assignment_id"], id="4711", type="meeting")
        repeat = await dialer.post(url, json=sent)
        changed = await dialer.post(url, json={**sent, "type": "reached"})
    assert other["lead_id"] == second["lead_id"]
    assert repeat.json() == {**answer.json(), "replayed": True}
    assert (repeat.status_code, repeat.headers["idempotency-replayed"]) == (200, "true")
    assert (changed.status_code, changed.json()["code"]) == (422, "event_id_reused")
    assert len(await events.fetch("SELECT FROM events WHERE workspace_id = $1")) == 2


async def test_keys_of_one_source_share_the_ids_of_events(events: Workspace) -> None:
    lead = await of_ana(events)
    answers = []
    for _ in range(2):
        key = await events.issue_key("events")
        await events.pool.execute("UPDATE api_keys SET source = 'crm' WHERE id = $1", key.split("_")[2])
        async with events.caller(key) as caller:
            url = f"/assignments/{lead['assignment_id']}/events"
            answers.append((await caller.post(url, json={"id": "4711", "type": "note"})).json())
    assert answers[1] == {**answers[0], "replayed": True}
    (event,) = (await events.get(f"/assignments/{lead['assignment_id']}"))["events"]
    assert event["source"] == "crm"


async def test_an_id_twice_in_a_batch_is_the_replay_of_the_first(events: Workspace) -> None:
    lead = await of_ana(events)
    item = {"assignment_id": lead["assignment_id"], "id": "4711", "type": "note"}
    answer = (await post(events, "/events", {"items": [item, item, {**item, "type": "meeting"}]})).json()
    assert [each["status"] for each in answer["items"]] == [200, 200, 422]
    assert [each["result"]["replayed"] for each in answer["items"][:2]] == [False, True]
    alone = await report(events, lead["assignment_id"], id="4711", type="note")
    assert alone["replayed"]


async def test_events_are_idempotent_by_key_also_in_batches(events: Workspace) -> None:
    lead = await of_ana(events)
    url, sent = f"/assignments/{lead['assignment_id']}/events", {"type": "note", "note": "called"}
    first = await post(events, url, sent, **{"Idempotency-Key": "k"})
    again = await post(events, url, sent, **{"Idempotency-Key": "k"})
    assert again.json() == {**first.json(), "replayed": True}
    batch = {"items": [{"lead_id": lead["lead_id"], **sent}, {"lead_id": lead["lead_id"], "type": "nothing"}]}
    first = await post(events, "/events", batch, **{"Idempotency-Key": "b"})
    again = await post(events, "/events", batch, **{"Idempotency-Key": "b"})
    assert [each["status"] for each in first.json()["items"]] == [200, 422]
    assert first.json()["items"][0]["result"]["event_id"] == again.json()["items"][0]["result"]["event_id"]
    assert len(await events.fetch("SELECT FROM events WHERE workspace_id = $1")) == 2


async def test_events_dated_before_the_assignment(events: Workspace) -> None:
    noon = (await events.assign(external_id="clock", source="ben"))["decided_at"][:10]
    old = await events.assign(external_id="lead-1", source="ben")
    await events.fetch(
        "UPDATE assignments SET decided_at = decided_at - interval '20 days' WHERE workspace_id = $1"
        " AND id = $2",
        old["assignment_id"],
    )
    await post(events, "/reassign", {"lead_id": old["lead_id"], "to": "ana"})
    lead = await events.get(f"/leads/{old['lead_id']}")
    new = lead["assignments"][-1]
    start = new["decided_at"]
    early = await report(
        events, new["assignment_id"], type="first_touch", by="ana", at=minutes_before(start, 1)
    )
    assert early["effect"] == "touched"
    (row,) = await events.fetch(
        "SELECT touched_at = decided_at AS at_once FROM assignments WHERE workspace_id = $1 AND id = $2",
        new["assignment_id"],
    )
    assert row["at_once"]
    dated = await report(events, new["assignment_id"], type="opportunity", at=noon, ref="D")
    assert (dated["effect"], dated["assignment_id"]) == ("counted", new["assignment_id"])
    former = await report(
        events, new["assignment_id"], type="reached", by="ben", at=minutes_before(start, 11 * 24 * 60)
    )
    assert (former["effect"], former["assignment_id"]) == ("history", old["assignment_id"])
    shown = (await events.get(f"/assignments/{new['assignment_id']}"))["events"]
    assert [(each["type"], each["day_only"]) for each in shown] == [
        ("first_touch", False),
        ("opportunity", True),
    ]
    late = await post(
        events,
        f"/assignments/{new['assignment_id']}/events",
        {"type": "note", "at": minutes_before(start, -6)},
    )
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "in_the_future")


def minutes_before(at: str, minutes: int) -> str:
    from datetime import datetime

    return (datetime.fromisoformat(at) - timedelta(minutes=minutes)).isoformat()


async def test_only_people_touch_a_lead(events: Workspace) -> None:
    lead = await of_ana(events)
    sent = [
        {"type": "first_touch", "via": "sequence"},
        {"type": "note", "by": "ana"},
        {"type": "first_touch", "by": "crm-integration"},
    ]
    for each in sent:
        assert (await report(events, lead["assignment_id"], **each))["effect"] == "none"
    (row,) = await progress(events, lead)
    assert (row["touched_at"], row["accepted_at"]) == (None, None)
    assert (await report(events, lead["assignment_id"], type="first_touch", by="ben", via="phone"))[
        "effect"
    ] == "touched"
    (row,) = await progress(events, lead)
    assert row["touched_at"] is not None
    assert row["owner_id"] == "ana"
    shown = (await events.get(f"/assignments/{lead['assignment_id']}"))["events"]
    assert [(each["via"], each["by"]) for each in shown] == [
        ("sequence", None),
        (None, "ana"),
        (None, "crm-integration"),
        ("phone", "ben"),
    ]


async def progress(workspace: Workspace, lead: dict[str, Any]) -> list[Any]:
    return await workspace.fetch(
        "SELECT * FROM assignments WHERE workspace_id = $1 AND id = $2", lead["assignment_id"]
    )


async def test_an_order_too_late_is_refused_and_stands_as_a_note(events: Workspace) -> None:
    lead = await of_ana(events)
    moved = await post(events, "/reassign", {"lead_id": lead["lead_id"], "to": "ben"})
    url, sent = f"/assignments/{lead['assignment_id']}/events", {"id": "late", "type": "accepted"}
    refused = await post(events, url, sent)
    assert (refused.status_code, refused.json()["code"]) == (409, "superseded")
    problem = refused.json()
    assert (problem["state"], problem["owner_id"]) == ("superseded", "ben")
    assert problem["since"] == moved.json()["decided_at"]
    again = await post(events, url, sent)
    assert {**again.json(), "request_id": ""} == {**problem, "request_id": ""}
    fact = await report(events, lead["assignment_id"], type="reached")
    assert (fact["state"], fact["effect"]) == ("superseded", "none")
    shown = (await events.get(f"/assignments/{lead['assignment_id']}"))["events"]
    assert [(each["type"], each["effect"]) for each in shown] == [
        ("accepted", "refused"),
        ("reached", "none"),
    ]
    await report(events, moved.json()["assignment_id"], type="closed")
    closed = await post(events, f"/assignments/{moved.json()['assignment_id']}/events", {"type": "closed"})
    assert (closed.status_code, closed.json()["code"], closed.json()["state"]) == (
        409,
        "already_closed",
        "closed",
    )


@pytest.mark.parametrize("order", [{"type": "accepted"}, {"type": "snoozed"}])
async def test_the_order_of_a_former_owner_does_not_reach_the_next_one(
    events: Workspace, order: dict[str, str]
) -> None:
    lead = await of_ana(events)
    moved = (await post(events, "/reassign", {"lead_id": lead["lead_id"], "to": "ben"})).json()
    later = datetime.fromisoformat(moved["decided_at"]) + timedelta(days=2)
    sent = {**order, "by": "ana", "lead_id": lead["lead_id"]}
    sent |= {"until": later.isoformat()} if order["type"] == "snoozed" else {}
    answer = await post(events, "/events", {"items": [sent]})
    problem = answer.json()["items"][0]["problem"]
    assert (problem["status"], problem["code"], problem["since"]) == (409, "superseded", moved["decided_at"])
    shown = await events.get(f"/assignments/{moved['assignment_id']}")
    assert [each["effect"] for each in shown["events"]] == ["refused"]
    assert {clock["state"] for clock in (shown["sla"] or {"clocks": []})["clocks"]} <= {"pending"}


async def test_nobody_accepts_a_lead_that_waits_in_a_queue(events: Workspace) -> None:
    lead = await of_ana(events)
    waiting = (await post(events, "/reassign", {"lead_id": lead["lead_id"], "to": {"queue": "desk"}})).json()
    answer = await report(events, waiting["assignment_id"], type="accepted")
    assert (answer["state"], answer["effect"]) == ("open", "none")


async def test_only_keys_that_may_read_leads_are_told_the_present_owner(events: Workspace) -> None:
    lead = await of_ana(events)
    await post(events, "/reassign", {"lead_id": lead["lead_id"], "to": "ben"})
    for scopes, told in ((("events",), False), (("events", "leads:read"), True)):
        async with events.caller(await events.issue_key(*scopes)) as caller:
            answer = await caller.post(
                f"/assignments/{lead['assignment_id']}/events", json={"type": "accepted"}
            )
        assert ("owner_id" in answer.json()) is told


async def test_a_refused_order_is_refused_again_under_its_key(events: Workspace) -> None:
    lead = await of_ana(events)
    await report(events, lead["assignment_id"], type="closed")
    body = {"items": [{"external_id": "lead-1", "type": "accepted"}]}
    first = await post(events, "/events", body, **{"Idempotency-Key": "k"})
    await events.assign(external_id="lead-1", source="ana", lead_type="demo")
    again = await post(events, "/events", body, **{"Idempotency-Key": "k"})
    codes = [each.json()["items"][0]["problem"]["code"] for each in (first, again)]
    assert codes == ["already_closed", "already_closed"]
    assert len(await events.fetch("SELECT FROM events WHERE workspace_id = $1 AND effect = 'refused'")) == 1


async def test_a_batch_addresses_leads_in_four_ways_and_each_item_stands_alone(events: Workspace) -> None:
    lead = await events.assign(external_id="lead-1", crm={"lead_id": "00Q5g000001AbCd"}, source="ana")
    unknown = "01890000-0000-7000-8000-000000000000"
    items: list[Any] = [
        {"assignment_id": lead["assignment_id"], "type": "note"},
        {"lead_id": lead["lead_id"], "type": "note"},
        {"external_id": "lead-1", "type": "note"},
        {"crm_lead_id": "00Q5g000001AbCd", "type": "note"},
        {"lead_id": unknown, "type": "note"},
        {"external_id": "nobody", "type": "note"},
        {"external_id": "lead-1", "lead_id": lead["lead_id"], "type": "note"},
        {"external_id": "lead-1", "type": "snoozed"},
        "no event",
    ]
    answer = await post(events, "/events", {"items": items})
    assert answer.status_code == 200
    shown = [each["status"] for each in answer.json()["items"]]
    assert shown[:4] == [200, 200, 200, 200]
    assert shown[4:] == [404, 404, 422, 422, 422]


@pytest.mark.parametrize(
    ("type_", "field"), [("snoozed", "until"), ("reversed", "ref"), ("dispute_settled", "result")]
)
async def test_a_field_that_a_type_needs_is_named(events: Workspace, type_: str, field: str) -> None:
    lead = await of_ana(events)
    alone = await post(events, f"/assignments/{lead['assignment_id']}/events", {"type": type_})
    items = {"items": [{"type": type_, "lead_id": lead["lead_id"]}]}
    batch = (await post(events, "/events", items)).json()["items"][0]["problem"]
    assert [each["errors"][0]["path"] for each in (alone.json(), batch)] == [field, f"items[0].{field}"]


async def test_snoozed_leads_rest_until_then(events: Workspace) -> None:
    lead = await of_ana(events)
    until = minutes_before(lead["decided_at"], -3 * 24 * 60)
    snoozed = await report(events, lead["assignment_id"], type="snoozed", until=until)
    assert (snoozed["state"], snoozed["effect"]) == ("open", "snoozed")
    (row,) = await progress(events, lead)
    assert row["idle_from"] - row["decided_at"] == timedelta(days=3)
    for days in (-1, 15):
        until = minutes_before(lead["decided_at"], -days * 24 * 60)
        answer = await post(
            events, f"/assignments/{lead['assignment_id']}/events", {"type": "snoozed", "until": until}
        )
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "until")


async def test_the_first_snooze_moves_the_time_to_touch_the_lead(events: Workspace) -> None:
    lead = await of_ana(events)
    started = lead["decided_at"]
    for days, expected in ((1, 1), (2, 1)):
        until = minutes_before(started, -days * 24 * 60)
        await report(events, lead["assignment_id"], type="snoozed", until=until)
        (clock,) = await events.fetch(
            "SELECT due_at - started_at AS length FROM sla_clocks WHERE workspace_id = $1 AND kind = 'touch'"
        )
        assert timedelta(days=expected) < clock["length"] <= timedelta(days=expected, hours=1)
    (row,) = await progress(events, lead)
    assert row["idle_from"] - row["decided_at"] == timedelta(days=2)
    await report(events, lead["assignment_id"], type="reached")
    states = await events.fetch("SELECT state FROM sla_clocks WHERE workspace_id = $1")
    assert [each["state"] for each in states] == ["met"]
    assert await is_clean(events)


async def test_a_planned_meeting_puts_idling_off(events: Workspace) -> None:
    lead = await of_ana(events)
    planned = minutes_before(lead["decided_at"], -40 * 24 * 60)
    await report(events, lead["assignment_id"], type="meeting", **{"for": planned})
    await report(events, lead["assignment_id"], type="note")
    (row,) = await progress(events, lead)
    assert row["idle_from"] - row["decided_at"] == timedelta(days=40)


@pytest.mark.parametrize("type_", ["disqualified", "lost", "churned", "invalid_contact", "spam", "closed"])
async def test_these_events_close_the_lead(events: Workspace, type_: str) -> None:
    lead = await of_ana(events)
    done = await report(events, lead["assignment_id"], type=type_)
    assert (done["state"], done["effect"]) == ("closed", "closed")
    assert (await events.get(f"/leads/{lead['lead_id']}"))["state"] == "closed"
    assert await is_clean(events)


async def test_the_plan_says_which_facts_close_a_lead(events: Workspace) -> None:
    await events.publish(f"{PLAN}close_on: [purchase, x-done]\n")
    first, second, third = [await of_ana(events, number) for number in (1, 2, 3)]
    assert (await report(events, first["assignment_id"], type="lost"))["state"] == "open"
    assert (await report(events, second["assignment_id"], type="purchase"))["effect"] == "closed"
    assert (await report(events, third["assignment_id"], type="x-done"))["state"] == "closed"


HANDOFFS = """
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - queue: {name: desk}
queues: {desk: {}}
follow_up: [{when: {step: to-ae}, do: [{type: task, title: "Call {lead.email}"}]}]
handoffs:
"""


async def with_handoff(workspace: Workspace, handoff: str) -> dict[str, Any]:
    """A lead of ana's, and a plan with this handoff."""
    await workspace.publish(f"{HANDOFFS}  - {handoff}\n")
    return await of_ana(workspace)


async def assignments(workspace: Workspace, lead: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = (await workspace.get(f"/leads/{lead['lead_id']}"))["assignments"]
    return [(each["owner"] and each["owner"]["id"], each["state"], each["end_cause"]) for each in found]


async def test_an_event_hands_a_lead_off_once(events: Workspace) -> None:
    lead = await with_handoff(events, "{name: to-ae, when_event: qualified, to: {owner: ben}}")
    done = await report(events, lead["assignment_id"], type="qualified")
    assert (done["state"], done["effect"]) == ("superseded", "handed_off")
    second = done["decision"]
    assert (second["owner"]["id"], second["reason"]["code"]) == ("ben", "handoff")
    assert second["reason"]["text"] == "Assigned to Ben by handoff to-ae."
    assert [each["type"] for each in second["actions"]] == ["task"]
    (told,) = done["actions"]
    assert told["params"] | {"crm": {}} == {
        "owner": "ana",
        "code": "handed_off",
        "rule": "to-ae",
        "text": "One of your leads was handed off. Ben has it now.",
        "crm": {},
    }
    for address in (lead["assignment_id"], second["assignment_id"]):
        again = await report(events, address, type="qualified")
        assert (again["effect"], again["decision"]) == ("none", None)
    shown = (await events.get(f"/leads/{lead['lead_id']}"))["assignments"]
    assert await assignments(events, lead) == [("ana", "superseded", "handed_off"), ("ben", "open", None)]
    assert (shown[1]["cause"], shown[1]["handoff"]) == ("handoff", "to-ae")
    assert shown[1]["from_assignment_id"] == lead["assignment_id"]
    assert await is_clean(events)


async def test_a_handoff_goes_to_the_account_s_role(events: Workspace) -> None:
    await events.put("accounts", "acme", {"domains": ["acme.example"], "roles": {"ae": "eve"}})
    await events.publish(f"{HANDOFFS}  - {{name: to-ae, when_event: qualified, to: account.ae}}\n")
    lead = await events.assign(email="x@acme.example", source="ana")
    done = await report(events, lead["assignment_id"], type="qualified")
    assert done["decision"]["owner"]["id"] == "eve"
    assert await is_clean(events)


async def test_a_handoff_that_nobody_can_take_goes_down_its_ladder(events: Workspace) -> None:
    handoff = "{name: to-ae, when_event: qualified, to: account.ae, else: [{owner: ben}, {team: dach}]}"
    lead = await with_handoff(events, handoff)
    await events.client.patch("/owners/ben", json={"active": False})
    nobody = await report(events, lead["assignment_id"], type="qualified")
    assert (nobody["state"], nobody["effect"], nobody["decision"]) == ("open", "none", None)
    assert await assignments(events, lead) == [("ana", "open", None)]
    await events.client.patch("/owners/ben", json={"active": True})
    done = await report(events, lead["assignment_id"], type="qualified")
    assert done["decision"]["owner"]["id"] == "ben"
    assert await is_clean(events)


async def test_a_kept_handoff_leaves_the_lead_with_two_owners(events: Workspace) -> None:
    lead = await with_handoff(events, "{name: to-ae, when_event: qualified, to: {owner: ben}, keep: true}")
    done = await report(events, lead["assignment_id"], type="qualified")
    assert (done["state"], done["effect"]) == ("open", "handed_off")
    assert await assignments(events, lead) == [("ana", "open", None), ("ben", "open", None)]
    assert await is_clean(events)
    both = {"lead_id": lead["lead_id"], "type": "note"}
    answer = (await post(events, "/events", {"items": [both, {**both, "by": "ana"}]})).json()["items"]
    assert answer[0]["problem"]["code"] == "ambiguous"
    ids = [lead["assignment_id"], done["decision"]["assignment_id"]]
    assert answer[0]["problem"]["assignment_ids"] == ids
    assert answer[1]["result"]["assignment_id"] == lead["assignment_id"]
    again = await of_ana(events)
    assert again["owner"]["id"] == "ben"
    assert again["existing_lead"]["assignment_id"] == ids[1]


@pytest.mark.parametrize("closed", [0, 1])
async def test_closing_one_of_two_leaves_the_lead_with_the_other(events: Workspace, closed: int) -> None:
    lead = await with_handoff(events, "{name: to-ae, when_event: qualified, to: {owner: ben}, keep: true}")
    done = await report(events, lead["assignment_id"], type="qualified")
    ids = [lead["assignment_id"], done["decision"]["assignment_id"]]
    await report(events, ids[closed], type="closed")
    found = await events.get(f"/leads/{lead['lead_id']}")
    assert found["state"] == "assigned"
    assert found["fields"]["source"] == "ana"
    assert [each["state"] for each in found["assignments"]] == [
        "closed" if each == closed else "open" for each in (0, 1)
    ]
    assert await is_clean(events)
    moved = await post(events, "/reassign", {"lead_id": lead["lead_id"], "to": "eve"})
    assert moved.status_code == 201
    assert await is_clean(events)
    left = await report(events, moved.json()["assignment_id"], type="closed")
    assert left["state"] == "closed"
    assert (await events.get(f"/leads/{lead['lead_id']}"))["state"] == "closed"
    assert await is_clean(events)


async def test_a_handoff_to_a_queue_waits_there(events: Workspace) -> None:
    lead = await with_handoff(events, "{name: to-ae, when_event: qualified, to: {queue: desk}}")
    done = await report(events, lead["assignment_id"], type="qualified")
    assert (done["decision"]["outcome"], done["decision"]["queue"]) == ("queued", "desk")
    assert "waits in a queue" in done["actions"][0]["params"]["text"]
    claimed = await post(events, "/queues/desk/claim", {"owner_id": "ben"})
    assert claimed.json()["lead_id"] == lead["lead_id"]
    assert await is_clean(events)


async def test_the_actions_of_an_event_reach_the_outbox_where_somebody_reads_it(events: Workspace) -> None:
    lead = await of_ana(events)
    await report(events, lead["assignment_id"], type="purchase")
    assert await events.fetch("SELECT FROM actions WHERE workspace_id = $1") == []


async def test_an_owner_s_key_reports_for_that_owner_only(events: Workspace) -> None:
    lead = await of_ana(events)
    key = await events.issue_key("events")
    await events.pool.execute("UPDATE api_keys SET owner_id = 'ben' WHERE id = $1", key.split("_")[2])
    url = f"/assignments/{lead['assignment_id']}/events"
    async with events.caller(key) as caller:
        order = await caller.post(url, json={"type": "accepted"})
        fact = await caller.post(url, json={"type": "reached"})
        other = await caller.post(url, json={"type": "reached", "by": "ana"})
    assert [each.status_code for each in (order, fact, other)] == [404, 404, 403]
    assert (await events.get(f"/assignments/{lead['assignment_id']}"))["events"] == []


async def test_of_several_handoffs_the_first_that_somebody_can_take_is_made(events: Workspace) -> None:
    rules = """
  - {name: big, when_event: qualified, when: {employees: {gt: 100}}, to: {owner: eve}}
  - {name: nobody, when_event: qualified, to: account.ae}
  - {name: second, when_event: qualified, to: {owner: ben}}
  - {name: third, when_event: qualified, to: {owner: eve}}
"""
    await events.publish(f"{HANDOFFS}{rules}")
    lead = await of_ana(events)
    done = await report(events, lead["assignment_id"], type="qualified")
    assert done["decision"]["owner"]["id"] == "ben"
    shown = (await events.get(f"/leads/{lead['lead_id']}"))["assignments"]
    assert [each["handoff"] for each in shown] == [None, "second"]
    assert await is_clean(events)


LATE_ORDERS: list[dict[str, Any]] = [
    {"type": "accepted"},
    {"type": "rejected", "reason": "no_budget"},
    {"type": "snoozed", "until": "2030-11-21T12:00:00Z"},
    {"type": "closed"},
]


@pytest.mark.parametrize("order", LATE_ORDERS, ids=lambda order: str(order["type"]))
@pytest.mark.parametrize("by", ["ana", "005A"])
async def test_an_order_of_a_former_owner_about_the_lead_is_refused(
    events: Workspace, order: dict[str, Any], by: str
) -> None:
    """It must not meet the assignment of the next owner, whose it is by the id of the lead."""
    await events.publish(f"{PLAN}reject_reasons: {{no_budget: {{refund: true}}}}\n")
    lead = await of_ana(events)
    await post(events, "/reassign", {"lead_id": lead["lead_id"], "to": {"owner": "ben"}})
    item = {**order, "lead_id": lead["lead_id"], "by": by, "id": "late"}
    for _ in range(2):
        (answer,) = (await post(events, "/events", {"items": [item]})).json()["items"]
        assert (answer["status"], answer["problem"]["code"]) == (409, "superseded")
    assert await assignments(events, lead) == [
        ("ana", "superseded", "reassigned"),
        ("ben", "open", None),
    ]
    own = {**order, "lead_id": lead["lead_id"], "by": "ben"}
    (taken,) = (await post(events, "/events", {"items": [own]})).json()["items"]
    assert taken["status"] == 200
    assert await is_clean(events)


async def test_others_close_a_lead_and_a_former_owner_by_the_present_assignment(events: Workspace) -> None:
    first, second = await of_ana(events, 1), await of_ana(events, 2)
    closing = {"lead_id": first["lead_id"], "type": "closed", "by": "eve"}
    (answer,) = (await post(events, "/events", {"items": [closing]})).json()["items"]
    assert answer["result"]["effect"] == "closed"
    moved = await post(events, "/reassign", {"lead_id": second["lead_id"], "to": {"owner": "ben"}})
    done = await report(events, moved.json()["assignment_id"], type="closed", by="ana")
    assert done["effect"] == "closed"
    assert await is_clean(events)
