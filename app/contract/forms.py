"""Deliveries of forms that nothing could be made of, and test leads: what callers send and get."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.contract.requests import LeadInput
from app.contract.responses import ResponseModel
from app.contract.types import RequestModel


class IntakeFailure(ResponseModel):
    """A delivery, or a part of one, that is no lead yet. `problem` says what its code means."""

    id: UUID
    endpoint: str
    code: str
    problem: str
    tries: int
    received_at: datetime
    failed_at: datetime


class IntakeFailureDetail(IntakeFailure):
    """A failure with what is kept of its delivery, or null when that is not kept any more."""

    body: str | None = Field(description="The body, with `[redacted]` in the place of secrets.")
    fetch: dict[str, Any] | None = Field(description="The ids that a form tool told instead of a lead.")


class CompletionInput(RequestModel):
    """The lead of a delivery that told only ids or could not be read."""

    lead: LeadInput


class UploadResult(ResponseModel):
    """What became of the rows of an upload."""

    completed: int = Field(description="Rows whose notification waited for them. They are decided now.")
    not_waiting: int = Field(description="Rows without a notification, or whose lead is there already.")
    unreadable: int = Field(description="Rows without an id, or of which no lead can be made.")


class TestLead(ResponseModel):
    """A test lead of a form tool, and the decision that it would have got. It goes after seven days."""

    __test__ = False

    id: UUID
    endpoint: str
    at: datetime
    lead: dict[str, Any]
    decision: dict[str, Any]
