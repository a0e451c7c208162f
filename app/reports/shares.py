"""What a row of the ledger means for each member: the share due, the share received, and why they differ.

By weight, each member is due their part of every turn, whether they could take the lead or not. The ledger
credits only those who could: they also get, by weight, what the others were due. The cause of such a move is
why the others could not take the lead. All amounts are integers in `LEAD_UNITS`, so they add up exactly:

    due by weight + causes - received = what the row adds to the balance
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from app.engine.selection.fair_share import LEAD_UNITS

DUE = "due_by_weight"
RECEIVED = "received"
REFUNDS = "refunds"
REBALANCED = "rebalanced"
UNKNOWN = "unknown"

CAUSE_OF_CODE: Mapping[str, str] = {
    "absent": "absent",
    "paused": "paused",
    "off_shift": "off_shift",
    "cap_open": "cap",
    "cap_day": "cap",
    "cap_week": "cap",
    "cap_rolling": "cap",
    "missing_skill": "skill",
    "missing_language": "skill",
    "excluded": "excluded",
    "inactive": "inactive",
    "share_taken": "share_taken",
}
"""The cause of a difference, by the code of a candidate who could not take the lead."""
CAUSE_OF_ENTRY: Mapping[str, str] = {
    "refund": REFUNDS,
    "taken_away": REFUNDS,
    "refund_reversed": REFUNDS,
    "rebalanced": REBALANCED,
}
"""The cause of a difference, by the cause of a row of the ledger that is no turn."""
CAUSES = (*dict.fromkeys(CAUSE_OF_CODE.values()), REFUNDS, REBALANCED, UNKNOWN)
"""Every cause of a difference between what is due by weight and what is due in the ledger."""


class Part(NamedTuple):
    """One amount of a member, in one column of the report."""

    owner: str
    column: str
    amount: int


def parts_of_turn(
    changes: Mapping[str, int], chosen: str, weights: Mapping[str, int] | None, refused: Mapping[str, str]
) -> list[Part]:
    """The parts of a turn. `changes` are those of the ledger.

    `weights` are those of all members who take turns, None if they are not known: then what is due by weight
    is what the ledger credited. `refused` has the codes of those who could not take the lead. The cause of a
    member who is in neither `changes` nor `refused` is `unknown`.
    """
    credited = dict(changes)
    credited[chosen] += LEAD_UNITS
    due = _due_by_weight(weights, chosen) if weights else credited
    parts = [Part(owner, DUE, amount) for owner, amount in due.items()]
    parts.append(Part(chosen, RECEIVED, LEAD_UNITS))
    lost: dict[str, int] = defaultdict(int)
    for owner, amount in due.items():
        if owner not in credited:
            cause = CAUSE_OF_CODE.get(refused.get(owner, ""), UNKNOWN)
            parts.append(Part(owner, cause, -amount))
            lost[cause] += amount
    gained = {owner: amount - due.get(owner, 0) for owner, amount in credited.items()}
    parts += _gains(gained, chosen, lost)
    return [part for part in parts if part.amount]


def parts_of_entry(cause: str, changes: Mapping[str, int]) -> list[Part]:
    """The parts of a row of the ledger that is no turn: all of it is a difference with that cause."""
    column = CAUSE_OF_ENTRY.get(cause, UNKNOWN)
    return [Part(owner, column, amount) for owner, amount in changes.items() if amount]


def _due_by_weight(weights: Mapping[str, int], chosen: str) -> dict[str, int]:
    """A whole lead by weight. What does not divide is due to the chosen member, as in the ledger."""
    total = sum(weights.values())
    due = {owner: LEAD_UNITS * weight // total for owner, weight in weights.items()}
    due[chosen] = due.get(chosen, 0) + LEAD_UNITS - sum(due.values())
    return due


def _gains(gained: Mapping[str, int], chosen: str, lost: Mapping[str, int]) -> list[Part]:
    """What those who could take the lead got of the shares that others lost, by cause.

    Each cause is spread like the whole gain. What does not divide goes to the chosen member, and the last
    cause gets the rest, so that the sums by member and by cause are both exact.
    """
    whole, left = sum(lost.values()), dict(gained)
    *others, last = lost or (UNKNOWN,)
    parts = []
    for cause in others:
        shares = {owner: amount * lost[cause] // whole for owner, amount in gained.items()}
        shares[chosen] += lost[cause] - sum(shares.values())
        parts += [Part(owner, cause, amount) for owner, amount in shares.items()]
        left = {owner: left[owner] - amount for owner, amount in shares.items()}
    return parts + [Part(owner, last, amount) for owner, amount in left.items()]
