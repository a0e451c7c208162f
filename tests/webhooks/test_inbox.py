"""Events are applied once, record by record and in order, also when processes come and go."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from app import places
from app.metrics.process import Metrics
from app.store import clocks
from app.webhooks.effects import Applied, StoredEvent
from app.webhooks.inbox import MAX_RETRY_SECONDS, Inbox, retry_seconds
from tests.support.workspace import NOON, Workspace
from tests.webhooks.deliveries import endpoint, event, send

STATES = (
    "SELECT record_id, state, code, tries FROM crm_inbox WHERE workspace_id = $1 ORDER BY record_id, event_at"
)

TEXT = """
SELECT (SELECT string_agg(coalesce(convert_from(event, 'UTF8'), ''), '') FROM crm_inbox
         WHERE workspace_id = $1)
    || (SELECT string_agg(coalesce(convert_from(body, 'UTF8'), ''), '') FROM crm_deliveries
         WHERE workspace_id = $1) AS text
"""
DUE = "UPDATE crm_inbox SET next_at = now() WHERE workspace_id = $1 AND state = 'pending'"
LAPSE = "UPDATE crm_turns SET until = now() WHERE workspace_id = $1"
Respond = Callable[[StoredEvent], Applied]


class Recorder:
    """What stands behind the inbox: it notes the events that it gets, and answers as it is told."""

    def __init__(self, respond: Respond = lambda _: Applied("done")) -> None:
        self.respond = respond
        self.calls: list[list[tuple[str, str]]] = []

    async def apply(self, _: int, events: Sequence[StoredEvent]) -> list[Applied]:
        """Note the records and names of these events."""
        self.calls.append([(each.event.record.id, each.event.fields.get("n", "")) for each in events])
        return [self.respond(each) for each in events]

    @property
    def applied(self) -> list[tuple[str, str]]:
        """All events, in the order in which they came."""
        return [each for call in self.calls for each in call]


@pytest_asyncio.fixture
async def idle(workspace: Workspace) -> AsyncIterator[Workspace]:
    """A workspace without a worker."""
    yield workspace


async def receive(workspace: Workspace, *bodies: bytes) -> None:
    """Send each body as a delivery of its own to the endpoint."""
    path = await endpoint(workspace)
    async with workspace.caller(None) as crm:
        for number, body in enumerate(bodies):
            assert (await send(crm, path, body, f"msg_{number}")).status_code == 200


async def drain(workspace: Workspace, effects: Recorder) -> None:
    """Process what is due until nothing is."""
    inbox = Inbox(workspace.pool, effects, Metrics())
    while await inbox.run(workspace.workspace_id):
        pass


async def states(workspace: Workspace) -> list[tuple[Any, ...]]:
    """Each event: its record, state, code and number of attempts."""
    return [tuple(row) for row in await workspace.fetch(STATES)]


async def test_events_of_a_record_are_applied_in_the_order_they_happened(idle: Workspace) -> None:
    late = [event("1", at=f"2026-12-01T09:00:0{n}Z", n=str(n)) for n in (3, 1, 2)]
    effects = Recorder()
    await receive(idle, *late, event("2", at="2026-12-01T08:00:00Z", n="0"))
    await drain(idle, effects)

    assert [n for record, n in effects.applied if record == "1"] == ["1", "2", "3"]
    assert all(len({record for record, _ in call}) == len(call) for call in effects.calls)
    assert [state for _, state, _, _ in await states(idle)] == ["done"] * 4


async def test_done_event_keeps_its_key_and_nothing_of_its_content(idle: Workspace) -> None:
    await receive(idle, event("1", n="CANARY"))
    await drain(idle, Recorder(lambda _: Applied("done", "unknown_record")))
    ((text,),) = await idle.fetch(TEXT)
    assert "CANARY" not in text

    effects = Recorder()
    await receive(idle, event("1", n="CANARY"))
    await drain(idle, effects)
    assert effects.applied == []


async def test_event_about_an_erased_person_leaves_no_id_of_their_record(idle: Workspace) -> None:
    await idle.fetch("INSERT INTO hash_keys (workspace_id, key) VALUES ($1, sha256('key'))")
    await receive(idle, event("1"), event("2"))
    erased = Applied("done", "for_erased")
    await drain(idle, Recorder(lambda each: erased if each.event.record.id == "1" else Applied("done")))
    (other, late) = [tuple(row) for row in await idle.fetch(STATES)]
    assert other == ("2", "done", None, 1)
    assert (late[0][:5], late[1:]) == ("hash:", ("done", "for_erased", 1))


async def test_event_that_fails_is_listed_and_applied_again_when_asked(idle: Workspace) -> None:
    effects = Recorder(
        lambda each: Applied("failed", "unmapped") if each.event.record.id == "1" else Applied("done")
    )
    await receive(idle, event("1", n="a"), event("1", at="2026-12-01T10:00:00Z", n="b"), event("2", n="c"))
    await drain(idle, effects)

    listed = (await idle.get("/webhooks/failures?endpoint=crm"))["items"]
    assert [(each["record"], each["code"], each["tries"]) for each in listed] == [("1", "unmapped", 1)] * 2
    assert (await idle.get("/webhooks/failures?endpoint=other"))["items"] == []
    shown = await idle.get("/endpoints/crm")
    assert (shown["failures"], [each["code"] for each in shown["findings"]]) == (2, ["failures"])

    effects.respond = lambda _: Applied("done")
    one = await idle.client.post(f"/webhooks/failures/{listed[0]['id']}/retry")
    rest = await idle.client.post("/webhooks/failures/retry", json={"endpoint": "crm"})
    assert (one.json(), rest.json()) == (
        {"retried": 1, "has_more": False},
        {"retried": 1, "has_more": False},
    )
    again = await idle.client.post(f"/webhooks/failures/{listed[0]['id']}/retry")
    assert again.status_code == 404
    await drain(idle, effects)
    assert effects.applied[-2:] == [("1", "a"), ("1", "b")]
    assert {state for _, state, _, _ in await states(idle)} == {"done"}


async def test_event_that_cannot_be_applied_now_holds_back_its_record_only(idle: Workspace) -> None:
    effects = Recorder(
        lambda each: Applied("retry", "busy") if each.event.record.id == "1" else Applied("done")
    )
    await receive(idle, event("1", n="a"), event("1", at="2026-12-01T10:00:00Z", n="b"), event("2", n="c"))
    await drain(idle, effects)
    assert sorted(effects.applied) == [("1", "a"), ("2", "c")]
    assert await states(idle) == [
        ("1", "pending", "busy", 1),
        ("1", "pending", None, 0),
        ("2", "done", None, 1),
    ]

    effects.respond = lambda _: Applied("done")
    await idle.fetch(DUE)
    await idle.fetch(LAPSE)
    await drain(idle, effects)
    assert effects.applied[2:] == [("1", "a"), ("1", "b")]


async def test_waiting_event_does_not_hold_back_the_one_that_makes_its_record_known(idle: Workspace) -> None:
    known: set[str] = set()

    def respond(each: StoredEvent) -> Applied:
        if each.event.kind == "created":
            known.add(each.event.record.id)
        return Applied("done") if each.event.record.id in known else Applied("wait", seconds=600)

    effects = Recorder(respond)
    await receive(
        idle,
        event("1", at="2026-12-01T09:00:00Z", n="a"),
        event("1", kind="contact.created", at="2026-12-01T09:01:00Z", n="b"),
        event("2", n="c"),
    )
    await drain(idle, effects)

    assert [n for record, n in effects.applied if record == "1"] == ["a", "b", "a"]
    assert [(record, state) for record, state, _, _ in await states(idle)] == [
        ("1", "done"),
        ("1", "done"),
        ("2", "pending"),
    ]


async def test_waiting_event_is_looked_at_again_when_the_time_of_the_workspace_has_come(
    idle: Workspace,
) -> None:
    await idle.start_at_noon()
    effects = Recorder(lambda _: Applied("wait", seconds=600))
    await receive(idle, event("1", n="a"))
    await drain(idle, effects)
    assert len(effects.applied) == 1

    effects.respond = lambda each: Applied("done", "unknown_record")
    async with idle.pool.acquire() as connection:
        await clocks.set_clock(connection, idle.workspace_id, NOON + timedelta(minutes=15), 1)
    await drain(idle, effects)

    assert len(effects.applied) == 2
    assert await states(idle) == [("1", "done", "unknown_record", 2)]
    assert (await idle.get("/webhooks/failures"))["items"] == []


async def test_one_event_that_breaks_breaks_no_other(idle: Workspace) -> None:
    def respond(each: StoredEvent) -> Applied:
        if each.event.record.id == "2":
            raise LookupError("CANARY")
        return Applied("done")

    await receive(idle, *(event(str(number)) for number in range(4)))
    await drain(idle, Recorder(respond))

    assert sorted((record, state, code) for record, state, code, _ in await states(idle)) == [
        ("0", "done", None),
        ("1", "done", None),
        ("2", "failed", "internal"),
        ("3", "done", None),
    ]


async def test_many_workers_apply_each_event_once_and_one_record_at_a_time(idle: Workspace) -> None:
    busy: set[str] = set()
    seen: list[tuple[str, str]] = []

    class Slow(Recorder):
        async def apply(self, workspace_id: int, events: Sequence[StoredEvent]) -> list[Applied]:
            records = {each.event.record.id for each in events}
            assert not records & busy
            busy.update(records)
            await asyncio.sleep(0)
            seen.extend((each.event.record.id, each.event.fields["n"]) for each in events)
            busy.difference_update(records)
            return [Applied("done") for _ in events]

    path = await endpoint(idle)
    bodies = [
        event(str(number % 7), at=f"2026-12-01T09:00:{number:02}Z", n=f"{number:02}") for number in range(42)
    ]

    async def crm() -> None:
        async with idle.caller(None) as client:
            for number, body in enumerate(bodies):
                await send(client, path, body, f"msg_{number}")

    sending = asyncio.gather(crm(), crm(), crm())

    async def worker() -> None:
        while True:
            ended = sending.done()
            if not await Inbox(idle.pool, Slow(), Metrics()).run(idle.workspace_id) and ended:
                if all(state == "done" for _, state, _, _ in await states(idle)):
                    return
                await asyncio.sleep(0.01)

    await asyncio.gather(*(worker() for _ in range(4)), sending)

    assert len(seen) == 42
    assert len(set(seen)) == 42


async def test_turn_of_a_killed_process_ends_and_its_late_note_changes_nothing(idle: Workspace) -> None:
    """The first process stops before it notes what it did, and goes on after a second one did the work."""
    stopped, going_on = asyncio.Event(), asyncio.Event()

    class Stopped(Recorder):
        async def apply(self, workspace_id: int, events: Sequence[StoredEvent]) -> list[Applied]:
            stopped.set()
            await going_on.wait()
            return [Applied("failed", "late") for _ in events]

    await receive(idle, event("1", n="a"))
    first = asyncio.create_task(Inbox(idle.pool, Stopped(), Metrics()).run(idle.workspace_id))
    await stopped.wait()
    effects = Recorder()
    await drain(idle, effects)
    assert effects.applied == []  # the turn is taken

    await idle.fetch(LAPSE)
    await idle.fetch(DUE)
    await drain(idle, effects)
    going_on.set()
    await first

    assert effects.applied == [("1", "a")]
    assert await states(idle) == [("1", "done", None, 1)]


async def test_event_that_came_while_the_turn_was_taken_is_due_once_it_is_free(idle: Workspace) -> None:
    """Also where the record is still unknown: the event may be the one that makes it known."""
    effects = Recorder()

    class Busy(Recorder):
        async def apply(self, workspace_id: int, events: Sequence[StoredEvent]) -> list[Applied]:
            await receive(idle, event("1", n="b"))
            await drain(idle, effects)
            return [Applied("wait", seconds=600) for _ in events]

    await receive(idle, event("1", n="a"))
    await idle.fetch("UPDATE crm_inbox SET dedupe_key = sha256('a') WHERE workspace_id = $1")
    await Inbox(idle.pool, Busy(), Metrics()).run(idle.workspace_id)
    assert effects.applied == []
    await drain(idle, effects)
    assert effects.applied[0] == ("1", "b")


async def test_unreadable_delivery_is_parsed_again_when_asked(idle: Workspace) -> None:
    await receive(idle, b"{")
    (failure,) = (await idle.get("/webhooks/failures"))["items"]
    await idle.client.post(f"/webhooks/failures/{failure['id']}/retry")
    await drain(idle, Recorder())
    (again,) = (await idle.get("/webhooks/failures"))["items"]
    assert (again["code"], again["tries"]) == ("unreadable", 1)

    # What a better parser could read: the stored body is replaced, as the parser cannot be.
    await idle.fetch("UPDATE crm_deliveries SET body = $2 WHERE workspace_id = $1", event("1", n="a"))
    await idle.client.post(f"/webhooks/failures/{failure['id']}/retry")
    effects = Recorder()
    await drain(idle, effects)
    assert effects.applied == [("1", "a")]


async def test_long_delivery_waits_for_its_place_before_it_is_parsed_again(idle: Workspace) -> None:
    await receive(idle, b"{" + b" " * places.LONG_BYTES)
    (failure,) = (await idle.get("/webhooks/failures"))["items"]
    await idle.client.post(f"/webhooks/failures/{failure['id']}/retry")
    async with places.WEBHOOKS.take(idle.workspace_id):
        run = asyncio.create_task(Inbox(idle.pool, Recorder(), Metrics()).run(idle.workspace_id))
        for _ in range(100):
            await idle.fetch("SELECT $1::bigint")
        assert not run.done()
    await run
    (again,) = (await idle.get("/webhooks/failures"))["items"]
    assert (again["code"], again["tries"]) == ("unreadable", 1)


async def test_events_of_a_deleted_endpoint_are_gone(idle: Workspace) -> None:
    await receive(idle, event("1"), b"{")
    assert (await idle.client.delete("/endpoints/crm")).status_code == 204
    assert await states(idle) == []
    assert await idle.fetch("SELECT FROM crm_deliveries WHERE workspace_id = $1") == []


@pytest.mark.parametrize(("tries", "least", "most"), [(0, 0.5, 1), (3, 4, 8), (100, 300, MAX_RETRY_SECONDS)])
def test_pauses_grow_and_differ(tries: int, least: float, most: float) -> None:
    pauses = [retry_seconds(tries) for _ in range(100)]
    assert all(least <= pause <= most for pause in pauses)
    assert len(set(pauses)) > 1
