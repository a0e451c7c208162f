"""The report `acceptance`, from offers that are made over HTTP; every number was counted by hand."""

from tests.support.told_lives import arrive, claim, give, move_to, owned_by, report, shown, tell
from tests.support.workspace import Workspace

RESULTS = ("offers", "settled", "accepted", "rejected", "timed_out", "pending", "withdrawn", "acceptance")


async def test_touch_accepts_a_time_out_declines_and_what_is_pending_is_no_sample(office: Workspace) -> None:
    late = await arrive(office, "ana", lead_type="hot")
    for _ in range(5):
        await tell(office, await arrive(office), "accepted")
    await tell(office, await arrive(office), "first_touch")
    for _ in range(2):
        await tell(office, await arrive(office), "rejected", reason="no_budget")
    await move_to(office, "09:20")
    await owned_by(office, late, None)
    await arrive(office, "ana", lead_type="hot")
    await move_to(office, "09:24")
    found = await report(office, "acceptance")
    assert found.totals == {
        "offers": 10,
        "settled": 9,
        "accepted": 6,
        "rejected": 2,
        "timed_out": 1,
        "pending": 1,
        "withdrawn": 0,
        "acceptance": "6/9",
    }
    assert found.interval("acceptance") == (66.7, 35.4, 87.9)


async def test_offer_that_ended_before_an_answer_is_no_sample(office: Workspace) -> None:
    """Passed on by a person, closed unread, answered by a machine alone; a claim is no offer at all."""
    await give(office, await arrive(office), "ben")
    await tell(office, await arrive(office), "closed")
    await tell(office, await arrive(office), "first_touch", via="sequence")
    await claim(office, await arrive(office, "desk"), "cem")
    found = await report(office, "acceptance", group_by="owner")
    assert found.counts("offers") == {"ana": 3, "ben": 1}
    assert shown(found.totals, *RESULTS) == {
        "offers": 4,
        "settled": 0,
        "accepted": 0,
        "rejected": 0,
        "timed_out": 0,
        "pending": 2,
        "withdrawn": 2,
        "acceptance": "0/0",
    }
    assert found.body["totals"]["acceptance"] == {
        "rate": None,
        "low": None,
        "high": None,
        "numerator": 0,
        "denominator": 0,
    }


async def test_what_is_accepted_late_is_accepted_and_what_stays_past_its_deadline_is_not(
    office: Workspace,
) -> None:
    first, second = [await arrive(office, "ana", lead_type="slow") for _ in range(2)]
    await move_to(office, "09:14")
    assert (await report(office, "acceptance")).totals["pending"] == 2
    await move_to(office, "09:30")
    assert (await report(office, "acceptance")).totals["acceptance"] == "0/2"
    await tell(office, first, "accepted")
    await give(office, second, "ben")
    found = await report(office, "acceptance", group_by="owner")
    assert found.counts("acceptance") == {"ana": "1/2", "ben": "0/0"}
    assert (found.of(owner="ana")["timed_out"], found.of(owner="ben")["pending"]) == (1, 1)


async def test_lead_that_the_second_owner_accepts_is_accepted(office: Workspace) -> None:
    """Three leads: one that the second owner accepts, one that two reject, one that waits after a reject."""
    leads = [await arrive(office, "ana") for _ in range(3)]
    for lead in leads:
        await tell(office, lead, "rejected", reason="again")
    await tell(office, leads[0], "accepted")
    await tell(office, leads[1], "rejected", reason="no_budget")
    by_offer, by_lead = [await report(office, "acceptance", by=by) for by in ("offer", "lead")]
    assert shown(by_offer.totals, *RESULTS[:1], *RESULTS[2:]) == {
        "offers": 6,
        "accepted": 1,
        "rejected": 4,
        "timed_out": 0,
        "pending": 1,
        "withdrawn": 0,
        "acceptance": "1/5",
    }
    assert by_lead.totals == {
        "leads": 3,
        "settled": 2,
        "accepted": 1,
        "rejected": 1,
        "timed_out": 0,
        "pending": 1,
        "withdrawn": 0,
        "acceptance": "1/2",
    }
    owners = await report(office, "acceptance", by="lead", group_by="owner")
    assert owners.of(owner="ana")["acceptance"] == "0/3"
    assert owners.totals == by_lead.totals


async def test_touch_by_somebody_else_and_a_reject_after_accepting_are_accepted(office: Workspace) -> None:
    await tell(office, await arrive(office), "reached", by="ben")
    await tell(office, await arrive(office), "accepted", "rejected", reason="no_budget")
    found = await report(office, "acceptance")
    assert shown(found.totals, "offers", "accepted", "rejected") == {
        "offers": 2,
        "accepted": 2,
        "rejected": 0,
    }
