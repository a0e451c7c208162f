"""SLA clocks: by when something must have happened to an assignment, and what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

ClockKind = Literal["accept", "touch", "claim", "max_wait", "lease", "handoff", "recheck"]
ClockState = Literal["pending", "met", "missed", "withdrawn"]
Strike = Literal["new", "counted", "spent"]
CLOCK_KINDS: tuple[ClockKind, ...] = get_args(ClockKind)
SLA_KINDS: tuple[ClockKind, ...] = ("accept", "touch", "claim")
"""The clocks that an SLA starts."""
QUEUE_KINDS: tuple[ClockKind, ...] = ("max_wait", "lease")
"""The clocks of queues. The others say when something is tried again, in plain time."""


@dataclass(frozen=True, slots=True)
class PriorClock:
    """A clock of the assignment that a returning lead had: its SLA, its start, and the reminders sent."""

    kind: ClockKind
    sla: str | None
    started_at: datetime
    reminded: int
    state: ClockState


@dataclass(slots=True)
class Clock:
    """One clock of an assignment.

    `first_due_at` is when it was due at its start, `next_at` when it must be looked at next: at its next
    reminder, when it takes effect, or when its bound in plain time ends. `reminded` counts the reminders that
    were sent or dropped. `terms` are what the plan said when it started; a later plan does not change them.
    `strike` says whether a miss counts toward a pause of the owner: `new` until that was looked at.
    """

    kind: ClockKind
    started_at: datetime
    first_due_at: datetime
    due_at: datetime
    next_at: datetime
    assignment_id: str = ""
    lead_id: str = ""
    sla: str | None = None
    owner_id: str | None = None
    team_id: str | None = None
    queue: str | None = None
    reminded: int = 0
    terms: Mapping[str, Any] = field(default_factory=dict)
    state: ClockState = "pending"
    ended_at: datetime | None = None
    strike: Strike | None = None

    def stop(self, state: ClockState, at: datetime) -> None:
        """End the clock, unless it has ended already."""
        if self.state == "pending":
            self.state, self.ended_at = state, at

    def end_with(self, cause: str, at: datetime) -> None:
        """End it with its assignment. A queue is served when somebody takes its lead."""
        served = self.kind == "claim" and cause in ("claimed", "released")
        self.stop("met" if served else "withdrawn", at)

    def withdraw_miss(self, at: datetime) -> None:
        """The owner was in time after all, or absent. Nothing is moved back."""
        if self.state == "missed":
            self.state, self.ended_at, self.strike = "withdrawn", at, None
