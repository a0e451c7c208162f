"""Merging leads, as callers ask for it, and what they are told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from app.contract.faults import invalid
from app.contract.responses import ResponseModel
from app.contract.types import LeadId, RequestModel

Reason = Annotated[str, Field(min_length=1, max_length=1000)]
State = Literal["assigned", "queued", "automated", "blocked", "closed"]


class MergeRequest(RequestModel):
    """Two leads of one person, to be one."""

    leads: Annotated[list[LeadId], Field(min_length=2, max_length=2)] = Field(description="Both leads.")
    survivor: LeadId | None = Field(
        None,
        description="The lead that remains. The default is the one that is further: assigned before queued, "
        "automated, closed and blocked. Of two with owners it is the one whose owner comes first in "
        "`keep_owner` of the plan, else the older one.",
    )
    reason: Reason = Field(description="Why they are one person.")

    @model_validator(mode="after")
    def _different(self) -> "MergeRequest":
        if self.leads[0] == self.leads[1]:
            raise invalid("not_allowed", "must name two different leads", "leads")
        if self.survivor is not None and self.survivor not in self.leads:
            raise invalid("not_allowed", "must be one of leads", "survivor")
        return self


class UndoRequest(RequestModel):
    """Why a merge is undone."""

    reason: Reason | None = None


class LeadMerge(ResponseModel):
    """A merge. `state`, `owner`, `queue` and `assignment_id` say where the survivor is."""

    id: UUID
    survivor: UUID
    merged: UUID
    at: datetime
    undo_until: datetime
    state: State
    owner: str | None
    queue: str | None
    assignment_id: UUID


class MergeUndone(ResponseModel):
    """A merge that was undone. `state`, `owner`, `queue` and `assignment_id` say where the other lead is."""

    id: UUID
    survivor: UUID
    restored: UUID
    undone_at: datetime
    state: State
    owner: str | None
    queue: str | None
    assignment_id: UUID
