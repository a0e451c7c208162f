"""Lists of what is open: by owner, team, queue, age and deadline, and a queue in its own order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.store import clocks
from app.store.leads.open_leads import WINDOW
from tests.support.workspace import Workspace

ADD_CLOCK = """
INSERT INTO sla_clocks (workspace_id, assignment_id, kind, lead_id, sla, started_at, first_due_at, due_at,
  next_at, terms, state, ended_at)
SELECT $1, $2, $3, $4, 'desk', at, at, at, at, '{}', state, CASE WHEN state <> 'pending' THEN at END
  FROM (SELECT $5::timestamptz AS at, $6::text AS state) AS clock
"""
SECRET = {"email": "canary@people.example", "first_name": "Canary", "phone": "+49 30 123456"}


COPIES = """
INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, queue, priority,
  open, counts_toward_load, decided_at, plan_version, response, inputs, ended_at, end_cause)
SELECT $1, gen_random_uuid(), decision_number + copy, lead_id, cause, outcome, code, queue, priority, open,
       counts_toward_load, decided_at, plan_version, '', '', ended_at, end_cause
  FROM assignments CROSS JOIN generate_series(1, $3) AS copy
 WHERE workspace_id = $1 AND id = $2
"""
RENUMBERED = "UPDATE assignments SET decision_number = $3 WHERE workspace_id = $1 AND id = $2"


async def listed(workspace: Workspace, query: str = "", path: str = "/assignments") -> list[dict[str, Any]]:
    """All pages of a list, read in pages of two."""
    items: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        url = f"{path}?limit=2{query}{f'&after={after}' if after else ''}"
        page = await workspace.get(url)
        items += page["items"]
        after = page["next"]
    return items


async def at(workspace: Workspace, time: datetime) -> None:
    """Let the workspace's time be this."""
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, time, speed=1)


async def add_clock(
    workspace: Workspace, decision: dict[str, Any], kind: str, due: datetime, state: str
) -> None:
    """A clock of an assignment."""
    ids = (decision["assignment_id"], kind, decision["lead_id"])
    await workspace.pool.execute(ADD_CLOCK, workspace.workspace_id, *ids, due, state)


async def test_every_open_assignment_is_listed_once_and_no_closed_one(workspace: Workspace) -> None:
    made = [await workspace.assign(external_id=f"e{number}") for number in range(5)]
    queued = await workspace.assign(external_id="q", source="partner")
    await workspace.assign(external_id="b", lead_type="student")
    await workspace.client.post(f"/assignments/{made[1]['assignment_id']}/events", json={"type": "closed"})
    items = await listed(workspace)
    expected = [each["assignment_id"] for each in (*made[:1], *made[2:], queued)]
    assert [item["assignment_id"] for item in items] == expected
    assert {item["state"] for item in items} == {"open"}
    assert (items[-1]["owner"], items[-1]["queue"], items[-1]["priority"]) == (None, "partner-desk", 50)


async def test_open_leads_of_a_leaver_are_listed_also_when_they_are_gone(workspace: Workspace) -> None:
    made = [await workspace.assign(external_id=f"e{number}") for number in range(6)]
    wanted = [each["assignment_id"] for each in made if each["owner"]["id"] == "ana"]
    await workspace.client.patch("/owners/ana", json={"active": False})
    assert [item["assignment_id"] for item in await listed(workspace, "&owner=ana")] == wanted
    assert (await workspace.client.delete("/owners/ana?open_leads=keep")).status_code == 204
    assert [item["assignment_id"] for item in await listed(workspace, "&owner=ana")] == wanted


async def test_filters_combine(workspace: Workspace) -> None:
    for number in range(4):
        await workspace.assign(external_id=f"e{number}")
        await workspace.assign(external_id=f"d{number}", email=f"d{number}@example.com", country="DE")
    items = await listed(workspace, "&team=dach")
    assert {item["team"] for item in items} == {"dach"}
    assert len(items) == len([each for each in await listed(workspace) if each["team"] == "dach"])
    both = await listed(workspace, "&team=dach&owner=ana")
    anas = [item["assignment_id"] for item in items if item["owner"] == "ana"]
    assert [item["assignment_id"] for item in both] == anas
    assert anas
    assert await listed(workspace, "&queue=partner-desk") == []
    assert await listed(workspace, "&owner=nobody") == []


async def test_age_counts_in_the_time_of_the_workspace(workspace: Workspace) -> None:
    noon = await workspace.start_at_noon()
    old = await workspace.assign(external_id="old")
    await at(workspace, noon + timedelta(days=3, hours=1))
    await workspace.assign(external_id="new")
    (item,) = await listed(workspace, "&older_than=3d")
    assert item["assignment_id"] == old["assignment_id"]
    assert timedelta(days=3) < timedelta(seconds=item["age_seconds"]) < timedelta(days=3, hours=2)
    assert len(await listed(workspace, "&older_than=1s&owner=ana")) <= 2


@pytest.mark.parametrize(
    ("query", "code"),
    [("older_than=soon", "invalid_duration"), ("state=gone", None), ("sla=late", None), ("limit=0", None)],
)
async def test_bad_parameter_is_refused_at_its_name(
    workspace: Workspace, query: str, code: str | None
) -> None:
    answer = await workspace.client.get(f"/assignments?{query}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["path"], error["in"]) == (query.partition("=")[0], "query")
    assert code is None or error["code"] == code


async def test_deadlines_are_shown_and_breached_ones_can_be_listed(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    late, met, running, missed = [await workspace.assign(external_id=f"e{number}") for number in range(4)]
    hour = timedelta(hours=1)
    await add_clock(workspace, late, "touch", now - hour, "pending")
    await add_clock(workspace, met, "accept", now - hour, "met")
    await add_clock(workspace, running, "accept", now + hour, "pending")
    await add_clock(workspace, missed, "accept", now - hour, "missed")
    by_id = {item["assignment_id"]: item for item in await listed(workspace)}
    states = [by_id[each["assignment_id"]]["sla_state"] for each in (late, met, running, missed)]
    assert states == ["breached", "met", "running", "breached"]
    shown = by_id[running["assignment_id"]]
    assert (shown["accept_by"], shown["touch_by"]) == ((now + hour).isoformat().replace("+00:00", "Z"), None)
    breached = [item["assignment_id"] for item in await listed(workspace, "&sla=breached")]
    assert breached == [late["assignment_id"], missed["assignment_id"]]


async def test_queue_is_listed_in_the_order_in_which_it_is_claimed(workspace: Workspace) -> None:
    plan = """
queues: {desk: {claimable_by: inbound}}
pipeline:
  - rule: {name: hot, when: {lead_type: demo}, then: {queue: desk, priority: 70}}
  - queue: {name: desk}
"""
    await workspace.publish(plan)
    for number in range(5):
        hot = {"lead_type": "demo"} if number % 2 else {}
        await workspace.assign(external_id=f"e{number}", **hot)
    shown = await listed(workspace, path="/queues/desk/leads")
    assert [item["priority"] for item in shown] == [70, 70, 0, 0, 0]
    for item in shown:
        claimed = await workspace.client.post("/queues/desk/claim", json={"owner_id": "ben"})
        assert claimed.json()["lead_id"] == item["lead_id"]
    assert await listed(workspace, path="/queues/desk/leads") == []


async def test_lists_hold_no_personal_data(workspace: Workspace) -> None:
    await workspace.assign(**SECRET)
    await workspace.assign(source="partner", email="other-canary@people.example", last_name="Canary")
    for url in ("/assignments", "/queues/partner-desk/leads"):
        answer = await workspace.client.get(url)
        assert answer.json()["items"]
        assert "canary" not in answer.text.lower()
        assert "123456" not in answer.text


async def test_queue_that_no_plan_declares_is_not_found(workspace: Workspace) -> None:
    for name, status in (("nowhere", 404), ("unrouted", 200), ("held", 200), ("partner-desk", 200)):
        assert (await workspace.client.get(f"/queues/{name}/leads")).status_code == status


async def ended(workspace: Workspace) -> dict[str, list[str]]:
    """Leads of every kind: the assignments by the state in which they are listed."""
    await workspace.assign(external_id="path", employees=2, lead_type="content")
    await workspace.assign(external_id="block", lead_type="student")
    kept = await workspace.assign(external_id="a")
    done = await workspace.assign(external_id="b")
    await workspace.client.post(f"/assignments/{done['assignment_id']}/events", json={"type": "closed"})
    moved = await workspace.assign(external_id="c", source="partner")
    await workspace.assign(external_id="c", source="partner")  # a duplicate
    claim = await workspace.client.post("/queues/partner-desk/claim", json={"owner_id": "ben"})
    return {
        "open": [kept["assignment_id"], claim.json()["assignment_id"]],
        "closed": [done["assignment_id"]],
        "superseded": [moved["assignment_id"]],
    }


async def test_assignments_are_listed_by_state(workspace: Workspace) -> None:
    made = await ended(workspace)
    everything = await listed(workspace, "&state=all")
    assert [item["assignment_id"] for item in everything] == [
        made["open"][0], *made["closed"], *made["superseded"], made["open"][1],
    ]  # fmt: skip
    for state, ids in made.items():
        items = await listed(workspace, f"&state={state}")
        assert [item["assignment_id"] for item in items] == ids
        assert {item["state"] for item in items} == {state}
        detail = await workspace.get(f"/assignments/{ids[0]}")
        assert detail["state"] == state
    causes = {item["assignment_id"]: (item["end_cause"], bool(item["ended_at"])) for item in everything}
    assert [causes[made[state][0]] for state in made] == [
        (None, False), ("closed", True), ("claimed", True),
    ]  # fmt: skip
    assert [item["owner"] for item in await listed(workspace, "&state=all&owner=ben")] == [
        item["owner"] for item in everything if item["owner"] == "ben"
    ]
    assert await listed(workspace, "&state=superseded&owner=ben") == []
    assert len(await listed(workspace, "&state=superseded&queue=partner-desk")) == 1


async def test_a_page_examines_so_many_assignments_and_says_where_to_go_on(workspace: Workspace) -> None:
    many = await workspace.assign(external_id="a", source="partner")
    one = await workspace.assign(external_id="b")
    for made in (many, one):
        await workspace.client.post(f"/assignments/{made['assignment_id']}/events", json={"type": "closed"})
    ids = (workspace.workspace_id, many["assignment_id"])
    await workspace.pool.execute(RENUMBERED, workspace.workspace_id, one["assignment_id"], 20_000)
    await workspace.pool.execute(COPIES, *ids, WINDOW)
    owner = one["owner"]["id"]
    first = await workspace.get(f"/assignments?state=closed&owner={owner}&limit=10")
    assert (first["items"], first["next"]) == ([], str(WINDOW))
    second = await workspace.get(f"/assignments?state=closed&owner={owner}&limit=10&after={first['next']}")
    assert [item["assignment_id"] for item in second["items"]] == [one["assignment_id"]]
    assert second["next"] is None
    assert len((await workspace.get("/assignments?state=closed&limit=1000"))["items"]) == 1000
