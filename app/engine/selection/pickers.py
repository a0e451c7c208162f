"""Picks one of the owners who can take a lead: by turn, by load, or by how long they have waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.model.decision import BacklogRelease, LedgerEntry, Target
from app.engine.model.directory import Owner
from app.engine.model.state import Balance, Load
from app.engine.selection import fair_share
from app.engine.selection.eligibility import Refusal
from app.plan.document.targets import CURRENT_OWNER


@dataclass(frozen=True, slots=True)
class TargetAttempt:
    """The result of trying one target: a code, the owner, their turn, and every candidate's trace entry.

    `until` says how long a held lead waits. `over_cap` marks an owner who gets the lead despite a cap,
    `backlog` one who gets it as their share of what waited.
    """

    target: Target
    code: str
    owner: Owner | None = None
    turn: LedgerEntry | None = None
    pick: str | None = None
    candidates: Sequence[dict[str, Any]] = ()
    until: datetime | None = None
    over_cap: bool = False
    backlog: BacklogRelease | None = None

    def to_trace(self) -> dict[str, Any]:
        """The entry of the trace."""
        kind = self.target.kind
        named = True if kind == CURRENT_OWNER else self.target.name
        entry: dict[str, Any] = {"target": {kind: named}, "code": self.code}
        if self.pick:
            entry["pick"] = self.pick
        if self.candidates:
            entry["candidates"] = list(self.candidates)
        return entry


@dataclass(slots=True)
class Candidate:
    """A member who can take the lead, and their entry of the trace."""

    owner: Owner
    balance: Balance
    load: Load
    weight: int
    entry: dict[str, Any]


def pick_one(
    target: Target, pick: str, eligible: Sequence[Candidate], entries: Sequence[dict[str, Any]]
) -> TargetAttempt:
    """Pick one of the eligible, at least one, and note in their trace entries why."""
    if pick == "least_loaded":
        return _least_loaded(target, eligible, entries)
    if pick == "longest_idle":
        return _longest_idle(target, eligible, entries)
    return _next_in_turn(target, eligible, entries)


def _next_in_turn(
    target: Target, eligible: Sequence[Candidate], entries: Sequence[dict[str, Any]]
) -> TargetAttempt:
    chosen, changes = fair_share.next_in_turn(
        [one.weight for one in eligible], [one.balance.balance for one in eligible]
    )
    by_owner: dict[str, int] = {}
    for one, change in zip(eligible, changes, strict=True):
        entry, before = one.entry, one.balance.balance
        entry["code"] = "not_next"
        entry["balance_before"] = before
        entry["balance_after"] = before + change
        by_owner[one.owner.id] = change
    eligible[chosen].entry["code"] = "chosen"
    owner = eligible[chosen].owner
    turn = LedgerEntry(target.name, "turn", owner.id, by_owner)
    return TargetAttempt(target, "chosen", owner, turn, "round_robin", entries)


def _least_loaded(
    target: Target, eligible: Sequence[Candidate], entries: Sequence[dict[str, Any]]
) -> TargetAttempt:
    """The owner with the fewest open leads. Ties go by the longest wait, then by the team's order."""
    chosen = min(eligible, key=lambda one: (one.load.open, one.load.last))
    for one in eligible:
        one.entry["code"] = "chosen" if one is chosen else "more_open_leads"
        if one is not chosen and one.load.open == chosen.load.open:
            one.entry["code"] = "assigned_more_recently"
    return TargetAttempt(target, "chosen", chosen.owner, None, "least_loaded", entries)


def _longest_idle(
    target: Target, eligible: Sequence[Candidate], entries: Sequence[dict[str, Any]]
) -> TargetAttempt:
    """The owner whose last lead, through any team, is the oldest. Ties go to the team's order."""
    chosen = min(eligible, key=lambda one: one.load.last)
    for one in eligible:
        one.entry["code"] = "chosen" if one is chosen else "assigned_more_recently"
    return TargetAttempt(target, "chosen", chosen.owner, None, "longest_idle", entries)


def candidate_entry(owner: str, load: Load, refused: Refusal | None) -> dict[str, Any]:
    """The trace entry of a candidate."""
    entry: dict[str, Any] = {
        "owner": owner,
        "code": refused.code if refused else "eligible",
        "open_leads": load.open,
    }
    if refused is not None and refused.available_at is not None:
        entry["available_at"] = refused.available_at.isoformat().replace("+00:00", "Z")
    return entry
