"""Choosing one of those who can take a lead: by turn, by load, or by how long he has waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.model.decision import LedgerEntry, Target
from app.engine.model.directory import Owner
from app.engine.model.state import Balance, Load
from app.engine.selection import fair_share
from app.engine.selection.eligibility import Refusal


@dataclass(frozen=True, slots=True)
class TargetAttempt:
    """What came of one target: a code, the owner if there is one, his turn, and everyone considered.

    `until` is how long a held lead waits. `over_cap` is told of an exempt owner who is at one of his caps.
    """

    target: Target
    code: str
    owner: Owner | None = None
    turn: LedgerEntry | None = None
    pick: str | None = None
    candidates: Sequence[dict[str, Any]] = ()
    until: datetime | None = None
    over_cap: bool = False

    def to_trace(self) -> dict[str, Any]:
        """The entry of the trace."""
        entry: dict[str, Any] = {"target": {self.target.kind: self.target.name}, "code": self.code}
        if self.pick:
            entry["pick"] = self.pick
        if self.candidates:
            entry["candidates"] = list(self.candidates)
        return entry


@dataclass(slots=True)
class Candidate:
    """A member who can take the lead, and his entry of the trace."""

    owner: Owner
    standing: Balance
    load: Load
    weight: int
    shown: dict[str, Any]


def pick_one(
    target: Target, pick: str, eligible: Sequence[Candidate], shown: Sequence[dict[str, Any]]
) -> TargetAttempt:
    """One of the eligible, of whom there is one at least. Their entries of the trace say why it is he."""
    if pick == "least_loaded":
        return _least_loaded(target, eligible, shown)
    if pick == "longest_idle":
        return _longest_waiting(target, eligible, shown)
    return _by_turn(target, eligible, shown)


def _by_turn(target: Target, eligible: Sequence[Candidate], shown: Sequence[dict[str, Any]]) -> TargetAttempt:
    chosen, changes = fair_share.next_in_turn(
        [one.weight for one in eligible], [one.standing.balance for one in eligible]
    )
    booked: dict[str, int] = {}
    for one, change in zip(eligible, changes, strict=True):
        shown_of, balance = one.shown, one.standing.balance
        shown_of["code"] = "not_next"
        shown_of["balance_before"] = balance
        shown_of["balance_after"] = balance + change
        booked[one.owner.id] = change
    eligible[chosen].shown["code"] = "chosen"
    owner = eligible[chosen].owner
    turn = LedgerEntry(target.name, "turn", owner.id, booked)
    return TargetAttempt(target, "chosen", owner, turn, "round_robin", shown)


def _least_loaded(
    target: Target, eligible: Sequence[Candidate], shown: Sequence[dict[str, Any]]
) -> TargetAttempt:
    """Fewest open leads; among equals the one who waited longest; then the order of the team."""
    chosen = min(eligible, key=lambda one: (one.load.open, one.load.last))
    for one in eligible:
        one.shown["code"] = "chosen" if one is chosen else "more_open_leads"
        if one is not chosen and one.load.open == chosen.load.open:
            one.shown["code"] = "assigned_more_recently"
    return TargetAttempt(target, "chosen", chosen.owner, None, "least_loaded", shown)


def _longest_waiting(
    target: Target, eligible: Sequence[Candidate], shown: Sequence[dict[str, Any]]
) -> TargetAttempt:
    """Whose last lead, of any team, was longest ago; among equals the order of the team."""
    chosen = min(eligible, key=lambda one: one.load.last)
    for one in eligible:
        one.shown["code"] = "chosen" if one is chosen else "assigned_more_recently"
    return TargetAttempt(target, "chosen", chosen.owner, None, "longest_idle", shown)


def candidate_entry(owner: str, load: Load, refused: Refusal | None) -> dict[str, Any]:
    """The entry of the trace for somebody who was considered."""
    entry: dict[str, Any] = {
        "owner": owner,
        "code": refused.code if refused else "eligible",
        "open_leads": load.open,
    }
    if refused is not None and refused.available_at is not None:
        entry["available_at"] = refused.available_at.isoformat().replace("+00:00", "Z")
    return entry
