"""A worker visits the workspaces with something due, and leaves the idle ones alone for a while."""

from dataclasses import replace

import pytest

from app.store.life.due_workspaces import WorkspaceLook, look_at_workspaces
from app.worker import visits
from app.worker.visits import Visits
from tests.support.workspace import Workspace, empty_workspace
from tests.worker.test_agenda import FILLED

pytestmark = pytest.mark.alone

AT_ONCE = {"held_lead", "clock", "waiting_action", "crm_event", "bulk_job", "owner_erasure"}
"""What comes due without an edit or a decision, or may be left behind by a process that ended."""

FETCH = """
WITH token AS (
  INSERT INTO form_tokens (workspace_id, endpoint_id, token, fingerprint, created_at, paused_until)
  VALUES ($1, 'ads', '', '', now(), {paused})),
endpoint AS (
  INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
  VALUES ($1, 'endpoints', 'ads', '{{"active": {active}}}', 1, now()))
INSERT INTO crm_inbox (workspace_id, endpoint_id, delivery_id, system, dedupe_key, id, object, record_id,
  kind, event_at, event_order, position, event, received_at, state, next_at, code, ended_at, wait_until)
VALUES ($1, 'ads', gen_random_uuid(), 'form:ads', sha256('one'), gen_random_uuid(), 'form', 'one', 'fetch',
        now(), 0, 0, 'ids', now(), 'failed', now() + {lease}, 'awaiting_fetch', now(), {wait})
"""
READY = {"paused": "NULL", "active": "true", "lease": "interval '0'", "wait": "NULL"}
LATER = "now() + interval '1 hour'"
TO_FETCH = {
    "a lead to fetch": ({}, True),
    "a lead to fetch again": ({"wait": "now() - interval '1 second'"}, True),
    "a lead to fetch later": ({"wait": LATER}, False),
    "a lead that a process fetches": ({"lease": "interval '15 seconds'"}, False),
    "a lead of a tool that rests": ({"paused": LATER}, False),
    "a lead of an endpoint that is not active": ({"active": "false"}, False),
}


async def test_look_names_the_workspace_where_something_came_due(workspace: Workspace) -> None:
    idle = await empty_workspace(workspace.pool, "idle")
    found = {}
    async with workspace.pool.acquire() as connection:
        fetches = {title: (FETCH.format(**{**READY, **more}), due) for title, (more, due) in TO_FETCH.items()}
        for title, (statement, _) in {**FILLED, **fetches}.items():
            attempt = connection.transaction()
            await attempt.start()
            await connection.execute(statement, workspace.workspace_id)
            found[title] = {row["id"] for row in await connection.fetch(DUE)}
            await attempt.rollback()
    expected = {
        title: {workspace.workspace_id} if due & AT_ONCE else set() for title, (_, due) in FILLED.items()
    }
    expected |= {title: {workspace.workspace_id} if due else set() for title, (_, due) in TO_FETCH.items()}
    assert found == expected
    looks = {look.workspace_id: look for look in await look_at_workspaces(workspace.pool)}
    assert looks[workspace.workspace_id].number > 0
    assert looks[idle.workspace_id] == WorkspaceLook(idle.workspace_id, 0, False)


DUE = "SELECT id FROM due_workspaces() WHERE due"


async def test_workspace_with_a_clock_of_its_own_is_always_visited(workspace: Workspace) -> None:
    await workspace.start_at_noon()
    (look,) = await look_at_workspaces(workspace.pool)
    assert look.due


def test_idle_workspaces_are_not_visited_again() -> None:
    seen = Visits()
    looks = [WorkspaceLook(id_, 1, False) for id_ in range(100)]
    assert seen.plan(looks) == ([], looks)
    for look in looks:
        seen.note(look, 1e12, active=look.workspace_id == 7)
    assert seen.plan(looks) == ([], [looks[7]])
    looks[3], looks[5] = replace(looks[3], due=True), replace(looks[5], number=2)
    assert seen.plan(looks) == ([looks[3]], [looks[5], looks[7]])


def test_workspace_whose_lock_is_held_is_left_out_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Visits()
    locked, due = WorkspaceLook(1, 1, True), WorkspaceLook(2, 1, True)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    seen.put_off(locked)
    assert seen.plan([locked, due]) == ([due], [])
    monkeypatch.setattr("time.monotonic", lambda: 100.0 + visits.PUT_OFF_SECONDS)
    assert seen.plan([locked, due]) == ([locked, due], [])


def test_idle_workspace_is_visited_after_a_while_the_longest_unvisited_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Visits()
    looks = [WorkspaceLook(id_, 1, False) for id_ in range(3)]
    for look, at in zip(looks, (30.0, 10.0, 20.0), strict=True):
        seen.note(look, at, active=False)
    monkeypatch.setattr("time.monotonic", lambda: 20.0 + visits.IDLE_SECONDS)
    assert seen.plan(looks) == ([], [looks[1], looks[2]])


def test_changed_workspace_does_not_wait_for_all_that_are_merely_old(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Visits()
    starved, old, changed = (WorkspaceLook(id_, 1, False) for id_ in range(3))
    for look, at in ((starved, 50.0), (old, 84.0), (changed, 90.0)):
        seen.note(look, at, active=False)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    changed = replace(changed, number=2)
    assert seen.plan([changed, old, starved]) == ([], [starved, changed, old])
