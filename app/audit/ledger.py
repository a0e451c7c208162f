"""Sum up the ledger of a team entry by entry, and compare the result with the state in the journal."""

from collections import Counter
from dataclasses import dataclass, field

from app.engine.model.state import TURNS_OF_CAUSE, Balance, State
from app.store.connection.pool import Pool, transaction
from app.store.path.ledger import StoredLedgerEntry, list_ledger_entries


@dataclass(slots=True)
class LedgerTotals:
    """The sums of the entries read so far, and the faults found in them."""

    team: str
    read: int = 0
    number: int = 0
    balances: Counter[str] = field(default_factory=Counter)
    turns: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

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
        if not rows:
            ledger.expect(last + 1)
            break
        for row in rows:
            ledger.add(row)
    ledger.compare(state)
    return ledger
