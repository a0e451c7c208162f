"""What `GET /metrics/audit-sample` returns."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.contract.reports import ReportAsOf, ReportPeriod
from app.contract.responses import Int64, Outcome, ResponseModel


class AuditStratum(ResponseModel):
    """The decisions of the week with one outcome and one reason, and how many of them were drawn."""

    outcome: Outcome
    code: str
    decisions: int
    drawn: int


class AuditEvent(ResponseModel):
    """What was reported about a decision, and when it happened."""

    type: str
    at: datetime


class AuditResult(ResponseModel):
    """What has become of a decision until now. All is null if it was deleted."""

    open: bool | None
    ended_at: datetime | None
    end_cause: str | None
    accepted_at: datetime | None
    touched_at: datetime | None
    refunded: bool | None
    events: list[AuditEvent]


class AuditedDecision(ResponseModel):
    """One decision of the sample. Of an `erased` one there is neither reason nor trace any more."""

    decision_number: Int64
    assignment_id: UUID
    lead_id: UUID
    decided_at: datetime
    outcome: Outcome
    code: str
    step: str | None
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    plan_version: int
    erased: bool
    reason: str | None
    trace: dict[str, Any] | None
    result: AuditResult


class AuditSample(ResponseModel):
    """A sample of the decisions of an ISO week, in order, and the strata it was drawn from.

    The same week, `n` and seed give the same decisions. `complete` is false while the week is not over.
    """

    week: str
    seed: str
    period: ReportPeriod
    as_of: ReportAsOf
    complete: bool
    population: int
    drawn: int
    strata: list[AuditStratum]
    decisions: list[AuditedDecision]
