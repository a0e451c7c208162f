"""Refusals of the life of a lead in words: what became of it, and since when."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from app.console.viewer import Viewer
from app.console.words import claim_refused
from app.errors import (
    AlreadyClosed,
    AlreadyTouched,
    AssignmentSuperseded,
    ClaimRefused,
    LeadNotInQueue,
    NotClaimed,
    OverCap,
    OwnerInactive,
    Problem,
    QueueEmpty,
)

_ALWAYS: Mapping[type[Problem], str] = {
    AlreadyTouched: "The lead has been worked on, and the plan allows no reject after that.",
    NotClaimed: "This lead was not claimed, so it cannot go back to a queue. Reject it instead.",
    QueueEmpty: "Nothing waits in this queue that you may claim. Look again later.",
    OverCap: "This owner has reached a cap. Choose another one, or tick the box to go over it.",
    OwnerInactive: "This owner is not active. Choose another one.",
}
"""The sentences that need nothing else."""


@contextmanager
def in_words(viewer: Viewer) -> Iterator[None]:
    """Says in the detail of a refusal what is the case now, and what to do."""
    try:
        yield
    except Problem as refused:
        refused.detail = sentence(refused, viewer) or refused.detail
        raise


def sentence(refused: Problem, viewer: Viewer) -> str:
    """What is the case now; empty for a problem that says it itself."""
    since = _since(refused, viewer)
    match refused:
        case ClaimRefused():
            return claim_refused(refused.code)
        case LeadNotInQueue() if refused.members.get("state") == "closed":
            return "This lead is closed and no longer waits here. Claim another one."
        case LeadNotInQueue():
            return f"Somebody else was faster: this lead left the queue{since}. Claim another one."
        case AssignmentSuperseded():
            whose = refused.members.get("owner_id")
            now = f" {whose} has it now." if whose else ""
            return f"The lead has moved on{since}.{now} Nothing was changed."
        case AlreadyClosed():
            return f"The lead is closed{since}. Nothing was changed."
        case _:
            return _ALWAYS.get(type(refused), "")


def _since(refused: Problem, viewer: Viewer) -> str:
    at = refused.members.get("since")
    return f" at {at.astimezone(viewer.zone):%H:%M}" if isinstance(at, datetime) else ""
