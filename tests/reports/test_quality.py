"""The report `quality`, from requests over HTTP; every number was counted by hand."""

from tests.support.told_lives import PLAN, arrive, move_to, report, shown, tell
from tests.support.workspace import Workspace

NO_JUNK = {"unblocked": "0/0", "not_spam": 0}
HELD = ("junk_blocked", "junk_review", "junk_flagged")


async def test_spam_and_duplicates_are_of_all_requests_and_sales_of_real_leads(office: Workspace) -> None:
    """Nine requests: one that the plan blocks as spam, two duplicates, six real leads of which three buy."""
    leads = [await office.assign(external_id=f"real-{number}", source="ana") for number in range(6)]
    for number in range(2):
        await office.assign(external_id=f"real-{number}", source="ana")
    await arrive(office, lead_type="spam")
    for lead in leads[:3]:
        await tell(office, lead, "purchase", ref="deal", amount=100, currency="EUR")
    found = await report(office, "quality")
    assert found.totals == {
        "received": 9,
        "duplicates": "2/9",
        "came_again": 0,
        "merged": "0/9",
        "spam": "1/9",
        "blocked": "0/9",
        "leads": 6,
        "invalid_contact": "0/6",
        "disqualified": "0/6",
        "converted": "3/6",
        "fraud": None,
        **NO_JUNK,
        **dict.fromkeys(HELD, "0/9"),
    }
    assert found.interval("converted") == (50.0, 18.8, 81.2)
    assert set(found.body["not_available"]) == {"tests", "fraud"}
    assert found.body["details"]["blocked_by_name"] == [{"block": "spam", "leads": 1}]


async def test_what_people_report_moves_a_lead_out_of_the_real_ones(office: Workspace) -> None:
    """Six leads: one reported as spam, one rejected and then blocked after it had an owner, one unreachable,
    two disqualified, one good; the good one comes again after an hour.
    """
    good = await office.assign(external_id="good", source="ana")
    await tell(office, await arrive(office), "spam")
    await tell(office, await arrive(office), "rejected", reason="student")
    await tell(office, await arrive(office), "invalid_contact")
    for _ in range(2):
        await tell(office, await arrive(office), "disqualified", reason="too_small")
    await tell(office, good, "qualified", "disqualified")
    await move_to(office, "10:00")
    await office.assign(external_id="good", source="ana")
    found = await report(office, "quality")
    assert found.totals == {
        "received": 7,
        "duplicates": "0/7",
        "came_again": 1,
        "merged": "0/7",
        "spam": "1/7",
        "blocked": "0/7",
        "leads": 5,
        "invalid_contact": "1/5",
        "disqualified": "2/5",
        "converted": "0/5",
        "fraud": None,
        **NO_JUNK,
        **dict.fromkeys(HELD, "0/7"),
    }
    assert found.body["details"]["disqualified_by_reason"] == [{"reason": "too_small", "leads": 2}]


async def test_reasons_of_disqualified_leads_are_of_all_real_leads_of_their_group(office: Workspace) -> None:
    """Of spring three of four leads are no fit, for two reasons and for none; of autumn one of two."""
    for campaign, reason in (("spring", "too_small"), ("spring", "student"), ("autumn", "student")):
        lead = await arrive(office, campaign=campaign)
        await tell(office, lead, "disqualified", reason=reason)
    await tell(office, await arrive(office, campaign="spring"), "disqualified")
    for campaign in ("spring", "autumn"):
        await arrive(office, campaign=campaign)
    found = await report(office, "quality", group_by="campaign,reason")
    assert {(row["campaign"], row["reason"]): row["disqualified"] for row in found.rows} == {
        ("autumn", "student"): "1/2",
        ("spring", "student"): "1/4",
        ("spring", "too_small"): "1/4",
        ("spring", None): "1/4",
    }
    assert found.totals == {"received": 6, "leads": 6, "disqualified": "4/6"}
    only = await report(office, "quality", group_by="reason", reason="student")
    assert only.counts("disqualified") == {"student": "2/6"}
    assert only.totals["disqualified"] == "2/6"


async def test_fraud_counts_once_somebody_reports_it(office: Workspace) -> None:
    await tell(office, await arrive(office, campaign="a"), "spam", reason="fraud")
    await tell(office, await arrive(office, campaign="b"), "x-fraud")
    await arrive(office, campaign="b")
    found = await report(office, "quality", group_by="campaign")
    assert found.counts("fraud") == {"a": "1/1", "b": "1/2"}
    assert "fraud" not in found.body["not_available"]


async def test_small_samples_have_wide_intervals(office: Workspace) -> None:
    for number in range(5):
        await office.assign(external_id=f"lead-{number}", source="ana")
    none = await report(office, "quality", source="nobody")
    assert none.body["totals"]["spam"] == {
        "rate": None, "low": None, "high": None, "numerator": 0, "denominator": 0,
    }  # fmt: skip
    assert (await report(office, "quality")).interval("spam") == (0.0, 0.0, 43.4)


async def test_period_is_of_local_days(office: Workspace) -> None:
    await move_to(office, "23:59", day="2099-12-01")
    await arrive(office)
    await move_to(office, "00:00", day="2099-12-02")
    await arrive(office)
    found = await report(office, "quality", group_by="day")
    assert found.counts("received") == {"2099-12-01": 1, "2099-12-02": 1}
    one = await report(office, "quality", **{"from": "2099-12-02", "to": "2099-12-03"})
    assert shown(one.totals, "received") == {"received": 1}


async def test_each_part_of_junk_is_told_what_its_leads_were(office: Workspace) -> None:
    """Six leads fill the honeypot: of two that are blocked, one is unblocked and one reported as spam; two
    wait for a review, of which one is reported as no spam and then as spam; two are flagged, of which one
    is no spam after all and the other buys. A seventh has only a placeholder for its name, and is blocked
    by nothing.
    """
    junk = "junk: {block_at: 60, review_at: 45, queue: desk, points: {placeholder_name: 5}}\n"
    await office.publish(junk + PLAN)
    trap = {"honeypot": "x", "source": "ana"}
    blocked = [await office.assign(email=f"b{n}@trashmail.com", **trap) for n in range(2)]
    review = [await office.assign(email=f"r{n}@r.example", last_name="n/a", **trap) for n in range(2)]
    flagged = [await office.assign(email=f"f{n}@f.example", **trap) for n in range(2)]
    await office.assign(email="z@z.example", last_name="n/a", source="ana")
    assert [each["outcome"] for each in (*blocked, *review, *flagged)] == [
        *["blocked"] * 2, *["queued"] * 2, *["assigned"] * 2,
    ]  # fmt: skip
    unblock = f"/assignments/{blocked[0]['assignment_id']}/unblock"
    assert (await office.client.post(unblock, json={})).status_code == 201
    await tell(office, blocked[1], "spam")
    await move_to(office, "09:30")
    await tell(office, review[0], "not_spam")
    await tell(office, flagged[0], "spam")
    await move_to(office, "10:00")
    await tell(office, review[0], "spam")
    await tell(office, flagged[0], "not_spam")
    await tell(office, flagged[1], "purchase", ref="deal", amount=100, currency="EUR")
    found = await report(office, "quality")
    assert shown(found.totals, *HELD, "unblocked", "not_spam", "spam", "leads") == {
        "junk_blocked": "2/7", "junk_review": "2/7", "junk_flagged": "3/7", "unblocked": "1/2",
        "not_spam": 1, "spam": "2/7", "leads": 5,
    }  # fmt: skip
    signals = await report(office, "quality", group_by="signal")
    assert signals.of(signal="honeypot") == {
        "signal": "honeypot", "leads": 6, "junk_blocked": "2/6", "junk_review": "2/6", "spam": "2/6",
        "not_spam": "2/6", "progressed": "1/6", "precision": "2/5",
    }  # fmt: skip
    assert signals.counts("precision") == {
        "disposable_email": "1/2", "honeypot": "2/5", "placeholder_name": "1/1",
    }  # fmt: skip
    assert shown(signals.totals, "leads", "precision") == {"leads": 7, "precision": "2/5"}
    by_day = await report(office, "quality", group_by="day", signal="disposable_email")
    assert by_day.of(day="2099-12-01")["precision"] == "1/2"
    details = found.body["details"]["junk_by_signal"]
    assert {"signal": "honeypot", "leads": 6, "spam": 2, "not_spam": 2, "progressed": 1} in details
