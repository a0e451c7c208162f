"""Every finding: what it means. `docs/diagnosis.md` shows this table."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of finding. `is_test` says that it may be wrong, and is corrected for many tests."""

    means: str
    needs: str
    is_test: bool = True


CATALOG: Mapping[str, Entry] = {
    "rule_never_fires": Entry(
        "A rule of the active plan has decided no lead of the period.",
        "100 leads while it stood in the plan; unless no lead can reach it, 100 that reached it",
        is_test=False,
    ),
    "plan_overlaps": Entry(
        "Earlier steps take leads that later ones ask for.", "a plan that can be checked", is_test=False
    ),
    "plan_long_tail": Entry(
        "Ten rules decide nearly all leads that rules decide, and the plan has many more.",
        "30 rules, 500 leads decided by rules, 90 % by ten",
        is_test=False,
    ),
    "queue_unattended": Entry(
        "Leads wait in a queue, and nobody takes one.",
        "a lead that has waited 24 hours without weekends, while none was taken",
        is_test=False,
    ),
    "provider_denied": Entry(
        "A provider of enrichment does not accept our calls: a secret is missing, wrong, or has ended.",
        "one such answer since its last success",
        is_test=False,
    ),
    "rule_drift": Entry(
        "A rule or step decides far more or less since a plan, table, team or campaign began.",
        "3 days and 50 leads on each side, on the same weekdays; a change of 2 points and by half",
    ),
    "high_reassignment": Entry(
        "Leads that went to this rule, step, team, source or owner first are moved on far more than others.",
        "30 leads on each side; 10 points",
    ),
    "low_contact": Entry(
        "Leads are tried or reached by a person far less than others of the same day.",
        "30 leads older than 24 hours on each side; 10 points",
    ),
    "low_acceptance": Entry(
        "Offers are accepted far less than others of the same day.",
        "30 settled offers on each side; 10 points",
    ),
    "clustered_sla_misses": Entry(
        "Broken promises cluster: in a rule, step, team, source or owner, on a weekday, or at a time of day.",
        "30 settled promises on each side and 10 points; for times 60 promises of the team and 15 points",
    ),
    "score_does_not_separate": Entry(
        "Leads with higher scores come to the outcome hardly more often.",
        "20 leads with and 20 without the outcome; an area under the curve below 0.58, certainly below 0.6",
    ),
    "junk_signal_stops_good_leads": Entry(
        "Too many leads that a part of junk helped to block, or to put into a review, turn out to be real.",
        "20 such leads that were reported, unblocked, met or sold to; certainly more than 20 % of them real",
    ),
    "owner_conversion": Entry(
        "An owner's leads convert more or less than the quality of these leads explains.",
        "30 leads by turn on each side, 5 expected conversions; 2 points and by a quarter, after shrinking",
    ),
    "rejects_close_elsewhere": Entry(
        "What an owner rejects comes to the outcome with others, far more than the rejects of teammates.",
        "20 rejects on each side; 10 points",
    ),
    "accept_and_sit": Entry(
        "An owner accepts leads and does not touch them for a day, far more than teammates.",
        "30 accepted leads on each side; 10 points",
    ),
    "claim_sniping": Entry(
        "An owner claims leads within seconds of their arrival, far more than others of the queue.",
        "20 claims on each side; 10 points",
    ),
}
OF_OWNERS_ONLY = ("owner_conversion", "rejects_close_elsewhere", "accept_and_sit", "claim_sniping")
"""Findings that compare owners."""
OF_PLANS = ("rule_never_fires", "plan_overlaps", "plan_long_tail", "rule_drift")
"""Findings that need the plan."""
