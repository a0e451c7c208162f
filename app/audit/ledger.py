"""Sum up the ledger of a team entry by entry, and compare the result with the state in the journal."""

from collections import Counter
from dataclasses import dataclass, field

from app.engine.model.state import TURNS_OF_CAUSE, Balance, State
from app.engine.selection.refunds import REVERSED
from app.store.connection.pool import Pool, transaction
from app.store.path.ledger import StoredLedgerEntry, find_turns, list_ledger_entries

REFUNDS = frozenset(("refund", "taken_away", REVERSED))
"""The causes of entries that give a turn back, or take it again."""


@dataclass(slots=True)
class LedgerTotals:
    """The sums of the entries read so far, and the faults found in them.

    `refunded` are the assignments whose turn was given back.
    """

    team: str
    read: int = 0
    number: int = 0
    balances: Counter[str] = field(default_factory=Counter)
    turns: Counter[str] = field(default_factory=Counter)
    refunded: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def add_refund(self, row: StoredLedgerEntry, turn: StoredLedgerEntry | None) -> None:
        """Check that a refund is the exact negative of its turn, and that none comes twice."""
        id_, reversed_ = row.assignment_id or "", row.cause == REVERSED
        sign = 1 if reversed_ else -1
        place = f"team {self.team}: row {row.number} of the ledger"
        if turn is None or dict(row.changes) != {owner: sign * part for owner, part in turn.changes.items()}:
            self.faults.append(f"{place} is not the negative of a turn")
        if (id_ in self.refunded) != reversed_:
            self.faults.append(f"{place} repeats another")
        (self.refunded.discard if reversed_ else self.refunded.add)(id_)

    def add(self, row: StoredLedgerEntry) -> None:
        """Add the next entry of the team."""
        self.expect(row.number)
        if sum(row.changes.values()):
            self.faults.append(f"team {self.team}: row {row.number} of the ledger does not sum to zero")
        self.balances.update(row.changes)
        if row.chosen:
            self.turns[row.chosen] += TURNS_OF_CAUSE.get(row.cause, 0)
        self.read += 1
        self.number = row.number

    def expect(self, number: int) -> None:
        """Report the entries missing before this number."""
        if number > self.number + 1:
            missing = f"{self.number + 1} to {number - 1}"
            self.faults.append(f"team {self.team}: rows {missing} of the ledger are missing")

    def compare(self, state: State) -> None:
        """Report each owner whose balance or turns differ from the sums."""
        kept = state.balances.get(self.team, {})
        for owner in sorted({*kept, *self.balances}):
            balance = kept.get(owner) or Balance()
            if (balance.balance, balance.turns) != (self.balances[owner], self.turns[owner]):
                self.faults.append(f"team {self.team}: {owner} does not stand as the ledger adds up")


async def sum_ledger(pool: Pool, workspace_id: int, team: str, state: State, slice_size: int) -> LedgerTotals:
    """Sum the entries up to the last one in `state`. Entries never change, so short transactions will do."""
    ledger, last = LedgerTotals(team), state.ledger.get(team, 0)
    while ledger.number < last:
        async with transaction(pool, workspace_id, read_only=True) as connection:
            rows = await list_ledger_entries(connection, workspace_id, team, ledger.number, slice_size, last)
            refunds = [row for row in rows if row.cause in REFUNDS]
            turns = await find_turns(connection, workspace_id, [row.assignment_id or "" for row in refunds])
        if not rows:
            ledger.expect(last + 1)
            break
        for row in rows:
            ledger.add(row)
        for row in refunds:
            ledger.add_refund(row, turns.get(row.assignment_id or ""))
    ledger.compare(state)
    return ledger
