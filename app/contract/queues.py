"""Queues as the API shows them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.contract.responses import ResponseModel

Clock = Literal["working", "wall"]


class QueueWait(ResponseModel):
    """How long a lead waits at most, and where it goes then, as kinds and names of targets."""

    for_: str = Field(alias="for")
    clock: Clock
    then: list[dict[str, str]]


class QueueClaim(ResponseModel):
    """What a claim promises. Null means that the plan says nothing about it."""

    lease: str | None
    clock: Clock
    max: int | None
    hide: list[str]


class QueueSettings(ResponseModel):
    """What the active plan says about a queue."""

    aging: str = Field(description="Points of priority per hour, such as `10/h`.")
    max_wait: QueueWait | None
    release: Literal["claim", "shift"]
    claim: QueueClaim


class QueueSummary(ResponseModel):
    """A queue: how many leads wait, and since when the oldest one does.

    `declared` is false for the built-in queues, and for one that the active plan no longer has. Without
    `claimable_by` every owner may claim.
    """

    name: str
    declared: bool
    waiting: int
    oldest_since: datetime | None
    oldest_seconds: int
    claimable_by: str | None
    settings: QueueSettings


class QueueClaimant(ResponseModel):
    """A member of the team that may claim. `code` says why they may not claim now; null means they may."""

    owner_id: str
    code: str | None
    available_at: datetime | None


class QueueDetail(QueueSummary):
    """A queue, and who may claim from it. `claimants` is null where every owner may."""

    claimants: list[QueueClaimant] | None


class QueueList(ResponseModel):
    """The queues of the active plan, the built-in ones, and those where leads still wait."""

    items: list[QueueSummary]
