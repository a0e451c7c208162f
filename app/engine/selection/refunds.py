"""Refunds: a turn is given back, as if the owner had never been chosen.

A refund is the exact negative of its turn. Members who have left the team since have no balance, and those
who came back began at zero: for them the refund is undone, and their part is spread over the present members
like the balance of a member who leaves.
"""

from collections.abc import Iterator
from datetime import datetime

from app.engine.model.decision import LedgerEntry
from app.engine.model.directory import Directory
from app.engine.model.state import State
from app.engine.selection.fair_share import spread_balance
from app.engine.selection.rebalance import live_members

REVERSED = "refund_reversed"
"""The cause of an entry that takes a refund back."""


def refund_entries(
    turn: LedgerEntry, number: int, cause: str, state: State, directory: Directory, now: datetime
) -> Iterator[LedgerEntry]:
    """The entry that gives a turn back, or takes it again (`REVERSED`), and one for those who left since.

    `number` is the number of the turn in the ledger of its team. Every entry sums to zero.
    """
    sign = 1 if cause == REVERSED else -1
    changes = {owner: sign * change for owner, change in turn.changes.items()}
    yield LedgerEntry(turn.team, cause, turn.chosen, changes)
    live = live_members(directory.teams.get(turn.team), directory.owners, now)
    undone = {
        owner: change
        for owner, change in changes.items()
        if owner not in live or state.balance(turn.team, owner).since >= number
    }
    if not any(undone.values()):
        return
    rest = {owner: -change for owner, change in undone.items()}
    for owner, share in spread_balance(sum(undone.values()), live).items():
        rest[owner] = rest.get(owner, 0) + share
    yield LedgerEntry(turn.team, "rebalanced", None, rest)
