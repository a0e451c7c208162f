"""What a person allows, from events, forms and the preferences route, decides what contacts them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from app.audit.verify import verify
from app.store import clocks
from app.store.connection.pool import transaction
from tests.support.workspace import Workspace

PLAN = """
pipeline:
  - rule:
      name: closed
      when: {consent.email: false, lead_type: picky}
      then: {queue: quiet-desk}
  - round_robin: {team: inbound}
queues: {quiet-desk: {claimable_by: inbound}}
follow_up:
  - do:
      - {type: sequence, name: hello, consent: email}
      - {type: x-text, consent: sms}
      - {type: task, title: Call, consent: phone, due: 1h}
      - {type: sequence, name: receipt, transactional: true}
"""
YES = {"email": True, "sms": True, "phone": True}


@pytest_asyncio.fixture
async def office(workspace: Workspace) -> AsyncIterator[Workspace]:
    """A workspace at noon, with a plan that contacts people through three channels."""
    await workspace.start_at_noon()
    await workspace.publish(PLAN)
    yield workspace


async def told(office: Workspace, lead: dict[str, Any], type_: str, **event: Any) -> None:
    url = f"/assignments/{lead['assignment_id']}/events"
    answer = await office.client.post(url, json={"type": type_, **event})
    assert answer.status_code == 200, answer.text


async def again(office: Workspace, lead: dict[str, Any]) -> dict[str, Any]:
    """The same lead, decided again."""
    answer = await office.client.post("/reassign", json={"lead_id": lead["lead_id"], "reason": "again"})
    assert answer.status_code in {200, 201}, answer.text
    return dict(answer.json())


async def go_on(office: Workspace, by: timedelta) -> datetime:
    """Let time pass. Returns a moment just before the new time."""
    async with transaction(office.pool, office.workspace_id, lock=True) as connection:
        now = await clocks.read_deciding_now(connection, office.workspace_id) + by
        await clocks.set_clock(connection, office.workspace_id, now, speed=1)
    return now


def made(answer: dict[str, Any]) -> list[str]:
    return [each["params"].get("name", each["type"]) for each in answer["actions"]]


def causes(answer: dict[str, Any]) -> dict[str, str]:
    return {each["channel"]: each["cause"] for each in answer.get("withheld_actions", [])}


async def person(office: Workspace, **more: Any) -> dict[str, Any]:
    return await office.assign(email="bo@people.example", consent=YES, **more)


async def test_events_withdraw_at_once_and_the_rest_goes_on(office: Workspace) -> None:
    lead = await person(office)
    assert made(lead) == ["hello", "x-text", "task", "receipt"]
    await told(office, lead, "unsubscribed", channel="email", topic="all")
    await told(office, lead, "complained", channel="sms")
    moved = await again(office, lead)
    assert moved["outcome"] == "assigned"
    assert made(moved) == ["task", "receipt"]
    assert causes(moved) == {"email": "withdrawn", "sms": "complained"}
    assert moved["trace"]["withheld_actions"] == moved["withheld_actions"]


@pytest.mark.parametrize(
    ("consent", "record", "email"),
    [
        (None, None, "withdrawn"),
        ({"email": False}, {"at": "2031-01-01T00:00:00Z"}, "withdrawn"),
        ({"email": "Ja, per Telefon", "sms": True}, {"at": "2031-01-01T00:00:00Z"}, "withdrawn"),
        ({"email": True}, None, "withdrawn"),
        ({"email": "yes"}, {"at": "2020-04-01"}, "withdrawn"),
        ({"email": "on", "sms": "on"}, {"at": "now", "form": "webinar"}, None),
        ({"email": True}, {"at": "now", "text_version": "v7", "field": "optin"}, None),
    ],
)
async def test_only_a_later_yes_with_a_time_opens_what_was_withdrawn(
    office: Workspace, consent: Any, record: Any, email: str | None
) -> None:
    lead = await person(office)
    await told(office, lead, "unsubscribed", channel="email")
    await told(office, lead, "complained", channel="sms")
    later = await go_on(office, timedelta(hours=2))
    if record is not None and record["at"] == "now":
        record = {**record, "at": later.isoformat()}
    sent = {"consent": consent, "consent_record": record, "employees": 70}
    back = await office.assign(
        email="bo@people.example", **{name: each for name, each in sent.items() if each is not None}
    )
    moved = await again(office, back)
    assert moved["owner"] is not None
    assert causes(moved).get("email") == email
    assert causes(moved)["sms"] == "complained"
    assert "task" in made(moved)
    shown = await office.get(f"/leads/{lead['lead_id']}/preferences")
    act = shown["consents"]["email"]
    assert act["state"] == (email or "granted")
    if email is None:
        assert {name: act[name] for name in record if name != "at"} == {
            name: record[name] for name in record if name != "at"
        }
        assert [list(each["details"]["consents"]) for each in shown["history"]] == [
            ["email"], ["sms"], ["email"],
        ]  # fmt: skip


async def test_a_complaint_is_lifted_only_with_the_right_and_a_reason(office: Workspace) -> None:
    lead = await person(office)
    await told(office, lead, "complained", channel="email")
    url = f"/leads/{lead['lead_id']}/preferences"
    body: dict[str, Any] = {"channels": {"email": True}, "origin": "call"}
    async with office.caller(await office.issue_key("events")) as clerk:
        assert (await clerk.put(url, json=body | {"reason": "x"})).status_code == 403
    assert (await office.client.put(url, json=body)).json()["errors"][0]["path"] == "reason"
    lifted = await office.client.put(url, json=body | {"reason": "asked on the phone"})
    assert lifted.json()["consents"]["email"]["state"] == "granted"
    assert "hello" in made(await again(office, lead))


async def test_preferences_are_read_and_written_like_other_resources(office: Workspace) -> None:
    lead = await person(office)
    url = f"/leads/{lead['lead_id']}/preferences"
    empty = await office.client.get(url)
    assert (empty.status_code, empty.headers["etag"], empty.json()["history"]) == (200, '"0"', [])
    body = {
        "origin": "center",
        "topics": {"news": {"email": False}, "events": False},
        "quiet_hours": {"from": "21:00", "to": "08:00", "timezone": "Europe/Berlin"},
        "frequency": [{"max": 2, "days": 7}],
    }
    put = await office.client.put(url, json=body, headers={"If-None-Match": "*"})
    assert (put.status_code, put.headers["etag"]) == (200, '"1"')
    assert put.json()["consents"].keys() == {"email/news", "*/events"}
    assert (await office.client.put(url, json=body)).headers["etag"] == '"1"'
    stale = await office.client.put(url, json={"origin": "center"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    shorter = await office.client.put(url, json={"origin": "center"}, headers={"If-Match": '"1"'})
    assert (shorter.json()["quiet_hours"], shorter.json()["frequency"]) == (None, [])
    assert [each["version"] for each in shorter.json()["history"]] == [2, 1]


@pytest.mark.parametrize(
    ("quiet", "path"),
    [
        ({"from": "21:00", "to": "21:00"}, "quiet_hours.to"),
        ({"from": "9 pm", "to": "08:00"}, "quiet_hours.from"),
        ({"from": "21:00", "to": "24:30"}, "quiet_hours.to"),
        ({"from": "21:00", "to": "08:00", "timezone": "Mars/Base"}, "quiet_hours.timezone"),
    ],
)
async def test_unreadable_and_empty_windows_are_refused(office: Workspace, quiet: Any, path: str) -> None:
    lead = await person(office)
    body = {"origin": "center", "quiet_hours": quiet}
    answer = await office.client.put(f"/leads/{lead['lead_id']}/preferences", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


async def test_conditions_route_by_the_consent_that_holds(office: Workspace) -> None:
    lead = await person(office, lead_type="picky")
    assert lead["outcome"] == "assigned"
    await told(office, lead, "unsubscribed", channel="email")
    assert (await again(office, lead))["queue"] == "quiet-desk"


async def test_quiet_hours_withhold_messages_and_put_off_only_the_due_time_of_tasks(
    office: Workspace,
) -> None:
    await office.publish(
        f"quiet_hours: {{from: '11:30', to: '15:00', channels: [email, sms, phone]}}\n{PLAN}"
    )
    lead = await person(office, country="GB")
    now = lead["decided_at"]
    assert made(lead) == ["task", "receipt"]
    assert causes(lead) == {"email": "quiet_hours", "sms": "quiet_hours"}
    (end,) = {each["not_before"] for each in lead["withheld_actions"]}
    assert end[11:] == "15:00:00Z"
    assert lead["actions"][0]["due_at"] == end > now


async def test_without_any_hint_it_is_the_time_zone_of_the_workspace(office: Workspace) -> None:
    await office.publish(f"quiet_hours: {{from: '21:00', to: '08:00'}}\n{PLAN}")
    assert made(await person(office)) == ["hello", "x-text", "task", "receipt"]
    await office.pool.execute(
        "UPDATE workspaces SET timezone = 'Pacific/Auckland' WHERE id = $1", office.workspace_id
    )
    lead = await office.assign(email="cy@people.example", consent=YES)
    (end,) = {each["not_before"] for each in lead["withheld_actions"]}
    assert end == "2030-11-20T19:00:00Z"
    there = await office.assign(email="di@people.example", consent=YES, country="GB")
    assert "withheld_actions" not in there
    assert (await verify(office.pool, office.workspace_id)).differences == []


async def test_a_cap_counts_the_contacts_of_the_person_and_not_what_is_transactional(
    office: Workspace,
) -> None:
    await office.publish(f"frequency: [{{max: 3, days: 2}}]\n{PLAN}")
    lead = await person(office)
    assert made(lead) == ["hello", "x-text", "task", "receipt"]
    moved = await again(office, lead)
    assert made(moved) == ["hello", "task", "receipt"]
    (withheld,) = moved["withheld_actions"]
    assert (withheld["cause"], withheld["channel"]) == ("frequency", "sms")
    assert withheld["not_before"][8:10] != moved["decided_at"][8:10]
    await go_on(office, timedelta(days=2))
    assert made(await again(office, lead)) == ["hello", "x-text", "task", "receipt"]


async def test_the_next_contact_of_a_person_deletes_those_that_no_cap_looks_back_to(
    office: Workspace,
) -> None:
    await office.publish(f"frequency: [{{max: 9, days: 2}}]\n{PLAN}")
    lead = await person(office)
    moments = "SELECT DISTINCT at FROM contacts WHERE workspace_id = $1 ORDER BY at"
    async with transaction(office.pool, office.workspace_id, lock=True) as connection:
        (first,) = await connection.fetch(moments, office.workspace_id)
    await go_on(office, timedelta(days=370))
    await again(office, lead)
    async with transaction(office.pool, office.workspace_id, lock=True) as connection:
        (newest,) = await connection.fetch(moments, office.workspace_id)
    assert newest["at"] > first["at"] + timedelta(days=369)


async def test_a_decision_with_preferences_is_replayed(office: Workspace) -> None:
    await office.publish(
        f"frequency: [{{max: 1, days: 2}}]\nquiet_hours: {{from: '21:00', to: '08:00'}}\n{PLAN}"
    )
    lead = await person(office)
    await told(office, lead, "unsubscribed", channel="sms")
    moved = await again(office, lead)
    assert causes(moved)["sms"] == "withdrawn"
    assert (await verify(office.pool, office.workspace_id)).differences == []


async def test_erasure_leaves_nothing_of_the_preferences(office: Workspace) -> None:
    lead = await person(office)
    await told(office, lead, "unsubscribed", channel="email")
    export = await office.get(f"/leads/{lead['lead_id']}/export")
    assert export["held"]["preference_changes"][0]["details"]["consents"]["email"]["state"] == "withdrawn"
    assert (await office.client.delete(f"/leads/{lead['lead_id']}")).status_code == 200
    for table in ("preference_changes", "contacts"):
        assert await office.fetch(f"SELECT * FROM {table} WHERE workspace_id = $1") == []
    (row,) = await office.fetch("SELECT preferences FROM leads WHERE workspace_id = $1")
    assert row["preferences"] is None


async def test_a_cap_of_the_person_counts_what_they_got_before_it(office: Workspace) -> None:
    lead = await person(office)
    url = f"/leads/{lead['lead_id']}/preferences"
    await office.client.put(url, json={"origin": "center", "frequency": [{"max": 2, "days": 3}]})
    moved = await again(office, lead)
    assert made(moved) == ["task", "receipt"]
    assert {each["cause"] for each in moved["withheld_actions"]} == {"frequency"}
    (first,) = {each["not_before"] for each in moved["withheld_actions"]}
    assert first == f"2030-11-23{lead['decided_at'][10:]}"


async def test_contacts_and_withdrawals_go_on_with_a_person_who_comes_back_as_a_new_lead(
    office: Workspace,
) -> None:
    plan = f"frequency: [{{max: 3, days: 30}}]\nreturning_leads: {{window: 7d}}\n{PLAN}"
    await office.publish(plan)
    lead = await person(office)
    await told(office, lead, "unsubscribed", channel="sms")
    await go_on(office, timedelta(days=20))
    back = await person(office)
    assert (back["existing_lead"], back["lead_id"] == lead["lead_id"]) == (None, False)
    assert made(back) == ["hello", "task", "receipt"]
    assert causes(back) == {"sms": "withdrawn"}
    held = await again(office, back)
    assert causes(held) == {"email": "frequency", "sms": "withdrawn"}
    await go_on(office, timedelta(days=11))
    assert made(await again(office, back)) == ["hello", "task", "receipt"]
    assert (await verify(office.pool, office.workspace_id)).differences == []


async def test_an_action_that_failed_takes_no_room_under_a_cap(office: Workspace) -> None:
    await office.publish(f"frequency: [{{max: 1, days: 7, channel: sms}}]\n{PLAN}")
    await office.put("settings", "actions", {"reader": True})
    lead = await person(office)
    assert causes(await again(office, lead)) == {"sms": "frequency"}
    failed = "UPDATE actions SET state = 'dead' WHERE workspace_id = $1 AND type = 'x-text' RETURNING id"
    assert len(await office.fetch(failed)) == 1
    assert "withheld_actions" not in await again(office, lead)

    await office.publish(f"frequency: [{{max: 2, days: 7, channel: sms}}]\n{PLAN}")
    target = {"url": "https://hooks.example.com/in"}
    assert (await office.client.put("/targets/hook", json=target)).status_code == 201
    await office.put("settings", "actions", {"reader": True, "deliver": {"x-text": "push"}})
    assert "withheld_actions" not in await again(office, lead)
    assert causes(await again(office, lead)) == {"sms": "frequency"}
    (message,) = await office.fetch(
        """INSERT INTO target_messages
             (workspace_id, target_id, id, type, lead_id, source, state, created_at, next_at)
           SELECT workspace_id, 'hook', id, type, lead_id, 'action', 'ready', now(), now() FROM actions
            WHERE workspace_id = $1 AND state = 'pushed' RETURNING id"""
    )
    assert causes(await again(office, lead)) == {"sms": "frequency"}
    gone = "UPDATE target_messages SET state = 'dead', ended_at = now() WHERE workspace_id = $1 AND id = $2"
    await office.fetch(gone, message["id"])
    assert "withheld_actions" not in await again(office, lead)


async def test_an_address_that_unsubscribes_does_so_for_every_lead_that_has_it(office: Workspace) -> None:
    await office.publish(f"returning_leads: {{window: 7d}}\n{PLAN}")
    old = await person(office)
    await go_on(office, timedelta(days=20))
    new = await person(office)
    other = await office.assign(email="cy@people.example", consent=YES)
    await told(office, old, "unsubscribed", channel="email")
    assert causes(await again(office, new)) == {"email": "withdrawn"}
    url = f"/leads/{old['lead_id']}/preferences"
    await office.client.put(url, json={"origin": "center", "channels": {"sms": False, "phone": True}})
    assert causes(await again(office, new)) == {"email": "withdrawn", "sms": "withdrawn"}
    assert causes(await again(office, other)) == {}
    assert (await verify(office.pool, office.workspace_id)).differences == []


async def test_merged_leads_have_the_stricter_preferences_and_all_contacts(office: Workspace) -> None:
    await office.publish(f"frequency: [{{max: 3, days: 30, channel: email}}]\n{PLAN}")
    one, other = await person(office), await office.assign(email="bo@else.example", consent=YES)
    await told(office, other, "complained", channel="sms")
    body = {"leads": [one["lead_id"], other["lead_id"]], "survivor": one["lead_id"], "reason": "same"}
    merged = await office.client.post("/leads/merge", json=body)
    assert merged.status_code in {200, 201}, merged.text
    assert causes(await again(office, one)) == {"sms": "complained"}
    assert causes(await again(office, one)) == {"email": "frequency", "sms": "complained"}


async def test_event_shows_what_it_withholds_in_its_answer_and_in_the_history(office: Workspace) -> None:
    await office.publish(
        PLAN
        + """
on_event:
  complained:
    - do:
        - {type: x-text, contact: sms}
        - {type: sequence, name: sorry, contact: email}
        - {type: tag, name: sad}
"""
    )
    lead = await person(office)
    answer = await office.client.post(
        f"/assignments/{lead['assignment_id']}/events", json={"type": "complained", "channel": "sms"}
    )
    body = answer.json()
    assert [each["type"] for each in body["actions"]] == ["sequence", "tag"]
    assert [(each["type"], each["cause"]) for each in body["withheld_actions"]] == [("x-text", "complained")]
    (shown,) = (await office.get(f"/assignments/{lead['assignment_id']}"))["events"]
    assert shown["withheld_actions"] == body["withheld_actions"]


async def test_quiet_hours_and_caps_of_both_hold_after_a_merge_and_its_undo(office: Workspace) -> None:
    one, two = await person(office), await office.assign(email="bea@people.example", consent=YES)
    soon = {"from": "23:57", "to": "23:58", "timezone": "UTC"}
    always = {"from": "00:00", "to": "23:59", "timezone": "UTC", "channels": ["email"]}
    for lead, quiet, most in ((one, soon, 9), (two, always, 8)):
        body = {"origin": "center", "quiet_hours": quiet, "frequency": [{"max": most, "days": 7}]}
        answer = await office.client.put(f"/leads/{lead['lead_id']}/preferences", json=body)
        assert answer.status_code == 200, answer.text
    assert "email" not in causes(await again(office, one))
    ids = [one["lead_id"], two["lead_id"]]
    body = {"leads": ids, "survivor": ids[0], "reason": "One."}
    merge = (await office.client.post("/leads/merge", json=body)).json()
    assert causes(await again(office, one))["email"] == "quiet_hours"
    undone = await office.client.post(f"/leads/merge/{merge['id']}/undo", json={"reason": "Two."})
    assert undone.status_code == 200, undone.text
    for lead_id in ids:
        shown = await office.get(f"/leads/{lead_id}/preferences")
        windows = [shown["quiet_hours"], *shown["more_quiet_hours"]]
        assert {each["from"] for each in windows} == {"23:57", "00:00"}
        assert {each["max"] for each in shown["frequency"]} == {8, 9}
        assert causes(await again(office, {"lead_id": lead_id}))["email"] == "quiet_hours"
    await office.client.put(f"/leads/{ids[0]}/preferences", json={"origin": "center"})
    assert "email" not in causes(await again(office, one))


async def test_new_cap_of_the_plan_counts_contacts_of_decisions_and_events_before_it(
    office: Workspace,
) -> None:
    event = "\non_event:\n  reached:\n    - do: [{type: x-text, contact: sms}]\n"
    await office.publish(PLAN + event)
    lead, other = await person(office), await office.assign(email="new@people.example")
    await told(office, lead, "reached", by="ana")
    caps = "\nfrequency:\n  - {max: 1, days: 7, channel: email}\n  - {max: 3, days: 7, channel: sms}\n"
    await office.publish(PLAN + event + caps)
    assert causes(await again(office, lead)) == {"email": "frequency"}
    assert causes(await again(office, lead)) == {"email": "frequency", "sms": "frequency"}
    assert causes(await again(office, other)) == {"email": "consent_missing", "sms": "consent_missing",
                                                  "phone": "consent_missing"}  # fmt: skip
