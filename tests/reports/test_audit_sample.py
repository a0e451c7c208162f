"""The audit sample: from all kinds of decisions, the same each time, whatever happens later."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reports.audit_sample import allocate
from app.store.reports.audit_sample import Stratum
from tests.reports.case import Case, begin
from tests.support.workspace import Workspace

# 2030-11-18 is a Monday. In Berlin the week begins an hour before it does in UTC.
WEDNESDAY = datetime(2030, 11, 20, 12, tzinfo=UTC)
NEXT_WEEK = datetime(2030, 11, 26, 12, tzinfo=UTC)
WEEK = "2030-W47"
PLAN = """
pipeline:
  - rule: {name: students, when: {lead_type: student}, then: {block: students}}
  - rule: {name: partners, when: {source: partner}, then: {queue: desk}}
  - round_robin: {team: inbound}
queues: {desk: {}}
"""


def strata(*sizes: int) -> dict[Stratum, int]:
    """Strata of these sizes: `a`, `b`, …"""
    return {Stratum("assigned", chr(97 + at)): size for at, size in enumerate(sizes)}


@pytest.mark.parametrize(
    ("sizes", "places", "drawn"),
    [
        # After one each, claims are size / 3: 30, 2, 1. The first takes all until 90/13 < 6/3 does not hold.
        ((90, 6, 3), 8, [6, 1, 1]),
        ((10, 10), 5, [3, 2]),
        ((5, 1), 100, [5, 1]),
        ((1, 7, 3), 2, [0, 1, 1]),
        ((), 5, []),
    ],
)
def test_places_are_shared_by_size(sizes: tuple[int, ...], places: int, drawn: list[int]) -> None:
    assert [allocate(strata(*sizes), places)[each] for each in strata(*sizes)] == drawn


@given(st.lists(st.integers(1, 1000), max_size=12), st.integers(1, 60))
def test_no_place_is_lost_and_none_is_invented(sizes: list[int], places: int) -> None:
    drawn = allocate(strata(*sizes), places)
    assert sum(drawn.values()) == min(places, sum(sizes))
    assert all(drawn[each] <= size for each, size in strata(*sizes).items())
    assert places < len(sizes) or all(drawn.values())


@pytest.fixture
async def case(workspace: Workspace) -> Case:
    """A week with 20 assigned leads, 6 that wait and 2 that are blocked, and one lead a week later."""
    found = await begin(workspace, PLAN, WEDNESDAY)
    for number in range(28):
        fields: dict[str, Any] = {"source": "partner"} if number % 4 == 1 else {}
        fields = {"lead_type": "student"} if number in {5, 9} else fields
        await found.lead(email=f"p{number}@people.example", **fields)
    await found.lead(NEXT_WEEK)
    return found


async def sample(case: Case, **parameters: Any) -> dict[str, Any]:
    """The sample with these parameters."""
    answer = await case.workspace.client.get("/metrics/audit-sample", params={"week": WEEK, **parameters})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def numbers(found: dict[str, Any]) -> list[int]:
    """The numbers of the decisions that were drawn."""
    return [each["decision_number"] for each in found["decisions"]]


async def test_strata_sizes_and_draw_are_as_stated(case: Case) -> None:
    found = await sample(case, n=9, seed="autumn")
    assert [
        (each["outcome"], each["code"], each["decisions"], each["drawn"]) for each in found["strata"]
    ] == [
        # After one each, claims are 21/3, 5/3, 2/3. Of six more places five go to the first stratum.
        ("assigned", "round_robin", 21, 6),
        ("blocked", "rule", 2, 1),
        ("queued", "rule", 5, 2),
    ]
    assert (found["population"], found["drawn"], found["complete"]) == (28, 9, True)
    rows = await case.workspace.fetch(
        "SELECT decision_number, outcome FROM assignments WHERE workspace_id = $1 AND decided_at < $2",
        NEXT_WEEK,
    )
    kinds = Counter({"assigned": 6, "blocked": 1, "queued": 2})
    expected = []
    for outcome, drawn in kinds.items():
        among = [row["decision_number"] for row in rows if row["outcome"] == outcome]
        ranked = sorted(among, key=lambda number: hashlib.sha256(f"autumn:{number}".encode()).digest())
        expected += ranked[:drawn]
    assert numbers(found) == sorted(expected)
    assert numbers(await sample(case, n=9, seed="autumn")) == numbers(found)
    assert numbers(await sample(case, n=9, seed="winter")) != numbers(found)


async def test_late_events_change_results_and_erased_ones_stay(case: Case) -> None:
    before = await sample(case, n=9)
    owned = next(each for each in before["decisions"] if each["outcome"] == "assigned")
    assert owned["trace"]["steps"][-1]["targets"][0]["candidates"]
    assert (owned["result"]["open"], owned["result"]["events"]) == (True, [])
    await case.event(owned, "reached", NEXT_WEEK - timedelta(hours=1))
    other = next(each for each in before["decisions"] if each["outcome"] == "queued")
    erased = await case.workspace.client.delete(f"/leads/{other['lead_id']}")
    assert erased.status_code in {200, 204}, erased.text
    after = await sample(case, n=9)
    assert numbers(after) == numbers(before)
    assert after["strata"] == before["strata"]
    by_number = {each["decision_number"]: each for each in after["decisions"]}
    told = by_number[owned["decision_number"]]["result"]
    assert [(each["type"], each["at"][-1]) for each in told["events"]] == [("reached", "Z")]
    assert told["touched_at"] is not None
    gone = by_number[other["decision_number"]]
    assert (gone["erased"], gone["trace"], gone["reason"], gone["code"]) == (True, None, None, "rule")
    await case.workspace.pool.execute("DELETE FROM assignments WHERE id = $1", gone["assignment_id"])
    assert numbers(await sample(case, n=9)) == numbers(before)


async def test_the_last_week_is_the_default_and_the_running_one_is_not_complete(case: Case) -> None:
    assert (await case.workspace.get("/metrics/audit-sample"))["week"] == WEEK
    running = await sample(case, week="2030-W48")
    assert (running["complete"], running["population"], running["drawn"]) == (False, 1, 1)
    empty = await sample(case, week="2029-W01")
    assert (empty["population"], empty["strata"], empty["decisions"]) == (0, [], [])


@pytest.mark.parametrize(
    "query",
    [
        *("week=2030-W54", "week=2025-W53", "week=0001-W01", "week=9999-W52", "week=2030-47", "week=soon"),
        *("n=0", "n=501"),
    ],
)
async def test_bad_parameters_are_named(workspace: Workspace, query: str) -> None:
    answer = await workspace.client.get(f"/metrics/audit-sample?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == query.split("=")[0]


async def test_a_key_needs_the_scope(workspace: Workspace) -> None:
    async with workspace.caller(await workspace.issue_key("leads:read")) as reader:
        assert (await reader.get("/metrics/audit-sample")).status_code == 403
    async with workspace.caller(await workspace.issue_key("reports")) as reader:
        assert (await reader.get("/metrics/audit-sample")).status_code == 200
