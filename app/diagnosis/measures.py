"""The shares of leads that are compared between groups: what is bad, and what to look at."""

from app.diagnosis.rates import Measure

REASSIGNMENT = Measure(
    "high_reassignment",
    "reassignment",
    bad_is_high=True,
    says="{rate} of the leads of {subject} were reassigned ({other} elsewhere).",
    look_at="The report `reassignment`, and who took the leads over: they may belong there from the start.",
)
CONTACT = Measure(
    "low_contact",
    "contact",
    bad_is_high=False,
    says="{rate} of the leads of {subject} were tried or reached by a person ({other} elsewhere).",
    look_at="The report `contact`; whether contact data is missing, and whether the owners have room.",
)
ACCEPTANCE = Measure(
    "low_acceptance",
    "acceptance",
    bad_is_high=False,
    says="{rate} of the settled offers of {subject} were accepted ({other} elsewhere).",
    look_at="The reports `acceptance` and `rejections`: the reasons say which leads come to the wrong place.",
)
SLA = Measure(
    "clustered_sla_misses",
    "sla_missed",
    bad_is_high=True,
    says="{rate} of the promises of {subject} were broken ({other} elsewhere).",
    look_at="The report `sla` by day and owner; shifts and caps of those who get these leads.",
)
REJECTS_ELSEWHERE = Measure(
    "rejects_close_elsewhere",
    "rejected_and_converted",
    bad_is_high=True,
    says="{rate} of the leads that {subject} rejected came to `{outcome}` with another owner (teammates:"
    " {other}).",
    look_at="The rejected leads with their reasons, and whether the reject gave the turn back.",
    per="week",
    min_leads=20,
)
ACCEPT_AND_SIT = Measure(
    "accept_and_sit",
    "accepted_untouched",
    bad_is_high=True,
    says="{rate} of the leads that {subject} accepted were not touched within 24 hours (teammates: {other}).",
    look_at="The accepted leads without a touch; and whether the plan promises a touch at all.",
)
CLAIM_SNIPING = Measure(
    "claim_sniping",
    "claimed_at_once",
    bad_is_high=True,
    says="{rate} of the claims of {subject} came within 10 seconds of the lead's arrival (others: {other}).",
    look_at="Whether a script claims; `claim` of the queue: a cap per day, or turns instead of a race.",
    per="week",
    min_leads=20,
)
OF_GROUPS = (REASSIGNMENT, CONTACT, ACCEPTANCE, SLA)
"""What is compared between rules, steps, teams, sources and owners."""
OF_OWNERS = (REJECTS_ELSEWHERE, ACCEPT_AND_SIT, CLAIM_SNIPING)
"""What is compared between owners only."""
