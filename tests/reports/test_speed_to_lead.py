"""`speed-to-lead` through HTTP, against tables that were computed by hand."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.reports.case import Case, begin, close, minutes
from tests.support.workspace import Workspace

NOON = datetime(2030, 11, 20, 12, tzinfo=UTC)
PLAN = """
slas: {}
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - rule: {name: nurture, when: {lead_type: content}, then: {path: newsletter}}
  - queue: {name: desk}
queues: {desk: {}}
paths: {newsletter: {accountable: {team: inbound}}}
"""


@pytest.fixture
async def case(workspace: Workspace) -> Case:
    """A workspace with this plan, three hours before noon."""
    return await begin(workspace, PLAN, NOON - timedelta(hours=4))


async def answered(case: Case, waits: list[tuple[float, bool]]) -> None:
    """Leads that waited for so many minutes: until they were touched, or until noon."""
    arrivals = []
    for number, (wait, touched) in enumerate(waits):
        arrivals.append((NOON - minutes(max(wait, 130 + number) if touched else wait), wait, touched))
    touches = []
    for arrived, wait, touched in sorted(arrivals):
        decision = await case.lead(arrived, source="ana")
        if touched:
            touches.append((decision, arrived + minutes(wait)))
    await case.at(NOON)
    for decision, at in touches:
        await case.event(decision, "first_touch", at)


async def test_untouched_leads_are_in_the_sample(case: Case) -> None:
    await answered(
        case,
        [
            (3, True),
            (5, True),
            (8, True),
            (10, False),
            (20, True),
            (30, False),
            (45, True),
            (120, True),
            (200, False),
        ],
    )
    found = (await case.report("speed-to-lead"))["totals"]
    assert (found["response_median"], found["response_p90"]) == (45 * 60, "not_reached")
    assert found["leads"] == 9
    within = found["within_15m"]
    assert (within["numerator"], within["denominator"]) == (3, 8)
    assert (round(within["low"], 3), round(within["high"], 3)) == (0.137, 0.694)


async def test_bins_are_close_and_leave_out_the_working_time_of_what_waits(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = [(0.0, True), (0.5 / 60, True), (1 / 60, True), (4, True), (33, True), (70.5, True), (100, False)]
    await answered(case, waits)
    exact = await case.report("speed-to-lead", group_by="source")
    monkeypatch.setattr("app.reports.speed_to_lead.EXACT", 0)
    binned = await case.report("speed-to-lead", group_by="source")
    assert (exact["method"], binned["method"]) == ("exact", "binned")
    assert (exact["not_available"], "response_working" in binned["not_available"]) == ({}, True)
    for before, after in zip(
        [exact["totals"], *exact["rows"]], [binned["totals"], *binned["rows"]], strict=True
    ):
        for name in ("median", "p90", "p99"):
            assert close(after[f"response_{name}"], before[f"response_{name}"])
            assert close(after[f"owner_response_{name}"], before[f"owner_response_{name}"])
        counts = ("leads", "touched", "within_5m", "within_60m", "automated", "automated_median")
        assert [after[name] for name in counts] == [before[name] for name in counts]


BERLIN = ZoneInfo("Europe/Berlin")


def berlin(day: int, hour: int, minute: int = 0) -> datetime:
    """A local time of December 2099, a month that begins on a Tuesday."""
    return datetime(2099, 12, day, hour, minute, tzinfo=BERLIN)


async def in_the_office(workspace: Workspace) -> None:
    """Ana works on weekdays from nine to five."""
    await workspace.put("calendars", "office", {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00"})
    await workspace.put("owners", "ana", {"name": "Ana", "calendar": "office", "timezone": "Europe/Berlin"})


async def test_wall_and_working_time_have_medians_of_their_own(workspace: Workspace) -> None:
    case = Case(workspace)
    await in_the_office(workspace)
    await workspace.publish(PLAN)
    touches = []
    for arrived, touched in (
        (berlin(1, 10), berlin(1, 10, 5)),
        (berlin(2, 8, 30), berlin(2, 8, 45)),
        (berlin(3, 16), berlin(4, 9, 30)),
        (berlin(4, 16, 50), berlin(7, 9, 10)),
        (berlin(5, 12), berlin(7, 9, 4)),
    ):
        touches.append((await case.lead(arrived, source="ana"), touched))
    await case.at(berlin(8, 12))
    for decision, at in touches:
        await case.event(decision, "first_touch", at)
    found = (await case.report("speed-to-lead", from_="2099-12-01", to="2099-12-09"))["totals"]
    wall = (found["response_median"], found["response_p90"])
    working = (found["response_working_median"], found["response_working_p90"])
    assert [each / 60 for each in (*wall, *working)] == [1050, 3860, 5, 90]
    own = (found["owner_response_median"], found["owner_response_working_median"])
    assert [each / 60 for each in own] == [1050, 5]


async def test_waiting_leads_wait_in_working_time_too(workspace: Workspace) -> None:
    case = Case(workspace)
    await in_the_office(workspace)
    await workspace.publish(PLAN)
    await case.lead(berlin(4, 16), source="ana")  # until Monday 10:00 it waits two hours of work
    touched = await case.lead(berlin(4, 16, 30), source="ana")
    await case.at(berlin(7, 10))
    await case.event(touched, "first_touch", berlin(7, 9, 30))
    found = (await case.report("speed-to-lead", from_="2099-12-01", to="2099-12-09"))["totals"]
    # In plain time the other one waited longer than this one until its touch, so half are touched by then.
    assert found["response_median"] == 65 * 3600
    assert (found["response_working_median"], found["response_working_p90"]) == (3600, "not_reached")


async def test_answers_of_machines_are_no_touch(case: Case) -> None:
    decisions = [await case.lead(source="ana") for _ in range(10)]
    arrived = NOON - timedelta(hours=4)
    await case.at(arrived + timedelta(days=2))
    for number, decision in enumerate(decisions):
        how = ({"by": "autoresponder", "via": "email"}, {"via": "sequence"}, {"via": "Autoresponder"})[
            number % 3
        ]
        await case.event(decision, "first_touch", arrived + timedelta(seconds=3), **how)
    for decision, wait in zip(decisions, (2, 6, 11, 40), strict=False):
        await case.event(decision, "first_touch", arrived + minutes(wait), via="phone")
    found = (await case.report("speed-to-lead"))["totals"]
    assert found["touched"]["numerator"] == 4
    assert found["response_median"] == "not_reached"
    assert (found["within_15m"]["numerator"], found["within_15m"]["denominator"]) == (3, 10)
    assert (found["automated"], found["automated_median"]) == (10, 3)


async def test_clocks_start_when_the_person_sent_the_form_and_the_day_is_that_of_receipt(case: Case) -> None:
    midnight = datetime(2030, 11, 21, tzinfo=UTC)
    received = midnight + minutes(5)
    late = await case.lead(received, source="ana", submitted_at="20.11.2030 23:45")
    rang = await case.lead(source="ana", submitted_at=int((midnight - minutes(30)).timestamp()))
    waits = await case.lead(source="ana", submitted_at=(midnight - minutes(10)).isoformat())
    await case.at(received + minutes(10))
    await case.event(late, "first_touch", received + minutes(5))  # 25 minutes
    await case.event(rang, "reached", midnight - minutes(20))  # 10, before the lead was received
    found = await case.report("speed-to-lead", from_="2030-11-21", to="2030-11-22")
    totals = found["totals"]
    assert (totals["leads"], totals["touched_early"]) == (3, 0)
    assert (totals["response_median"], totals["response_p90"]) == (25 * 60, "not_reached")
    # The third one is 25 minutes old, and nobody touched it.
    within = totals["within_15m"]
    assert (within["numerator"], within["denominator"]) == (1, 3)
    assert (await case.report("speed-to-lead", from_="2030-11-20", to="2030-11-21"))["totals"]["leads"] == 0
    lead = await case.workspace.get(f"/leads/{waits['lead_id']}")
    assert lead["fields"]["submitted_at"] == "2030-11-20T23:50:00Z"


async def test_submission_in_the_future_or_unreadable_counts_from_receipt(case: Case) -> None:
    arrived = NOON - timedelta(hours=4)
    for sent in ((arrived + minutes(30)).isoformat(), "this morning"):
        decision = await case.lead(arrived, source="ana", submitted_at=sent)
        await case.at(arrived + minutes(5))
        await case.event(decision, "first_touch", arrived + minutes(5))
        arrived += minutes(6)
        lead = await case.workspace.get(f"/leads/{decision['lead_id']}")
        (flag,) = lead["fields"]["flags"]
        assert flag == ("date_unreadable" if sent == "this morning" else "submitted_in_future")
    found = (await case.report("speed-to-lead"))["totals"]
    assert (found["response_median"], found["response_p90"]) == (5 * 60, 5 * 60)


async def test_time_of_an_earlier_form_is_not_that_of_a_later_one(case: Case) -> None:
    arrived = NOON - timedelta(hours=4)
    sent = (arrived - minutes(60)).isoformat()
    await case.lead(arrived, external_id="a", source="ana", submitted_at=sent)
    later = arrived + timedelta(days=3)
    await case.at(later)
    again = await case.workspace.assign(external_id="a", source="ana", lead_type="demo")
    assert again["existing_lead"]["kind"] == "reengaged"
    await case.at(later + minutes(10))
    await case.event(again, "first_touch", later + minutes(8))
    rows = (await case.report("speed-to-lead", group_by="day"))["rows"]
    first = 60 * 60 + 3 * 86400 + 8 * 60
    assert [row["response_median"] for row in rows] == [first, 8 * 60]


async def test_lead_that_comes_again_is_another_arrival_and_a_duplicate_is_none(case: Case) -> None:
    arrived = NOON - timedelta(hours=4)
    first = await case.lead(external_id="a", source="ana")
    await case.event(first, "reached", arrived + minutes(1))
    await case.at(arrived + minutes(2))
    again = await case.workspace.assign(external_id="a", source="ana")
    assert again["existing_lead"]["kind"] == "duplicate"
    later = arrived + timedelta(days=3)
    await case.at(later)
    returned = await case.workspace.assign(external_id="a", source="ana", lead_type="demo")
    assert returned["existing_lead"]["kind"] == "reengaged"
    await case.at(later + minutes(30))
    found = (await case.report("speed-to-lead"))["totals"]
    assert (found["leads"], found["touched"]["numerator"]) == (2, 1)
    assert found["response_median"] == 60
    await case.event(returned, "first_touch", later + minutes(20))
    found = (await case.report("speed-to-lead"))["totals"]
    assert (found["touched"]["numerator"], found["response_p90"]) == (2, 20 * 60)


async def test_touch_before_the_arrival_counts_as_no_time_and_is_listed(case: Case) -> None:
    arrived = NOON - timedelta(hours=4)
    decision = await case.lead(source="ana")
    await case.event(decision, "first_touch", arrived - minutes(3))
    found = await case.report("speed-to-lead")
    assert (found["totals"]["response_median"], found["totals"]["touched_early"]) == (0, 1)
    assert found["details"]["touched_early_lead_ids"] == [decision["lead_id"]]


async def test_touch_of_which_only_the_day_is_known_has_no_minutes(case: Case) -> None:
    decision = await case.lead(source="ana")
    await case.at(NOON + timedelta(days=1))
    await case.event(decision, "first_touch", date(2030, 11, 20))
    found = (await case.report("speed-to-lead"))["totals"]
    assert (found["touched"]["numerator"], found["day_only"], found["response_median"]) == (1, 1, None)


async def test_leads_that_no_person_should_answer_are_in_no_sample(case: Case) -> None:
    await case.lead(lead_type="content")
    await case.lead(source="ana")
    await case.lead()
    found = await case.report("speed-to-lead", group_by="owner")
    assert found["totals"]["leads"] == 2
    assert [(row["owner"], row["leads"]) for row in found["rows"]] == [("ana", 1), (None, 1)]


async def test_credit_goes_to_the_first_owner_or_to_the_person_who_answered(case: Case) -> None:
    decision = await case.lead(source="ana")
    await case.event(decision, "reached", by="ben")
    first = await case.report("speed-to-lead", group_by="owner")
    assert [(row["owner"], row["touched"]["numerator"]) for row in first["rows"]] == [("ana", 1)]
    answered_by = await case.report("speed-to-lead", group_by="owner", credit="at_event")
    assert [(row["owner"], row["leads"], row["owner_response_median"]) for row in answered_by["rows"]] == [
        ("ana", 0, "not_reached"),
        ("ben", 1, None),
    ]
    assert first["totals"]["owner_response_median"] == "not_reached"


async def test_groups_and_totals_come_from_the_same_leads(case: Case) -> None:
    arrived = NOON - timedelta(hours=4)
    for number, (source, wait) in enumerate((("ana", 1), ("ana", 3), ("ben", 5), ("ben", 100))):
        decision = await case.lead(arrived + minutes(number / 10), source=source)
        await case.at(arrived + timedelta(hours=3))
        await case.event(decision, "first_touch", arrived + minutes(number / 10 + wait), by="ana")
    found = await case.report("speed-to-lead", group_by="source,week", source="ana")
    assert [(row["source"], row["week"], row["response_median"]) for row in found["rows"]] == [
        ("ana", "2030-W47", 60)
    ]
    assert found["totals"]["response_median"] == 60
    all_ = await case.report("speed-to-lead", group_by="source")
    assert [(row["source"], row["response_median"]) for row in all_["rows"]] == [("ana", 60), ("ben", 300)]
    assert (all_["totals"]["response_median"], all_["totals"]["response_p90"]) == (180, 6000)
    assert [each["count"] for each in all_["details"]["histogram"]] == [1, 2, 0, 0, 0, 1, 0, 0]


async def test_owners_who_do_not_answer_are_in_the_sample_of_owners_in_working_time_too(case: Case) -> None:
    """Ana answers one of four after two minutes; one goes on to Ben, who answers after ten."""
    start = NOON - timedelta(hours=3)
    answered_, passed_on, _, _ = [await case.lead(start, source="ana") for _ in range(4)]
    await case.at(start + minutes(60))
    moved = await case.workspace.client.post(
        "/reassign", json={"lead_id": passed_on["lead_id"], "to": {"owner": "ben"}}
    )
    assert moved.status_code == 201, moved.text
    await case.at(NOON)
    await case.event(answered_, "first_touch", start + minutes(2))
    await case.event(moved.json(), "first_touch", start + minutes(70))
    found = await case.report("speed-to-lead", group_by="owner")
    rows = {row["owner"]: row for row in found["rows"]}
    for clock in ("owner_response", "owner_response_working"):
        assert [rows["ana"][f"{clock}_{name}"] for name in ("median", "p90")] == ["not_reached"] * 2
        assert [rows["ben"][f"{clock}_{name}"] for name in ("median", "p90")] == [600, 600]
        assert [found["totals"][f"{clock}_{name}"] for name in ("median", "p90")] == ["not_reached"] * 2
    assert [(rows[owner]["leads"], rows[owner]["touched"]["rate"]) for owner in ("ana", "ben")] == [
        (4, 0.5),
        (0, None),
    ]


async def test_deletion_of_an_owner_leaves_working_times(case: Case) -> None:
    workspace = case.workspace
    await workspace.put("owners", "zoe", {"name": "Zoe"})
    await workspace.publish(PLAN.replace("owner: ana", "owner: zoe"))
    await answered(case, [(3, True), (20, True), (90, False), (100, False), (110, False)])
    before = await case.report("speed-to-lead", to="2030-11-21")
    await workspace.publish(PLAN)
    deleted = await workspace.client.delete("/owners/zoe", params={"erase": "true", "open_leads": "keep"})
    assert deleted.status_code == 204, deleted.text
    after = await case.report("speed-to-lead", to="2030-11-21")
    assert before["totals"]["response_working_median"] == "not_reached"
    assert before["totals"] == after["totals"]
