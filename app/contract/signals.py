"""Signals: what callers send about people who are leads already, and what they get."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from app.contract.faults import invalid
from app.contract.requests import EngagementItem
from app.contract.responses import Action, Decision, ResponseModel
from app.contract.types import LeadId, RequestModel, RequiredId, Text

NAMES = ("lead_id", "external_id", "crm_lead_id", "email", "phone")
"""What names the person. Exactly one is required."""


class SignalRequest(RequestModel):
    """What a person did who is a lead already. Exactly one of the ids and addresses names them."""

    id: RequiredId | None = Field(
        None, description="Your id of the signal. The same id from the same source is the same signal."
    )
    lead_id: LeadId | None = None
    external_id: RequiredId | None = None
    crm_lead_id: RequiredId | None = None
    email: Text | None = None
    phone: Text | None = None
    engagement: Annotated[list[EngagementItem], Field(min_length=1, max_length=100)] = Field(
        description="What the person did. Without `at` it was now."
    )

    @model_validator(mode="after")
    def _addressed(self) -> "SignalRequest":
        if sum(getattr(self, name) is not None for name in NAMES) != 1:
            raise invalid("exactly_one", f"must hold exactly one of {', '.join(NAMES[:-1])} or {NAMES[-1]}")
        return self


class SignalResult(ResponseModel):
    """What a signal changed.

    `effect` is `told` when the owner is told of it by an action, `decided` when the lead was decided again,
    and otherwise `none`.
    """

    event_id: UUID
    assignment_id: UUID
    lead_id: UUID
    effect: str
    actions: list[Action]
    decision: Decision | None
    replayed: bool
