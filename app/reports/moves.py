"""How a lead came to each of its owners: given, moved, handed off, claimed, or covered for a while.

A move is what misses: a lead had an owner, and now another one has it. A first owner is no move, and neither
is a claim, which nobody made but the owner, nor a handoff, which the plan intends. Cover for an owner on
leave, and the way back, are counted apart. What was closed starts from the beginning when it comes again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.reports.rounds import CLOSED
from app.store.reports.fact_rows import MoveKind


class Placed(Protocol):
    """One assignment of a lead. `ended_at` None means that it is open."""

    @property
    def owner_id(self) -> str | None: ...
    @property
    def cause(self) -> str: ...
    @property
    def decided_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def end_cause(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Move:
    """How an owner got the lead, who had it before, and whether this owner had it before, too."""

    kind: MoveKind
    previous: str | None = None
    comes_back: bool = False


def moves_of(placed: Sequence[Placed]) -> list[Move | None]:
    """What each of a lead's assignments is, in the order of decisions; None for one without an owner."""
    found: list[Move | None] = []
    earlier: set[str] = set()
    for position, each in enumerate(placed):
        previous = _previous(placed[:position], each)
        if previous is None:
            earlier = set()
        if each.owner_id is None:
            found.append(None)
            continue
        found.append(_move(each, previous, earlier))
        earlier.add(each.owner_id)
    return found


def _move(each: Placed, previous: str | None, earlier: set[str]) -> Move:
    kind: MoveKind = "move"
    if each.cause in ("cover", "return", "handoff", "claim"):
        kind = each.cause  # type: ignore[assignment]
    elif previous is None:
        kind = "first"
    elif each.owner_id == previous:
        kind = "kept"
    return Move(kind, previous, kind == "move" and each.owner_id in earlier)


def _previous(before: Sequence[Placed], each: Placed) -> str | None:
    """Who had the lead until now: the owner it was taken from, else another one who has it, else the last."""
    held = [one for number, one in enumerate(before) if _is_held(one, each.decided_at, before[number + 1 :])]
    taken = [one for one in held if one.ended_at == each.decided_at]
    return _newest(taken or held or _since_the_last_end(before))


def _is_held(one: Placed, at: datetime, after: Sequence[Placed]) -> bool:
    """Whether an owner had the lead by this assignment until then, and it has not gone on to another one.

    Where time stands still, several assignments end in the same moment.
    """
    end = one.ended_at
    if one.owner_id is None or (end is not None and end < at):
        return False
    passed_on = any(end is not None and each.decided_at >= end for each in after)
    return end is None or end > at or not (passed_on or one.end_cause in CLOSED)


def _newest(placed: Iterable[Placed]) -> str | None:
    return next((one.owner_id for one in reversed(list(placed)) if one.owner_id is not None), None)


def _since_the_last_end(before: Sequence[Placed]) -> Sequence[Placed]:
    """The assignments since the lead was last closed."""
    ends = [number for number, one in enumerate(before) if one.end_cause in CLOSED]
    return before[ends[-1] + 1 :] if ends else before
