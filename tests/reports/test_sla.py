"""`sla` through HTTP, against tables that were computed by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.reports.case import Case, begin, close, minutes
from tests.support.workspace import Workspace

NOON = datetime(2030, 11, 20, 12, tzinfo=UTC)
PLAN = """
slas: {fifteen: {touch: 15m}, both: {accept: 5m, touch: 30m}}
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana, sla: fifteen}}
  - rule: {name: both, when: {source: both}, then: {owner: ben, sla: both}}
  - rule: {name: free, when: {source: free}, then: {owner: ana}}
  - queue: {name: desk}
queues: {desk: {}}
"""


@pytest.fixture
async def case(workspace: Workspace) -> Case:
    """A workspace with this plan, two hours before noon."""
    return await begin(workspace, PLAN, NOON - timedelta(hours=2))


def touch(found: dict[str, Any], kind: str = "touch") -> dict[str, Any]:
    """The row about touches."""
    return next(row for row in found["rows"] if row["kind"] == kind)


async def test_due_and_not_kept_is_breached_and_what_is_not_due_is_in_no_rate(case: Case) -> None:
    touches = [(await case.lead(source="ana"), waited) for waited in (1, 3, 5, 10, 15, 22, 40)]
    await case.lead(NOON - minutes(45), source="ana")
    await case.lead(NOON - minutes(5), source="ana")
    await case.lead(source="free")
    await case.at(NOON)
    for decision, waited in touches:
        await case.event(decision, "first_touch", NOON - timedelta(hours=2) + minutes(waited))
    found = await case.report("sla")
    row = touch(found)
    compliance = row["compliance"]
    assert (compliance["numerator"], compliance["denominator"]) == (5, 8)
    assert (round(compliance["low"], 3), round(compliance["high"], 3)) == (0.306, 0.863)
    assert (row["breached"], row["still_running"], row["open"]) == (3, 1, 1)
    assert found["details"]["without_sla"] == [{"leads": 1}]
    missed = [(each["by_seconds"] / 60, each["still_running"]) for each in found["details"]["missed"]]
    assert missed == [(30, True), (25, False), (7, False)]
    assert (row["missed_by_median"], row["missed_by_p90"]) == (25 * 60, "not_reached")


async def test_very_many_promises_are_counted_alike_and_their_times_are_one_per_cent_away_at_most(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = ((110, 40), (100, 37), (90, 25), (60, 10), (30, None), (5, None))
    decisions = [
        (await case.lead(NOON - minutes(wait), source=source), wait, after)
        for wait, after in waits
        for source in ("ana", "both")
    ]
    await case.at(NOON)
    for decision, wait, after in decisions:
        if after is not None:
            await case.event(decision, "first_touch", NOON - minutes(wait - after))
    for parameters in ({}, {"group_by": "source"}):
        exact = await case.report("sla", **parameters)
        with monkeypatch.context() as patch:
            patch.setattr("app.reports.sla.EXACT", 0)
            binned = await case.report("sla", **parameters)
        assert (exact["method"], binned["method"]) == ("exact", "binned")
        for row, other in zip(exact["rows"], binned["rows"], strict=True):
            assert all(
                close(other.pop(name), row.pop(name)) for name in ("missed_by_median", "missed_by_p90")
            )
            assert row == other


async def test_promise_that_a_colleague_keeps_is_kept_and_stays_the_owners(case: Case) -> None:
    decisions = [await case.lead(source="ana") for _ in range(10)]
    for decision, by in zip(decisions, ["ana"] * 4 + ["ben"] * 3, strict=False):
        await case.event(decision, "first_touch", NOON - timedelta(hours=2) + minutes(5), by=by)
    await case.at(NOON)
    by_lead = touch(await case.report("sla"))
    assert (by_lead["compliance"]["numerator"], by_lead["compliance"]["denominator"]) == (7, 10)
    by_owner = await case.report("sla", group_by="owner")
    (row,) = by_owner["rows"]
    assert (by_owner["by"], row["owner"], row["met"], row["met_by_others"]) == ("owner", "ana", 7, 3)
    kept = [(each["owner"], each["count"]) for each in by_owner["details"]["kept_by"]]
    assert kept == [("ana", 4), ("ben", 3)]
    credited = await case.report("sla", group_by="owner", credit="at_event")
    assert {row["owner"]: row["met"] for row in credited["rows"]} == {"ana": 4, "ben": 3, None: 0}


async def test_lead_is_promised_once_and_each_owner_has_a_clock_of_their_own(case: Case) -> None:
    start = NOON - timedelta(hours=2)
    decision = await case.lead(source="ana")
    await case.at(start + minutes(10))
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": decision["lead_id"], "to": {"owner": "ben"}}
    )
    assert moved.status_code == 201, moved.text
    await case.at(start + minutes(20))
    await case.event(moved.json(), "first_touch")
    by_lead = touch(await case.report("sla"))
    assert (by_lead["met"], by_lead["breached"], by_lead["missed_by_median"]) == (0, 1, 300)
    by_owner = {row["owner"]: row for row in (await case.report("sla", by="owner", group_by="owner"))["rows"]}
    assert (by_owner["ana"]["met"], by_owner["ana"]["breached"], by_owner["ana"]["withdrawn"]) == (0, 0, 1)


async def test_lead_that_is_closed_before_its_promise_is_due_was_promised_nothing(case: Case) -> None:
    decision = await case.lead(source="ana")
    await case.event(decision, "disqualified")
    await case.at(NOON)
    row = touch(await case.report("sla"))
    assert (row["withdrawn"], row["compliance"]["rate"]) == (1, None)


async def test_accepting_and_touching_are_promises_of_their_own(case: Case) -> None:
    start = NOON - timedelta(hours=2)
    accepted = await case.lead(source="both")
    touched = await case.lead(source="both")
    await case.event(accepted, "accepted", start + minutes(4))
    await case.event(touched, "reached", start + minutes(4))
    await case.at(NOON)
    found = await case.report("sla", group_by="source")
    assert {(row["source"], row["kind"]): (row["met"], row["breached"]) for row in found["rows"]} == {
        ("both", "accept"): (2, 0),
        ("both", "touch"): (1, 1),
    }


async def test_time_alone_turns_an_open_promise_into_a_breached_one(case: Case) -> None:
    await case.lead(source="ana")
    assert touch(await case.report("sla"))["open"] == 1
    await case.at(NOON - timedelta(hours=2) + minutes(14))
    assert touch(await case.report("sla"))["open"] == 1
    await case.at(NOON - timedelta(hours=2) + minutes(16))
    row = touch(await case.report("sla"))
    assert (row["open"], row["breached"], row["still_running"]) == (0, 1, 1)


async def test_missed_promise_runs_until_nobody_can_keep_it_any_more(case: Case) -> None:
    start = NOON - timedelta(hours=2)
    passed_on, closed, waiting = [await case.lead(source="ana") for _ in range(3)]
    await case.at(start + minutes(25))
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": passed_on["lead_id"], "to": {"owner": "ben"}}
    )
    assert moved.status_code == 201, moved.text
    await case.event(closed, "disqualified")
    await case.at(NOON)
    by_lead = touch(await case.report("sla"))
    assert [by_lead[name] for name in ("breached", "never_kept", "still_running")] == [3, 3, 2]
    found = await case.report("sla", by="owner", owner="ana")
    assert [touch(found)[name] for name in ("breached", "never_kept", "still_running")] == [3, 3, 1]
    missed = {
        each["lead_id"]: (each["by_seconds"] / 60, each["still_running"])
        for each in found["details"]["missed"]
    }
    assert missed == {
        waiting["lead_id"]: (105, True),
        passed_on["lead_id"]: (10, False),
        closed["lead_id"]: (10, False),
    }


async def test_erasure_of_a_lead_that_was_passed_on_leaves_its_broken_promise(case: Case) -> None:
    decision = await case.lead(source="ana")
    await case.at(NOON - timedelta(hours=2) + minutes(5))
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": decision["lead_id"], "to": {"owner": "ben"}}
    )
    assert moved.status_code == 201, moved.text
    await case.at(NOON)
    before = touch(await case.report("sla"))
    erased = await case.workspace.client.delete(f"/leads/{decision['lead_id']}")
    assert erased.status_code == 200, erased.text
    after = touch(await case.report("sla"))
    assert (before["breached"], before["compliance"]) == (1, after["compliance"])


async def test_lead_that_is_opened_again_after_it_was_closed_was_promised_nothing_before(case: Case) -> None:
    start = NOON - timedelta(hours=2)
    decision = await case.lead(source="ana")
    await case.at(start + minutes(5))
    await case.event(decision, "closed")
    await case.at(start + minutes(100))
    again = await case.workspace.client.post(
        "/reassign", json={"lead_id": decision["lead_id"], "to": {"owner": "ben"}}
    )
    assert again.status_code == 201, again.text
    await case.at(start + minutes(107))
    await case.event(again.json(), "first_touch")
    row = touch(await case.report("sla"))
    assert (row["withdrawn"], row["breached"], row["compliance"]["rate"]) == (1, 0, None)
    times = (await case.report("speed-to-lead"))["totals"]
    assert (times["leads"], times["response_median"]) == (2, 420)
