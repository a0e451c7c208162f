"""The reports `contact`, `qualification` and `experience`; every number was counted by hand."""

from collections.abc import Mapping
from typing import Any

from tests.support.told_lives import arrive, give, move_to, report, shown, tell
from tests.support.workspace import Workspace


async def test_sequence_is_no_try_and_a_person_who_calls_is_reached(office: Workspace) -> None:
    leads = [await arrive(office) for _ in range(8)]
    await tell(office, leads[0], "first_touch", "reached", via="phone")
    await tell(office, leads[1], "first_touch", "first_touch", "first_touch", "reached", via="phone")
    await tell(office, leads[2], "first_touch", via="phone")
    await tell(office, leads[3], "first_touch", by="system", via="email")
    await tell(office, leads[4], "reached", via="phone")
    await tell(office, leads[5], "first_touch", via="email")
    await tell(office, leads[6], "first_touch", "invalid_contact")
    found = await report(office, "contact")
    assert found.totals == {
        "leads": 8,
        "worked": "6/8",
        "reached": "3/8",
        "reachable": 7,
        "reached_of_reachable": "3/7",
        "tries_median": 1,
        "tries_p90": 3,
        "tries_leads": 2,
        "came_back": 1,
        "automated_only": 1,
        "unowned": 0,
        "immature": 0,
    }
    assert found.interval("reached") == (37.5, 13.7, 69.4)


async def test_tries_after_a_conversation_do_not_count_and_lost_addresses_may_be_reached(
    office: Workspace,
) -> None:
    lead = await arrive(office)
    await tell(office, lead, "first_touch", at="2099-12-01T09:05:00+01:00")
    await move_to(office, "10:00")
    await tell(office, lead, "reached", at="2099-12-01T09:30:00+01:00")
    await tell(office, lead, "first_touch", at="2099-12-01T09:50:00+01:00")
    await tell(office, lead, "invalid_contact")
    found = await report(office, "contact")
    assert shown(found.totals, "tries_median", "reached_of_reachable") == {
        "tries_median": 1,
        "reached_of_reachable": "1/1",
    }


async def test_blocked_spam_and_repeated_leads_are_no_sample(office: Workspace) -> None:
    lead = await office.assign(external_id="twice", source="ana")
    await office.assign(external_id="twice", source="ana")
    await tell(office, lead, "first_touch")
    await arrive(office, lead_type="spam")
    await tell(office, await arrive(office), "first_touch", "spam")
    await arrive(office, "newsletter")
    await arrive(office, "desk")
    found = await report(office, "contact")
    assert shown(found.totals, "leads", "worked", "unowned") == {"leads": 3, "worked": "1/3", "unowned": 2}


async def test_person_who_reached_is_credited_at_the_event(office: Workspace) -> None:
    lead = await arrive(office, "ana")
    await give(office, lead, "ben")
    await tell(office, lead, "reached", by="cem")
    rows = {}
    for credit in ("at_event", "first", "last"):
        rows[credit] = (await report(office, "contact", group_by="owner", credit=credit)).counts("reached")
    assert rows == {"at_event": {"cem": "1/1"}, "first": {"ana": "1/1"}, "last": {"ben": "1/1"}}


async def test_within_a_time_young_leads_are_no_sample(office: Workspace) -> None:
    """Of three leads one is reached after an hour, one after a day; the third is too young."""
    first, second = [await arrive(office) for _ in range(2)]
    await move_to(office, "10:00")
    await tell(office, first, "reached")
    await move_to(office, "09:00", day="2099-12-02")
    await tell(office, second, "reached")
    await arrive(office)
    asked = await report(office, "contact", within="4h")
    assert shown(asked.totals, "leads", "reached", "immature") == {
        "leads": 2,
        "reached": "1/2",
        "immature": 1,
    }
    assert (await report(office, "contact")).totals["reached"] == "2/3"


async def test_qualified_once_is_qualified_and_reasons_are_those_of_the_others(office: Workspace) -> None:
    """Eight leads: three qualified, one of them disqualified later, three disqualified, two undecided."""
    leads = [await arrive(office) for _ in range(8)]
    await tell(office, leads[0], "reached", at="2099-12-01T09:00:00+01:00")
    for minutes, lead in ((10, leads[0]), (30, leads[1]), (60, leads[2])):
        await move_to(office, f"{9 + minutes // 60:02}:{minutes % 60:02}")
        await tell(office, lead, "qualified")
    await tell(office, leads[2], "disqualified", reason="no_budget")
    for lead, reason in ((leads[3], "too_small"), (leads[4], "too_small"), (leads[5], None)):
        await tell(office, lead, "disqualified", reason=reason)
    await tell(office, leads[6], "reached")
    found = await report(office, "qualification")
    assert found.totals == {
        "leads": 8,
        "qualified": "3/8",
        "disqualified": "3/8",
        "undecided": 2,
        "qualified_of_decided": "3/6",
        "qualified_of_reached": "1/2",
        "disqualified_later": 1,
        "time_median": 1800,
        "time_p90": 3600,
        "immature": 0,
    }
    assert found.interval("qualified") == (37.5, 13.7, 69.4)
    assert found.body["details"]["disqualified_by_reason"] == [
        {"reason": "too_small", "leads": 2},
        {"reason": None, "leads": 1},
    ]


async def test_owner_at_the_verdict_is_credited(office: Workspace) -> None:
    lead, other = [await arrive(office, "ana") for _ in range(2)]
    await give(office, lead, "ben")
    await move_to(office, "10:00")
    await tell(office, lead, "qualified")
    await move_to(office, "11:00")
    await give(office, lead, "cem")
    rows = {}
    for credit in ("at_event", "first", "last"):
        found = await report(office, "qualification", group_by="owner", credit=credit)
        rows[credit] = found.counts("qualified")
        assert found.totals["qualified"] == "1/2"
    assert rows == {
        "at_event": {"ana": "0/1", "ben": "1/1"},
        "first": {"ana": "1/2"},
        "last": {"ana": "0/1", "cem": "1/1"},
    }
    assert other["owner"]["id"] == "ana"


async def test_who_left_after_a_follow_up_and_who_left_without_one(office: Workspace) -> None:
    """Eight leads, six followed up: four by a person, two by a machine. Two unsubscribe after it, one before
    it, one without it; one of those who were called complains.
    """
    leads = [await arrive(office) for _ in range(8)]
    await tell(office, leads[4], "unsubscribed")
    await move_to(office, "09:30")
    for lead in leads[:5]:
        await tell(office, lead, "first_touch", via="sequence" if lead in leads[:2] else "phone")
    await tell(office, leads[5], "first_touch")
    await move_to(office, "10:00")
    await tell(office, leads[0], "unsubscribed")
    await tell(office, leads[2], "unsubscribed", "complained")
    await tell(office, leads[6], "unsubscribed")
    found = await report(office, "experience")
    assert found.totals == {
        "leads": 8,
        "followed_up": 6,
        "unsubscribed": "2/6",
        "complained": "1/6",
        "unsubscribed_or_complained": "2/6",
        "automated": 2,
        "automated_unsubscribed": "1/2",
        "automated_complained": "0/2",
        "by_person": 4,
        "by_person_unsubscribed": "1/4",
        "by_person_complained": "1/4",
        "unsubscribed_otherwise": 2,
        "complained_otherwise": 0,
        "immature": 0,
    }
    assert found.interval("unsubscribed") == (33.3, 9.7, 70.0)


async def prefer(office: Workspace, lead: Mapping[str, Any], **preferences: Any) -> None:
    """The person says what they allow."""
    body = {"origin": "preference_center", **preferences}
    answer = await office.client.put(f"/leads/{lead['lead_id']}/preferences", json=body)
    assert answer.status_code == 200, answer.text


async def test_leaving_is_told_by_channel_and_topic(office: Workspace) -> None:
    """Closing something in the preferences is the same as to unsubscribe from it. What is closed already, and
    what is opened or limited, counts as nothing new.
    """
    leads = [await arrive(office) for _ in range(7)]
    await tell(office, leads[4], "complained", channel="phone")
    await prefer(office, leads[6], channels={"email": False})
    await move_to(office, "09:30")
    for lead in [*leads[:4], *leads[5:]]:
        await tell(office, lead, "first_touch")
    await move_to(office, "10:00")
    await tell(office, leads[0], "unsubscribed", channel="email", topic="newsletter")
    await tell(office, leads[0], "unsubscribed", channel="email")
    await tell(office, leads[1], "unsubscribed")
    await tell(office, leads[2], "complained", channel="sms", topic="events")
    await prefer(office, leads[1], channels={"chat": False}, topics={"news": False, "jobs": {"sms": False}})
    await prefer(office, leads[2], channels={"email": True}, frequency=[{"max": 1, "days": 1}])
    await prefer(office, leads[5], channels={"phone": False, "email": False})
    answer = await report(office, "experience", group_by="owner")
    assert shown(answer.totals, "followed_up", "unsubscribed", "complained", "unsubscribed_otherwise") == {
        "followed_up": 6,
        "unsubscribed": "3/6",
        "complained": "1/6",
        "unsubscribed_otherwise": 1,
    }
    found = answer.body["details"]
    rates = {
        (kind, each[kind]): [
            f"{each[name]['numerator']}/{each[name]['denominator']}"
            for name in ("unsubscribed", "complained")
        ]
        for kind in ("channel", "topic")
        for each in found[f"by_{kind}"]
    }
    assert rates == {
        ("channel", "chat"): ["1/6", "0/6"],
        ("channel", "email"): ["3/6", "0/6"],
        ("channel", "phone"): ["2/6", "0/6"],
        ("channel", "sms"): ["1/6", "1/6"],
        ("topic", "events"): ["0/6", "1/6"],
        ("topic", "jobs"): ["1/6", "0/6"],
        ("topic", "news"): ["1/6", "0/6"],
        ("topic", "newsletter"): ["1/6", "0/6"],
    }


async def test_day_without_a_time_is_after_a_follow_up_of_the_same_day(office: Workspace) -> None:
    lead = await arrive(office)
    await tell(office, lead, "first_touch")
    await tell(office, lead, "unsubscribed", at="2099-12-01")
    assert (await report(office, "experience")).totals["unsubscribed"] == "1/1"


async def test_leaving_within_a_time_counts_from_the_follow_up(office: Workspace) -> None:
    soon, late, young = [await arrive(office) for _ in range(3)]
    await tell(office, soon, "first_touch", "complained")
    await tell(office, late, "first_touch")
    await move_to(office, "09:00", day="2099-12-03")
    await tell(office, late, "complained")
    await tell(office, young, "first_touch")
    found = await report(office, "experience", within="1d")
    assert shown(found.totals, "followed_up", "complained", "immature", "complained_otherwise") == {
        "followed_up": 2,
        "complained": "1/2",
        "immature": 1,
        "complained_otherwise": 1,
    }
