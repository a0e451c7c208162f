"""Calendars in the directory, and the owners who use them."""

from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.factories import OWNERS
from tests.support.workspace import Workspace

BERLIN = {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:30; PH off", "country": "DE"}


async def test_a_calendar_is_stored_as_sent(workspace: Workspace) -> None:
    made = await workspace.client.put("/calendars/berlin", json={**BERLIN, "country": "Germany"})
    assert made.status_code == 201
    assert made.json().items() >= BERLIN.items()
    assert (await workspace.get("/calendars/berlin")).items() >= BERLIN.items()
    changed = await workspace.client.patch("/calendars/berlin", json={"hours": "24/7", "country": None})
    assert changed.json()["hours"] == "24/7"
    assert [each["id"] for each in (await workspace.get("/calendars"))["items"]] == ["berlin"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"hours": "nine to five"}, "hours", "invalid_hours"),
        ({"country": None}, "hours", "unknown_holidays"),
        ({"country": "DE-XX"}, "hours", "unknown_holidays"),
        ({"country": "Atlantis"}, "country", "unknown_country"),
        ({"timezone": "Mars/Olympus"}, "timezone", "unknown_timezone"),
        ({"hours": ""}, "hours", "too_short"),
        ({"rest": "no"}, "rest", "unknown_field"),
    ],
)
async def test_an_invalid_calendar_is_refused(
    workspace: Workspace, change: dict[str, Any], path: str, code: str
) -> None:
    answer = await workspace.client.put("/calendars/berlin", json={**BERLIN, **change})
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]


async def test_a_calendar_of_a_region_has_its_holidays(workspace: Workspace) -> None:
    made = await workspace.client.put("/calendars/munich", json={**BERLIN, "country": "de-by"})
    assert (made.status_code, made.json()["country"]) == (201, "DE-BY")


@pytest.mark.parametrize(
    ("hours", "code", "words"),
    [
        (
            "Mo-Th 22:00-06:00; Fr 20:00-02:00",
            "night_shift_cut",
            ("Thursday night", "replaces Friday", "Mo-Th 22:00-06:00, Fr 20:00-02:00"),
        ),
        (
            "Mo-Th 22:00-06:00; Fr 20:00-02:00; PH off",
            "night_shift_cut",
            ("Mo-Th 22:00-06:00, Fr 20:00-02:00; PH off",),
        ),
        ("Mo-Fr 09:00-17:00; SH off", "school_holidays", ("no effect",)),
        ("Mo-Th 22:00-06:00, Fr 20:00-02:00", None, ()),
        ("Mo-Fr 09:00-18:00; Fr 09:00-15:00", None, ()),
        ("Mo-Su 22:00-06:00; PH off", None, ()),
        ("Mo-We 22:00-06:00; Fr 20:00-02:00", None, ()),
        ('Mo-Fr 09:00-17:00 "not in SH"', None, ()),
    ],
)
async def test_hours_that_are_hardly_meant_are_reported(
    workspace: Workspace, hours: str, code: str | None, words: tuple[str, ...]
) -> None:
    made = (await workspace.client.put("/calendars/night", json={**BERLIN, "hours": hours})).json()
    assert [each["code"] for each in made["findings"]] == ([code] if code else [])
    assert all(word in made["findings"][0]["detail"] for word in words)


async def test_an_unknown_calendar_is_reported(workspace: Workspace) -> None:
    owner = {**OWNERS["ana"], "calendar": "berlin"}
    before = (await workspace.client.put("/owners/ana", json=owner)).json()
    assert [(each["path"], each["code"]) for each in before["findings"]] == [("calendar", "unknown_calendar")]
    await workspace.client.put("/calendars/berlin", json=BERLIN)
    after = (await workspace.client.put("/owners/ana", json={**owner, "name": "Anna"})).json()
    assert after["findings"] == []


async def test_a_calendar_in_use_cannot_be_deleted(workspace: Workspace) -> None:
    await workspace.client.put("/calendars/berlin", json=BERLIN)
    await workspace.client.patch("/owners/ana", json={"calendar": "berlin"})
    refused = await workspace.client.delete("/calendars/berlin")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    await workspace.client.patch("/owners/ana", json={"calendar": None})
    assert (await workspace.client.delete("/calendars/berlin")).status_code == 204
    assert (await workspace.client.delete("/calendars/berlin")).status_code == 404


HOLDING = """
pipeline:
  - round_robin: {team: dach, off_hours: hold, priority: 30}
"""


async def test_a_lead_outside_of_hours_is_held_until_the_next_shift(workspace: Workspace) -> None:
    saturday = (
        "INSERT INTO clocks (workspace_id, set_at, base_time, speed)"
        " VALUES ($1, now(), '2099-11-21 12:00Z', 0)"
    )
    await workspace.pool.execute(saturday, workspace.workspace_id)
    await workspace.client.put("/calendars/berlin", json=BERLIN)
    for owner in ("ana", "ben"):
        await workspace.client.patch(f"/owners/{owner}", json={"calendar": "berlin"})
    await workspace.publish(HOLDING)
    returned = await workspace.assign(email="a@people.example")
    assert (returned["outcome"], returned["queue"], returned["priority"]) == ("queued", "held", 30)
    assert (returned["reason"]["code"], returned["held_until"]) == ("held", "2099-11-23T08:00:00Z")
    stored = await workspace.get(f"/assignments/{returned['assignment_id']}")
    assert stored["held_until"] == returned["held_until"]
    kept = await workspace.assign(email="a@people.example")
    assert (kept["queue"], kept["existing_lead"]["kind"]) == ("held", "duplicate")
    claim = await workspace.client.post("/queues/held/claim", json={"owner_id": "ben"})
    assert claim.json()["owner"]["id"] == "ben"
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


WITH_SLA = """
slas: {hot: {accept: 5m, touch: 15m}}
pipeline:
  - rule: {name: urgent, when: {lead_type: demo_request}, then: {owner: ana, sla: hot}}
  - queue: {name: unrouted}
queues: {unrouted: {}}
follow_up:
  - {when: {outcome: assigned}, do: [{type: task, title: Call, due: touch}]}
"""


async def test_due_times_follow_the_working_time_of_the_owner(workspace: Workspace) -> None:
    friday = (
        "INSERT INTO clocks (workspace_id, set_at, base_time, speed)"
        " VALUES ($1, now(), '2099-11-20 16:20Z', 0)"
    )
    await workspace.pool.execute(friday, workspace.workspace_id)
    await workspace.client.put("/calendars/berlin", json=BERLIN)
    await workspace.client.patch("/owners/ana", json={"calendar": "berlin"})
    published = await workspace.client.post(
        "/plans", content=WITH_SLA, headers={"Content-Type": "application/yaml"}
    )
    version = published.json()["version"]
    assert (await workspace.client.post(f"/plans/{version}/publish", json={})).status_code == 200
    returned = await workspace.assign(email="a@people.example", lead_type="demo_request")
    touch = "2099-11-23T08:05:00Z"
    assert returned["sla"] == {"name": "hot", "accept_by": "2099-11-20T16:25:00Z", "touch_by": touch}
    assert [action["due_at"] for action in returned["actions"]] == [touch]
    assert (await workspace.assign(email="b@people.example"))["sla"] is None
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_a_calendar_of_countless_shifts_is_refused(workspace: Workspace) -> None:
    shifts = ",".join(
        f"{hour:02}:{minute}-{hour:02}:{minute + 1}" for hour in range(20) for minute in (10, 30)
    )
    answer = await workspace.client.put("/calendars/berlin", json={**BERLIN, "hours": shifts})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["path"], fault["code"]) == ("hours", "too_many_items"), fault
    assert "12 shifts a day" in fault["detail"]


async def test_a_deadline_that_never_comes_in_any_calendar_is_refused(workspace: Workspace) -> None:
    await workspace.client.put("/calendars/minute", json={**BERLIN, "hours": "Mo 09:00-09:01"})
    for id_ in OWNERS:
        await workspace.client.patch(f"/owners/{id_}", json={"calendar": "minute"})
    plan = {"queues": {"q": {}}, "slas": {"slow": {"touch": "90d"}}, "pipeline": [{"queue": {"name": "q"}}]}
    drafted = await workspace.client.post("/plans", json=plan)
    (finding,) = drafted.json()["findings"]
    assert (finding["path"], finding["code"], finding["severity"]) == (
        "slas.slow.touch",
        "never_due",
        "error",
    )
    await workspace.client.patch(f"/owners/{next(iter(OWNERS))}", json={"calendar": None})
    drafted = await workspace.client.post("/plans", json=plan)
    (finding,) = drafted.json()["findings"]
    assert finding["severity"] == "warning"
