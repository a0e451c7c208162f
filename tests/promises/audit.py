"""The invariants of the stored data of a workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from app.engine.model.state import State
from app.store.connection.pool import transaction
from app.store.path import facts
from app.store.path.snapshot import catch_up
from tests.support.factories import TEAM
from tests.support.workspace import Workspace

DECISIONS = """
SELECT decision_number, decided_at, plan_version, owner_id, outcome, open, counts_toward_load,
       existing_kind, lead_id
  FROM assignments WHERE workspace_id = $1 ORDER BY decision_number
"""
TURNS = """
SELECT team_id, number, cause, chosen, assignment_id, owners, amounts
  FROM ledger_entries WHERE workspace_id = $1 ORDER BY team_id, number
"""
DOUBLED = """
SELECT assignment_id FROM ledger_entries WHERE workspace_id = $1 AND assignment_id IS NOT NULL
 GROUP BY assignment_id HAVING count(*) > 1
"""
KEPT = """
SELECT (SELECT count(*) FROM leads WHERE workspace_id = $1)
     + (SELECT count(*) FROM failed_leads WHERE workspace_id = $1) AS kept
"""


@dataclass(frozen=True)
class Books:
    """How many decisions and passes there are, and the chosen of each turn of a team in ledger order."""

    decisions: int
    passes: int
    state: State
    chosen: Mapping[str, Sequence[str]]
    received: int

    def shares(self, team: str = TEAM) -> dict[str, int]:
        """How often each was chosen."""
        chosen = self.chosen.get(team, ())
        return {owner: chosen.count(owner) for owner in sorted(set(chosen))}


async def audit(world: Workspace, *, steps_back: int = 0) -> Books:
    """Check all stored data. Returns what the test compares.

    `steps_back` is how often the clock went back by more than a few minutes.
    """
    decisions = await world.fetch(DECISIONS)
    assert [row["decision_number"] for row in decisions] == list(range(1, len(decisions) + 1))
    times = [row["decided_at"] for row in decisions]
    assert sum(later < earlier for earlier, later in pairwise(times)) == steps_back
    assert await world.fetch(DOUBLED) == []
    async with transaction(world.pool, world.workspace_id, read_only=True) as connection:
        found = await facts.read_facts(connection, world.workspace_id, None, [], [])
        snapshot = await catch_up(connection, world.workspace_id, None, found.entries)
    assert snapshot is not None
    entry, state = snapshot.entry, snapshot.state
    assert entry.decision_number == len(decisions)
    (kept,) = await world.fetch(KEPT)
    assert entry.received - entry.matched - kept["kept"] == 0
    chosen = _check_ledger(await world.fetch(TURNS), state)
    _check_loads(decisions, state)
    return Books(len(decisions), entry.number, state, chosen, entry.received)


def _check_ledger(turns: Sequence[Mapping[str, object]], state: State) -> dict[str, list[str]]:
    """The ledger has no gap, and adds up to the balances that the next decision would be made from."""
    chosen: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    again = State()
    for row in turns:
        team, owners, amounts = str(row["team_id"]), row["owners"], row["amounts"]
        assert isinstance(owners, list)
        assert isinstance(amounts, list)
        assert sum(amounts) == 0
        assert row["number"] == numbers.get(team, 0) + 1
        numbers[team] = numbers.get(team, 0) + 1
        for owner, amount in zip(owners, amounts, strict=True):
            standing = again.balance(team, owner)
            standing.balance += amount
            again.balances.setdefault(team, {})[owner] = standing
        if row["cause"] == "turn":
            chosen.setdefault(team, []).append(str(row["chosen"]))
    assert numbers == state.ledger
    for team, members in state.balances.items():
        assert sum(standing.balance for standing in members.values()) == 0
        for owner, standing in members.items():
            assert standing.balance == again.balance(team, owner).balance
            assert standing.turns == chosen.get(team, []).count(owner)
    return chosen


def _check_loads(decisions: Sequence[Mapping[str, object]], state: State) -> None:
    """The loads in memory equal the stored ones."""
    still_open: dict[str, int] = {}
    for row in decisions:
        if row["open"] and row["owner_id"]:
            owner = str(row["owner_id"])
            still_open[owner] = still_open.get(owner, 0) + 1
    assert {owner: load.open for owner, load in state.loads.items() if load.open} == still_open


def deviation(chosen: Sequence[str], weights: Mapping[str, int]) -> Fraction:
    """The largest distance of any member from their fair share, over every prefix."""
    total = sum(weights.values())
    counts = dict.fromkeys(weights, 0)
    largest = Fraction(0)
    for length, owner in enumerate(chosen, 1):
        counts[owner] += 1
        away = max(abs(counts[one] * total - length * weight) for one, weight in weights.items())
        largest = max(largest, Fraction(away, total))
    return largest
