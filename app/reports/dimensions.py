"""What reports group and filter by."""

from collections.abc import Mapping

DIMENSIONS: Mapping[str, str] = {
    "owner": "The owner's id. Each report says which owner is credited.",
    "team": "The team through which the lead came.",
    "step": "The step of the plan that decided.",
    "rule": "The step, if it is a rule.",
    "source": "The lead's `source`, else its `utm.source`.",
    "campaign": "The lead's `campaign`, else its `utm.campaign`.",
    "channel": "The lead's `channel`.",
    "lead_type": "The lead's `lead_type`.",
    "band": "The band of the score.",
    "account_status": "The `customer_status` of the account, else of the lead.",
    "form": "The lead's `form`; of a form tool that names none, the endpoint.",
    "plan_version": "The version of the plan that decided.",
    "day": "The local day, such as `2026-11-30`.",
    "week": "The ISO week, from Monday, such as `2026-W49`.",
    "month": "The month, such as `2026-11`.",
}
"""Every dimension, and what it is."""
