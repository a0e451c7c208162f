"""The trigger of a lead: that of its newest submission, or our own when it is imported or decided again.

Our own says nothing about what the lead did, so a repeat is compared with the one before.
"""

from collections.abc import Mapping
from typing import Any

SUBMITTED = "submitted_trigger"
"""The field that keeps the trigger of the newest submission while the lead has our own; None without one."""


def with_own_trigger(values: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """The fields of a lead with a trigger that no submission brought."""
    submitted = values[SUBMITTED] if SUBMITTED in values else values.get("trigger")
    return {**values, "trigger": trigger, SUBMITTED: submitted}


def newly_submitted(values: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """The fields of a lead with the trigger of a new submission."""
    fields = {**values, "trigger": trigger}
    fields.pop(SUBMITTED, None)
    return fields


def as_submitted(values: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """The fields of a lead with the trigger of its newest submission, or with `trigger` if it had none."""
    fields = {"trigger": trigger, **values}
    if SUBMITTED in fields:
        fields["trigger"] = fields.pop(SUBMITTED) or trigger
    return fields
