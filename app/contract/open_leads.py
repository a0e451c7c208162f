"""Lists of assignments, as callers ask for them and get them."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.contract.leads import EndCause
from app.contract.responses import Int64, Outcome, ResponseModel
from app.errors import refused_at
from app.plan.language.durations import parse_duration


class ListedAssignment(ResponseModel):
    """One assignment. It holds no fields of the lead."""

    assignment_id: UUID
    lead_id: UUID
    decision_number: Int64
    state: Literal["open", "closed", "superseded"]
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    step: str | None
    outcome: Outcome
    block: str | None
    reason: str = Field(description="The code of the reason.")
    priority: int
    decided_at: datetime
    ended_at: datetime | None
    end_cause: EndCause | None
    age_seconds: Int64 = Field(description="Seconds since the assignment was decided.")
    accept_by: datetime | None
    touch_by: datetime | None
    claim_by: datetime | None = Field(description="When a lead without an owner must have been claimed.")
    sla_state: Literal["none", "running", "met", "breached"] = Field(
        description="`breached` as soon as one deadline has passed, `met` when none is left."
    )
    attempt: int = Field(description="How many owners have had the lead since it was last routed.")
    held_until: datetime | None
    origin_owner: str | None = Field(description="The owner on leave that the present owner covers for.")
    queue_since: datetime | None = Field(description="When a waiting lead first entered its queue.")
    leaves_by: datetime | None = Field(description="When a waiting lead has waited for `max_wait`.")
    lease_until: datetime | None = Field(description="Until when the owner must touch a claimed lead.")


def parse_age(text: str | None) -> timedelta | None:
    """An age such as `3d`, from the query.

    Raises ValidationFailed.
    """
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError:
        detail = "must be an integer with s, m, h, d or w, such as 3d"
        raise refused_at(("older_than",), "invalid_duration", detail, "query") from None
