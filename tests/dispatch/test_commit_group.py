"""A job sees the changes of the earlier jobs of its commit group."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson

from app.dispatch.commit_group import PART_SIZE
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import IdempotencyKey, Job, Reply
from app.dispatch.jobs.claim import Claim
from app.dispatch.jobs.release import Release
from app.dispatch.jobs.report_event import EventAddress, ReportEvent
from app.dispatch.reported_events import Reporter
from app.engine.life.events import ReportedEvent
from app.errors import Overloaded, QueueEmpty
from app.intake.arrival import normalize
from app.metrics.process import Metrics
from app.registry import strategies
from app.store import clocks
from tests.promises.audit import audit
from tests.support.workspace import Filled, Workspace, open_filled, stored_workspace

CANCEL_WAITING = """
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))
"""
"""Ends the statements that wait for this connection, as their own time limit would."""


def assign(number: int, key: str | None = None, **lead: Any) -> Assign:
    """A bulk job for the lead of this number."""
    return Assign(
        key=IdempotencyKey(key, b"0" * 32) if key else None,
        bulk=True,
        arrival=normalize({"external_id": f"lead-{number}", **lead}),
        trigger="form",
    )


async def decided(workspace: Workspace, jobs: list[Job]) -> list[dict[str, Any]]:
    """The decisions of these jobs, which entered together."""
    dispatch = Dispatcher(workspace.pool, strategies(), Metrics(), deadline=30.0)
    answers = await dispatch.ask_all(workspace.workspace_id, jobs)
    assert all(isinstance(answer, Reply) for answer in answers), answers
    return [orjson.loads(answer.body) for answer in answers if isinstance(answer, Reply)]


async def test_claim_skips_a_lead_that_was_closed_just_before(workspace: Workspace) -> None:
    waiting = await workspace.assign(external_id="a", source="partner")
    dispatch: Dispatcher = workspace.app.state.dispatch
    closing = ReportEvent(
        event=ReportedEvent("closed"),
        address=EventAddress(waiting["assignment_id"]),
        reporter=Reporter("test", "test"),
        body_hash="",
    )
    claiming = Claim(queue="partner-desk", owner_id="ben")
    closed, refused = await dispatch.ask_all(workspace.workspace_id, [closing, claiming])
    assert not isinstance(closed, Exception)
    assert isinstance(refused, QueueEmpty)
    assert refused.code == "queue_empty"
    lead = await workspace.get(f"/leads/{waiting['lead_id']}")
    assert (lead["state"], len(lead["assignments"])) == ("closed", 1)


async def test_release_after_a_repeat_still_excludes_the_owner(filled: Filled) -> None:
    hold = {"round_robin": {"team": "inbound", "off_hours": "hold"}}
    async with open_filled(filled) as workspace, workspace.pool.acquire() as connection:
        await workspace.put("calendars", "day", {"timezone": "UTC", "hours": "08:00-17:00"})
        for owner in ("ana", "ben", "eve"):
            await workspace.put("owners", owner, {"name": owner, "calendar": "day"})
        await workspace.publish({"queues": {"desk": {}}, "pipeline": [hold, {"queue": {"name": "desk"}}]})
        await clocks.set_clock(connection, workspace.workspace_id, datetime(2031, 5, 6, 2, tzinfo=UTC), 0)
        body = {"lead": {"external_id": "lead-1"}, "exclude": ["ana"]}
        held = (await workspace.client.post("/assign", json=body)).json()
        assert held["held_until"] == "2031-05-06T08:00:00Z"
        await clocks.set_clock(connection, workspace.workspace_id, datetime(2031, 5, 6, 9, tzinfo=UTC), 0)
        jobs: list[Job] = [
            Assign(bulk=True, arrival=normalize({"external_id": "lead-1", "city": "Kiel"}), trigger="form"),
            Release(lead_id=held["lead_id"], assignment_id=held["assignment_id"]),
        ]
        repeat, released = await decided(workspace, jobs)
        assert repeat["existing_lead"]["lead_id"] == held["lead_id"]
        assert (released["lead_id"], released["owner"]["id"]) == (held["lead_id"], "ben")


async def test_large_group_sees_the_jobs_of_its_parts_that_are_written_already(database: str) -> None:
    first: list[Job] = [assign(number, key=f"k{number}") for number in range(2 * PART_SIZE)]
    again: list[Job] = [
        assign(0, key="k0"),
        assign(1, phone="+49 30 1234567"),
        *(assign(number) for number in range(1000, 1000 + PART_SIZE)),
        assign(2000, phone="+49 30 1234567"),
    ]
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        answers = await decided(workspace, [*first, *again])
        books = await audit(workspace)
    replayed, duplicate, by_phone = answers[len(first)], answers[len(first) + 1], answers[-1]
    assert (replayed["replayed"], replayed["assignment_id"]) == (True, answers[0]["assignment_id"])
    assert duplicate["existing_lead"]["assignment_id"] == answers[1]["assignment_id"]
    assert by_phone["lead_id"] == answers[1]["lead_id"]
    numbers = [answer["decision_number"] for answer in answers if not answer["replayed"]]
    assert numbers == list(range(1, len(answers)))
    assert books.decisions == len(answers) - 1


async def test_group_that_does_not_get_the_lock_leaves_the_state_known(workspace: Workspace) -> None:
    await workspace.put("teams", "pair", {"members": [{"owner": "ana"}, {"owner": "ben"}]})
    await workspace.publish({"pipeline": [{"round_robin": {"team": "pair"}}]})
    dispatch = Dispatcher(workspace.pool, strategies(), Metrics(), deadline=30.0)
    [first] = await dispatch.ask_all(workspace.workspace_id, [assign(1)])
    async with workspace.pool.acquire() as connection, connection.transaction():
        taken = "SELECT FROM workspace_locks WHERE workspace_id = $1 FOR UPDATE"
        await connection.execute(taken, workspace.workspace_id)
        asking = asyncio.create_task(dispatch.ask_all(workspace.workspace_id, [assign(2)]))
        while not asking.done():
            await connection.execute(CANCEL_WAITING)
            await asyncio.sleep(0.01)
        [refused] = await asking
        assert isinstance(refused, Overloaded)
        # Only who knows the state can still tell whose turn it is.
        forget = "UPDATE journal SET state_delta = '{}', full_state = NULL WHERE workspace_id = $1"
        await connection.execute(forget, workspace.workspace_id)
    [second] = await dispatch.ask_all(workspace.workspace_id, [assign(2)])
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    owners = {orjson.loads(reply.body)["owner"]["id"] for reply in (first, second)}
    assert owners == {"ana", "ben"}
