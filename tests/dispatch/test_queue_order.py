"""The order in which the leads of a queue are claimed: priority, aging, and what a publication changes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from app.audit.verify import verify
from app.engine.life.queues import queue_rank
from app.plan.document.queues import read_aging
from app.plans.versions import REORDERED_AT_ONCE
from app.worker.queue_order import SLICE, QueueOrder
from tests.support.workspace import Filled, Workspace, open_filled
from tests.test_worker import at

EIGHT = datetime(2099, 11, 23, 8, tzinfo=UTC)
RANKS = """
SELECT priority, queue_since, queue_rank FROM assignments WHERE workspace_id = $1 AND open AND queue = 'desk'
"""


def plan(aging: str | None) -> str:
    """A desk with this aging; leads have the priority that they are sent with."""
    queue = f"{{aging: {aging}}}" if aging else "{}"
    rule = "  - rule: {name: NAME, when: {lead_type: NAME}, then: {queue: desk, priority: NUMBER}}\n"
    rules = [rule.replace("NAME", f"p{each}").replace("NUMBER", str(each)) for each in (5, 50, 100)]
    return f"queues: {{desk: {queue}}}\npipeline:\n{''.join(rules)}  - queue: {{name: desk}}\n"


@pytest.fixture
async def desk(filled: Filled) -> AsyncIterator[Workspace]:
    """A workspace at eight in the morning, whose worker does nothing."""
    async with open_filled(filled, worker_interval_seconds=3600) as workspace:
        await at(workspace, str(EIGHT))
        yield workspace


async def publish(workspace: Workspace, text: str) -> None:
    """Publish through the API: the order of waiting leads follows."""
    headers = {"Content-Type": "application/yaml"}
    draft = await workspace.client.post("/plans", content=text, headers=headers)
    assert draft.status_code == 201, draft.text
    published = await workspace.client.post(f"/plans/{draft.json()['version']}/publish", json={})
    assert published.status_code == 200, published.text


async def claimed(workspace: Workspace) -> str:
    """The lead that a claim gives."""
    answer = await workspace.client.post("/queues/desk/claim", json={"owner_id": "ben"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["lead_id"])


@pytest.mark.parametrize(("kind", "hours"), [("p50", 5), ("p100", 10)])
async def test_low_priority_is_claimed_once_its_age_has_caught_up(
    desk: Workspace, kind: str, hours: int
) -> None:
    """One lead of a higher priority a minute, one claim a minute, and the first is not starved."""
    await publish(desk, plan("10/h"))
    old = await desk.assign(external_id="old")
    got = []
    # The minutes before are all alike: the newcomer goes first.
    minutes = [1, 2, hours * 60 - 1, hours * 60, hours * 60 + 1]
    for minute in minutes:
        await at(desk, str(EIGHT + timedelta(minutes=minute)))
        newcomer = await desk.assign(external_id=f"n{minute}", lead_type=kind)
        first = await claimed(desk)
        got.append(first == old["lead_id"])
        if first != newcomer["lead_id"]:
            break
    assert got == [False, False, False, True]
    assert (await verify(desk.pool, desk.workspace_id)).clean


async def test_published_aging_reorders_the_leads_that_wait(desk: Workspace) -> None:
    await publish(desk, plan(None))
    old = await desk.assign(external_id="old")
    await at(desk, str(EIGHT + timedelta(hours=1)))
    new = await desk.assign(external_id="new", lead_type="p5")
    await publish(desk, plan("10/h"))
    for row in await desk.fetch(RANKS):
        assert row["queue_rank"] == queue_rank(row["priority"], read_aging("10/h"), row["queue_since"])
    assert await claimed(desk) == old["lead_id"]
    await publish(desk, plan(None))
    older = await desk.assign(external_id="older")
    assert [await claimed(desk), await claimed(desk)] == [new["lead_id"], older["lead_id"]]


COPIES = """
WITH copies AS (
  INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, queue,
    priority, open, counts_toward_load, decided_at, plan_version, response, inputs, queue_since, queue_rank,
    queue_number)
  SELECT $1, gen_random_uuid(), decision_number + copy, gen_random_uuid(), cause, outcome, code, queue,
         priority, open, counts_toward_load, decided_at, plan_version, response, inputs,
         queue_since + copy * interval '1 second', queue_rank, queue_number + copy
    FROM assignments CROSS JOIN generate_series(1, $2) AS copy
   WHERE workspace_id = $1
  RETURNING id, lead_id)
INSERT INTO leads (workspace_id, id, state, assignment_id, received_at)
SELECT $1, lead_id, 'queued', id, now() FROM copies
"""


async def test_the_worker_puts_a_long_queue_into_its_order_in_slices(desk: Workspace) -> None:
    await publish(desk, plan(None))
    await desk.assign(external_id="a")
    await desk.pool.execute(COPIES, desk.workspace_id, REORDERED_AT_ONCE + SLICE + 10)
    await publish(desk, plan("10/h"))
    duty = QueueOrder(desk.pool, desk.app.state.dispatch)
    more = [await duty.run(await desk.agenda()) for _ in range(3)]
    assert more == [True, True, False]
    aging = read_aging("10/h")
    for row in await desk.fetch(RANKS):
        assert row["queue_rank"] == queue_rank(row["priority"], aging, row["queue_since"])
    assert not await duty.run(await desk.agenda())


async def test_returning_lead_with_a_higher_priority_ages_from_its_first_entry(desk: Workspace) -> None:
    await publish(desk, plan("10/h"))
    first = await desk.assign(external_id="a")
    await at(desk, str(EIGHT + timedelta(hours=1)))
    await desk.assign(external_id="b", lead_type="p5")
    await at(desk, str(EIGHT + timedelta(hours=2)))
    again = await desk.assign(external_id="a", lead_type="p5")
    assert (again["lead_id"], again["priority"]) == (first["lead_id"], 5)
    ranks = {row["queue_since"]: row["queue_rank"] for row in await desk.fetch(RANKS)}
    assert ranks[EIGHT] == queue_rank(5, 10_000, EIGHT)
    assert await claimed(desk) == first["lead_id"]


async def test_lead_that_is_routed_to_its_own_queue_again_keeps_its_place(desk: Workspace) -> None:
    await publish(desk, plan(None))
    first = await desk.assign(external_id="a")
    await desk.assign(external_id="b")
    moved = await desk.client.post("/reassign", json={"lead_id": first["lead_id"], "to": {"queue": "desk"}})
    assert moved.status_code == 201, moved.text
    assert await claimed(desk) == first["lead_id"]


@pytest.mark.parametrize(
    ("queues", "code"),
    [
        ("{desk: {max_wait: 8h}}", "required"),
        ("{desk: {then: {team: dach}}}", "misplaced_field"),
        ("{desk: {max_wait: {for: 0, clock: wall}, then: {team: dach}}}", "invalid_duration"),
        ("{desk: {max_wait: 8h, then: {queue: desk}}}", "queue_cycle"),
        ("{desk: {max_wait: 8h, then: {queue: b}}, b: {max_wait: 1h, then: {queue: desk}}}", "queue_cycle"),
        ("{desk: {max_wait: 8h, then: {team: nobody}}}", "unknown_team"),
        ("{desk: {aging: fast}}", "invalid_format"),
        ("{desk: {claim: {max: 0}}}", "out_of_range"),
        ("{desk: {claim: {hide: [e-mail]}}}", "unknown_field"),
        ("{desk: {claim: {hide: [email, email]}}}", "duplicate_value"),
    ],
)
async def test_faulty_terms_of_a_queue_are_found(desk: Workspace, queues: str, code: str) -> None:
    text = f"queues: {queues}\npipeline: [{{queue: {{name: desk}}}}]\n"
    drafted = await desk.client.post("/plans", content=text, headers={"Content-Type": "application/yaml"})
    body = drafted.json()
    found = body["findings"] if drafted.status_code == 201 else body["errors"]
    assert code in {each["code"] for each in found}, body
