"""The report `rejections`, from rejects over HTTP; every number was counted by hand."""

import pytest

from tests.support.told_lives import arrive, claim, move_to, report, shown, tell
from tests.support.workspace import Workspace


@pytest.fixture
async def office(office: Workspace) -> Workspace:
    """Ana gets 8 leads and rejects 5, and gets two turns back; Ben claims one and rejects it."""
    for reason in ("wrong_region", "wrong_region", "student", "no_budget"):
        await tell(office, await arrive(office, campaign="spring"), "rejected", reason=reason)
    await tell(office, await arrive(office, campaign="autumn"), "first_touch")
    touched = await arrive(office, campaign="autumn")
    await tell(office, touched, "first_touch")
    await tell(office, touched, "rejected", reason="no_budget")
    for _ in range(2):
        await arrive(office, campaign="autumn")
    claimed = await arrive(office, "desk", campaign="autumn")
    await claim(office, claimed, "ben")
    await tell(office, claimed, "rejected", reason="no_budget")
    return office


async def test_reasons_are_counted_with_their_refunds(office: Workspace) -> None:
    found = await report(office, "rejections")
    assert found.counts("rejected") == {"no_budget": 3, "wrong_region": 2, "student": 1}
    assert found.counts("rejection") == {"no_budget": "3/9", "wrong_region": "2/9", "student": "1/9"}
    assert found.counts("share") == {"no_budget": "3/6", "wrong_region": "2/6", "student": "1/6"}
    # Two refunds a day are the limit of the plan.
    assert found.counts("refund") == {"no_budget": "0/3", "wrong_region": "2/2", "student": "0/1"}
    assert found.totals == {
        "given": 9,
        "rejected": 6,
        "rejection": "6/9",
        "share": "6/6",
        "refunded": 2,
        "refund": "2/6",
        "after_touch": 1,
        "disputed": 0,
        "overturned": 0,
        "other_refunds": 0,
    }
    assert found.interval("rejection") == (66.7, 35.4, 87.9)


async def test_owners_and_campaigns_have_their_own_denominators(office: Workspace) -> None:
    by_owner = await report(office, "rejections", group_by="owner")
    assert by_owner.counts("rejection") == {"ana": "5/8", "ben": "1/1"}
    by_campaign = await report(office, "rejections", group_by="campaign,reason")
    assert {(row["campaign"], row["reason"]): row["rejection"] for row in by_campaign.rows} == {
        ("autumn", "no_budget"): "2/5",
        ("spring", "no_budget"): "1/4",
        ("spring", "wrong_region"): "2/4",
        ("spring", "student"): "1/4",
    }
    only = await report(office, "rejections", filter="reason:no_budget", group_by="owner")
    assert only.counts("rejection") == {"ana": "2/8", "ben": "1/1"}
    assert only.totals["rejection"] == "3/9"


async def test_dispute_that_overturns_takes_the_refund_back(office: Workspace) -> None:
    lead = await arrive(office, "cem")
    await tell(office, lead, "rejected", reason="wrong_region")
    row = (await report(office, "rejections", group_by="owner")).of(owner="cem")
    assert shown(row, "refunded", "disputed", "overturned") == {"refunded": 1, "disputed": 0, "overturned": 0}
    await tell(office, lead, "disputed")
    await tell(office, lead, "dispute_settled", result="overturned")
    row = (await report(office, "rejections", group_by="owner")).of(owner="cem")
    assert shown(row, "refunded", "disputed", "overturned") == {"refunded": 0, "disputed": 1, "overturned": 1}


async def test_reject_that_was_refused_is_none(office: Workspace) -> None:
    lead = await arrive(office, "dia")
    await tell(office, lead, "rejected", reason="no_budget")
    await tell(office, lead, "rejected", reason="no_budget", by="dia", status=409)
    assert (await report(office, "rejections", group_by="owner")).of(owner="dia")["rejection"] == "1/1"


async def test_spam_gives_a_turn_back_without_a_rejection(office: Workspace) -> None:
    await tell(office, await arrive(office, "dia"), "spam")
    row = (await report(office, "rejections", group_by="owner")).of(owner="dia")
    assert shown(row, "rejection", "refunded", "other_refunds") == {
        "rejection": "0/1",
        "refunded": 0,
        "other_refunds": 1,
    }


async def test_by_event_the_day_of_the_rejection_counts(office: Workspace) -> None:
    lead = await arrive(office, "dia")
    await move_to(office, "09:00", day="2099-12-08")
    await tell(office, lead, "rejected", reason="no_budget")
    next_week = {"from": "2099-12-07", "to": "2099-12-14"}
    assert (await report(office, "rejections", **next_week)).totals["rejected"] == 0
    assert (await report(office, "rejections")).totals["rejected"] == 7
    activity = await report(office, "rejections", by="event", **next_week)
    assert shown(activity.totals, "given", "rejected", "rejection") == {
        "given": None,
        "rejected": 1,
        "rejection": None,
    }
    assert (await report(office, "rejections", by="event")).totals["rejected"] == 6
