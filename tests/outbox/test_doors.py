"""The log and the work queue: each action in its order, and to one executor at a time."""

import asyncio
import time
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from app.outbox import upkeep
from app.store.connection.pool import transaction
from app.store.life.outbox import ActionRow, insert_actions
from tests.support.metrics import sample
from tests.support.processes import PATIENCE
from tests.support.workspace import Filled, Workspace, open_filled

PLAN = """
queues: {unrouted: {}}
pipeline:
  - rule: {name: anas, when: {source: ana}, then: {owner: ana}}
  - rule: {name: bens, when: {source: ben}, then: {owner: ben}}
  - queue: {name: unrouted}
follow_up:
  - do:
      - {type: set_owner}
"""
START = "2099-11-23 10:00Z"
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed)
VALUES ($1, now(), $2::text::timestamptz + $3::float8 * interval '1 second', 0)
ON CONFLICT (workspace_id) DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time
"""
UNKNOWN = "01890000-0000-7000-8000-000000000000"
RESULTS = "SELECT id, state, number FROM actions WHERE workspace_id = $1 ORDER BY sequence"


async def at(workspace: Workspace, seconds: float) -> None:
    """Let this many seconds have passed since the start."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, START, seconds)


async def posted(workspace: Workspace, path: str, **body: Any) -> tuple[int, Any]:
    answer = await workspace.client.post(path, json=body)
    return answer.status_code, answer.json()


async def switch_on(workspace: Workspace, **settings: Any) -> None:
    answer = await workspace.client.put("/settings/actions", json={"reader": True, **settings})
    assert answer.status_code in {200, 201}, answer.text


@pytest.fixture
async def outbox(busy: Workspace) -> Workspace:
    """A workspace with a reader, a clock that stands still, and a worker that looks all the time."""
    await at(busy, 0)
    await busy.client.patch("/owners/ben", json={"crm": {"salesforce": "005B"}})
    await busy.publish(PLAN)
    await switch_on(busy)
    return busy


async def log(workspace: Workspace, after: int = 0, **parameters: Any) -> list[dict[str, Any]]:
    answer = await workspace.client.get("/actions", params={"after": after, **parameters})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def logged(workspace: Workspace, count: int, **parameters: Any) -> list[dict[str, Any]]:
    """The log, as soon as it has this many actions."""
    until = time.monotonic() + PATIENCE
    while len(found := await log(workspace, **parameters)) < count:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
    return found


async def lease(workspace: Workspace, limit: int = 100, seconds: float = 60) -> list[dict[str, Any]]:
    status, body = await posted(workspace, "/actions/lease", limit=limit, seconds=seconds)
    assert status == 200, body
    return list(body["items"])


async def ack(workspace: Workspace, action: dict[str, Any]) -> tuple[int, str]:
    status, body = await posted(workspace, f"/actions/{action['id']}/ack", token=action["token"])
    return status, body.get("state") if status == 200 else body["code"]


async def nack(workspace: Workspace, action: dict[str, Any], retry_after: float = 0) -> tuple[int, str]:
    status, body = await posted(
        workspace, f"/actions/{action['id']}/nack", token=action["token"], retry_after=retry_after
    )
    return status, body["state"] if status == 200 else body["code"]


async def numbered(workspace: Workspace, *sources: str, seconds: float = 61) -> list[dict[str, Any]]:
    """Leads assigned in this order, whose actions have become available: their decisions."""
    made = [await workspace.assign(external_id=f"n{n}", source=each) for n, each in enumerate(sources)]
    await at(workspace, seconds)
    await logged(workspace, len(sources))
    return made


async def test_reader_with_a_cursor_misses_nothing_and_gets_a_lead_in_order(
    outbox: Workspace,
) -> None:
    """L is decided first, and its action is visible last: a cursor on M's number must not have passed it."""
    first = await outbox.assign(external_id="L", source="ana")
    await at(outbox, 10)
    other = await outbox.assign(external_id="M", source="ben")
    moved = await posted(outbox, "/reassign", lead_id=other["lead_id"], to={"owner": "ana"})
    assert moved[0] == 201
    # M's first action has become available, because a later one of M follows it.
    seen = await logged(outbox, 1)
    assert [each["id"] for each in seen] == [f"{other['assignment_id']}.1"]
    cursor = seen[-1]["number"]
    await at(outbox, 30)
    again = await posted(outbox, "/reassign", lead_id=first["lead_id"], to={"owner": "ben"})
    seen = await log(outbox, cursor)
    assert [each["id"] for each in seen] == [f"{first['assignment_id']}.1"]
    await at(outbox, 95)
    await logged(outbox, 4)
    rest = [each["id"] for each in await log(outbox, cursor)]
    assert rest == [f"{decision['assignment_id']}.1" for decision in (first, moved[1], again[1])]
    everything = await log(outbox)
    assert [each["number"] for each in everything] == [1, 2, 3, 4]
    assert len({each["id"] for each in everything}) == 4


async def test_notice_beside_a_decision_comes_after_what_its_lead_still_waits_for(outbox: Workspace) -> None:
    made = await outbox.assign(external_id="L", source="ana")
    now = datetime.fromisoformat(START)
    notice = ActionRow(
        id="notice",
        lead_id=made["lead_id"],
        assignment_id=made["assignment_id"],
        type="notify",
        body={"params": {}, "due_at": None},
        created_at=now,
        available_at=now,
    )
    async with transaction(outbox.pool, outbox.workspace_id, lock=True) as connection:
        await insert_actions(connection, outbox.workspace_id, [notice])
    assert [each["id"] for each in await log(outbox)] == [made["actions"][0]["id"], "notice"]


async def test_two_readers_share_the_actions(outbox: Workspace) -> None:
    await numbered(outbox, *["ana", "ben"] * 20)
    async with asyncio.TaskGroup() as leasing:
        readers = [leasing.create_task(lease(outbox, limit=7)) for _ in range(8)]
    ids = [each["id"] for reader in readers for each in reader.result()]
    rest = await lease(outbox)
    assert len(ids) + len(rest) == len({*ids, *(each["id"] for each in rest)}) == 40


async def test_acknowledged_in_time_an_action_never_becomes_available(outbox: Workspace) -> None:
    kept = await outbox.assign(external_id="a", source="ana")
    lost = await outbox.assign(external_id="b", source="ben")
    (id_,) = [action["id"] for action in kept["actions"]]
    for _ in range(2):
        status, body = await posted(outbox, "/actions/ack", ids=[id_, f"{UNKNOWN}.1"])
        assert status == 200
        assert [(each["status"], each.get("state")) for each in body["items"]] == [
            (200, "acknowledged"), (404, None),
        ]  # fmt: skip
    await at(outbox, 3600)
    assert [each["id"] for each in await logged(outbox, 1)] == [lost["actions"][0]["id"]]


async def test_without_a_reader_only_actions_that_nobody_heard_of_are_offered(filled: Filled) -> None:
    async with open_filled(filled, worker_interval_seconds=0.02) as workspace:
        await at(workspace, 0)
        await workspace.publish(PLAN)
        assert await workspace.get("/settings/actions") == {
        "reader": False, "max_deliveries": 10, "deliver": {},
    }  # fmt: skip
        await workspace.assign(external_id="a", source="ana")
        await at(workspace, 3600)
        await workspace.assign(external_id="b", source="ana")
        assert await workspace.fetch(RESULTS) == []


async def test_token_of_an_ended_lease_is_refused_for_good(outbox: Workspace) -> None:
    (decision,) = await numbered(outbox, "ana")
    await posted(outbox, "/reassign", lead_id=decision["lead_id"], to={"owner": "ben"})
    (x,) = await lease(outbox)
    await at(outbox, 61 + 59)
    assert await lease(outbox) == [], "while an action is out, later ones of its lead are not handed out"
    await at(outbox, 61 + 65)
    await logged(outbox, 2)
    (y, later) = await lease(outbox)
    assert (y["id"], y["number"], later["number"]) == (x["id"], 1, 2)
    assert await ack(outbox, x) == (409, "lease_lost")
    await at(outbox, 61 + 126)
    z, _ = await lease(outbox)
    assert await ack(outbox, y) == (409, "lease_lost")
    assert await nack(outbox, y) == (409, "lease_lost")
    assert await ack(outbox, z) == (200, "acknowledged")
    assert await ack(outbox, z) == (200, "acknowledged"), "a repeat after a lost answer"
    assert await ack(outbox, y) == (409, "lease_lost")
    assert len({x["token"], y["token"], z["token"]}) == 3


async def test_late_acknowledgment_is_refused_though_nobody_else_came(outbox: Workspace) -> None:
    await numbered(outbox, "ana")
    (x,) = await lease(outbox, seconds=5)
    await at(outbox, 66)
    assert await ack(outbox, x) == (409, "lease_lost")
    assert (await posted(outbox, f"/actions/{x['id']}/ack"))[1]["state"] == "acknowledged"


async def test_returned_action_takes_the_later_ones_of_its_lead_back(outbox: Workspace) -> None:
    (decision, _) = await numbered(outbox, "ana", "ben")
    await posted(outbox, "/reassign", lead_id=decision["lead_id"], to={"owner": "ben"})
    await at(outbox, 200)
    await logged(outbox, 3)
    first, other, second = await lease(outbox)
    assert first["lead_id"] == second["lead_id"]
    assert await nack(outbox, first, retry_after=30) == (200, "available")
    assert await ack(outbox, second) == (409, "lease_lost")
    assert await ack(outbox, other) == (200, "acknowledged")
    assert await lease(outbox) == [], "the second waits for the first"
    await at(outbox, 231)
    assert [each["id"] for each in await lease(outbox)] == [first["id"], second["id"]]


async def test_lease_of_one_action_keeps_the_rest_of_its_lead_from_others(outbox: Workspace) -> None:
    (decision, _) = await numbered(outbox, "ana", "ben")
    await posted(outbox, "/reassign", lead_id=decision["lead_id"], to={"owner": "ben"})
    await at(outbox, 200)
    await logged(outbox, 3)
    (first,) = await lease(outbox, limit=1)
    assert [each["number"] for each in await lease(outbox)] == [2]
    await ack(outbox, first)
    assert [each["number"] for each in await lease(outbox)] == [3]


async def test_waiting_leads_do_not_hide_the_others_behind_them(outbox: Workspace) -> None:
    """As many actions wait behind a returned one as a lease may hold."""
    (decision, _) = await numbered(outbox, "ana", "ben")
    for owner in ("ben", "ana", "ben"):
        await posted(outbox, "/reassign", lead_id=decision["lead_id"], to={"owner": owner})
    await at(outbox, 200)
    await logged(outbox, 5)
    first, *_ = await lease(outbox, limit=1)
    await nack(outbox, first, retry_after=3600)
    assert [each["lead_id"] == decision["lead_id"] for each in await lease(outbox, limit=2)] == [False]


async def test_action_that_fails_too_often_is_dead_and_can_be_sent_again(outbox: Workspace) -> None:
    await switch_on(outbox, max_deliveries=2)
    (decision,) = await numbered(outbox, "ana")
    for state in ("available", "dead"):
        (action,) = await lease(outbox)
        assert await nack(outbox, action) == (200, state)
    assert await lease(outbox) == []
    assert [each["id"] for each in await log(outbox, state="dead")] == [action["id"]]
    metrics = (await outbox.client.get("/metrics")).text
    assert sample(metrics, "lead_assignment_actions", state="dead") == 1
    # Once more only: a new failure returns it to the dead.
    _, body = await posted(outbox, "/actions/resend", ids=[action["id"], f"{UNKNOWN}.1"])
    assert [each["status"] for each in body["items"]] == [200, 404]
    _, body = await posted(outbox, "/actions/resend", ids=[action["id"]])
    assert body["items"][0]["problem"]["code"] == "action_not_dead"
    (action,) = await lease(outbox)
    assert await nack(outbox, action) == (200, "dead")
    await posted(outbox, "/reassign", lead_id=decision["lead_id"], to={"owner": "ben"})
    _, body = await posted(outbox, "/actions/resend", ids=[action["id"]])
    assert body["items"][0]["problem"]["code"] == "action_superseded"


async def test_executor_that_never_answers_leaves_a_dead_action(outbox: Workspace) -> None:
    await switch_on(outbox, max_deliveries=1)
    await numbered(outbox, "ana")
    await lease(outbox, seconds=10)
    await at(outbox, 72)
    assert await lease(outbox) == []
    assert len(await logged(outbox, 1, state="dead")) == 1


async def test_undelivered_actions_expire_after_fourteen_days(outbox: Workspace) -> None:
    await numbered(outbox, "ana", "ben")
    await at(outbox, 14 * 86400 - 1)
    (first,) = await lease(outbox, limit=1)
    await ack(outbox, first)
    await at(outbox, 14 * 86400 + 1)
    await upkeep.clear(outbox.pool, outbox.workspace_id)  # as the worker does every few seconds
    await logged(outbox, 1, state="expired")
    assert await lease(outbox) == []
    assert [each["state"] for each in await log(outbox)] == ["acknowledged", "expired"]
    metrics = (await outbox.client.get("/metrics")).text
    assert sample(metrics, "lead_assignment_actions", state="expired") == 1


async def test_key_of_an_owner_or_of_a_reader_cannot_execute(outbox: Workspace) -> None:
    await numbered(outbox, "ana")
    reader = outbox.caller(await outbox.issue_key("leads:read"))
    async with reader:
        assert (await reader.get("/actions")).status_code == 200
        assert (await reader.post("/actions/lease", json={})).status_code == 403
        assert (await reader.put("/settings/actions", json={"reader": False})).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/actions/lease", {"limit": 0}, "limit"),
        ("/actions/lease", {"seconds": 0.5}, "seconds"),
        ("/actions/ack", {"items": [{"id": "a", "token": "b"}]}, "items[0].token"),
        ("/actions/nack", {"items": []}, "items"),
        ("/actions/a/nack", {}, "token"),
        ("/actions/resend", {"ids": []}, "ids"),
    ],
)
async def test_bad_input_names_its_field(
    outbox: Workspace, path: str, body: dict[str, Any], field: str
) -> None:
    status, problem = await posted(outbox, path, **body)
    assert status == 422
    assert [each["path"] for each in problem["errors"]] == [field]
    assert (await posted(outbox, "/actions/ack"))[0] == 422


DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


async def execute_all(workspace: Workspace, done: list[str]) -> None:
    """Lease and acknowledge, last action first."""
    for _ in range(30):
        leased = await lease(workspace, limit=5)
        items = [{"id": each["id"], "token": each["token"]} for each in reversed(leased)]
        if items:
            _, body = await posted(workspace, "/actions/ack", items=items)
            done.extend(each["id"] for each in body["items"] if each["status"] == 200)


async def acknowledge_all(workspace: Workspace, ids: list[str]) -> None:
    for _ in range(10):
        await posted(workspace, "/actions/ack", ids=ids)


async def move_all(workspace: Workspace, lead_ids: list[str]) -> None:
    for owner in ("ben", "ana", "ben"):
        for lead_id in lead_ids:
            await posted(workspace, "/reassign", lead_id=lead_id, to={"owner": owner})


async def test_leases_acknowledgments_and_new_actions_never_wait_in_a_circle(outbox: Workspace) -> None:
    """Executors, callers that acknowledge their own actions, and reassignments of the same leads, at once."""
    made = [await outbox.assign(external_id=str(n), source="ana") for n in range(30)]
    ids = [action["id"] for each in made for action in each["actions"]]
    done: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        for work in (
            *(execute_all(outbox, done) for _ in range(2)),
            move_all(outbox, [each["lead_id"] for each in reversed(made)]),
            *(acknowledge_all(outbox, chosen) for chosen in (ids[::2], ids[::-3])),
        ):
            tasks.create_task(work)
    await at(outbox, 1000)
    waiting = "SELECT FROM actions WHERE workspace_id = $1 AND state = 'waiting'"
    until = time.monotonic() + PATIENCE
    while await outbox.fetch(waiting):
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    assert len(done) == len(set(done)), "an action was executed twice"
    numbers = sorted(row["number"] for row in await outbox.fetch(RESULTS) if row["number"] is not None)
    assert numbers == list(range(1, len(numbers) + 1))
    connection = await asyncpg.connect(outbox.app.state.settings.database_url)
    try:
        assert await connection.fetchval(DEADLOCKS) == 0
    finally:
        await connection.close()


async def test_the_actions_of_an_event_have_the_same_ids_in_every_door(outbox: Workspace) -> None:
    on_event = """
campaigns: [new-lead-offer]
on_event:
  purchase:
    - do:
        - {type: suppress_campaign, name: new-lead-offer}
        - {type: cancel_task}
"""
    await outbox.publish(f"{PLAN}{on_event}")
    made = await outbox.assign(external_id="L", source="ana")
    status, _ = await posted(outbox, "/actions/ack", ids=[each["id"] for each in made["actions"]])
    assert status == 200
    sale = {"type": "purchase", "ref": "D", "amount": 4000, "currency": "EUR", "id": "crm-1"}
    _, told = await posted(outbox, f"/assignments/{made['assignment_id']}/events", **sale)
    answered = [(each["id"], each["type"], each["params"]) for each in told["actions"]]
    assert [id_ for id_, _, _ in answered] == [f"{told['event_id']}.{number}" for number in (1, 2)]
    _, again = await posted(outbox, f"/assignments/{made['assignment_id']}/events", **sale)
    assert again["actions"] == told["actions"]
    await at(outbox, 59)
    assert await lease(outbox) == await log(outbox) == []
    await at(outbox, 61)
    read = [(each["id"], each["type"], each["params"]) for each in await logged(outbox, 2)]
    leased = await lease(outbox)
    assert read == [(each["id"], each["type"], each["params"]) for each in leased] == answered
    assert [await ack(outbox, each) for each in leased] == [(200, "acknowledged")] * 2
    assert await lease(outbox) == []
    assert len(await log(outbox)) == 2
