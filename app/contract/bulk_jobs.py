"""Bulk jobs, as callers get them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.contract.responses import ResponseModel

MoveResult = Literal[
    "moved", "kept", "no_eligible_member", "queued", "automated", "blocked", "skipped", "refused", "failed"
]
RESULTS: tuple[str, ...] = (
    "moved", "kept", "no_eligible_member", "queued", "automated", "blocked", "skipped", "refused", "failed",
)  # fmt: skip


class BulkJobReference(ResponseModel):
    """A job that was made; `GET /jobs/{id}` says how far it is."""

    job_id: UUID
    total: int = Field(description="How many leads it moves.")


class BulkCandidate(ResponseModel):
    """An owner who was considered, and what kept them from taking the lead."""

    owner: str
    code: str


class BulkResult(ResponseModel):
    """One lead of a job, and what became of it.

    `result` is null while it is to come. `code` says why it was `skipped` (such as `closed` or `moved`),
    `refused` (such as `over_cap`) or `failed`.
    """

    position: int
    lead_id: UUID
    assignment_id: UUID | None = Field(description="The assignment that the lead had when the job was made.")
    result: MoveResult | None
    code: str | None
    owner: str | None
    previous_owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    new_assignment_id: UUID | None
    over_cap: bool
    candidates: list[BulkCandidate]


class BulkCounts(ResponseModel):
    """How many leads of a job have which result, over all attempts to run it."""

    moved: int
    kept: int
    no_eligible_member: int
    queued: int
    automated: int
    blocked: int
    skipped: int
    refused: int
    failed: int


class ListedBulkJob(ResponseModel):
    """A job of the list. `left` is how many leads are to come while it is `running`."""

    job_id: UUID
    kind: Literal["reassign", "deactivate", "leave_team", "cover", "return", "reconcile"]
    state: Literal["running", "finished", "canceled"]
    total: int
    left: int | None
    actor: str = Field(description="The id of the API key that made it, or `worker`.")
    created_at: datetime
    ended_at: datetime | None


class BulkJobDetail(ResponseModel):
    """A job, its progress, and a page of its leads in order. `next` is null on the last page."""

    job_id: UUID
    kind: Literal["reassign", "deactivate", "leave_team", "cover", "return", "reconcile"]
    state: Literal["running", "finished", "canceled"]
    total: int
    done: int
    counts: BulkCounts
    actor: str = Field(description="The id of the API key that made it, or `worker`.")
    reason: str | None = Field(description="What the caller gave as the reason of a reassignment.")
    created_at: datetime
    ended_at: datetime | None
    items: list[BulkResult]
    next: str | None


class BulkJobSummary(ResponseModel):
    """A job and its state."""

    job_id: UUID
    state: Literal["running", "finished", "canceled"]


class BulkPreview(ResponseModel):
    """Who would get what. `total` counts the leads that the filter fits, of which `items` are the first."""

    total: int
    owners: dict[str, int] = Field(description="How many of these leads each owner would get.")
    items: list[BulkResult]


def result_to_json(
    position: int, lead_id: str, assignment_id: str | None, result: str | None, details: Mapping[str, Any]
) -> dict[str, Any]:
    """One lead of a job as it is returned."""
    names = ("code", "owner", "previous_owner", "team", "queue", "path", "new_assignment_id")
    return {
        "position": position,
        "lead_id": lead_id,
        "assignment_id": assignment_id,
        "result": result,
        **{name: details.get(name) for name in names},
        "over_cap": details.get("over_cap", False),
        "candidates": details.get("candidates", []),
    }
