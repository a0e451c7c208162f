"""A decision in a large team changes all of its balances, so the journal has the full state more often."""

import pytest

from app.store.path.current_state import read_current_state
from app.store.path.journal import LONG_CHANGES, LONG_CHANGES_EVERY
from tests.support.workspace import Workspace

FULL = "SELECT number FROM journal WHERE workspace_id = $1 AND full_state IS NOT NULL ORDER BY number"


@pytest.mark.parametrize("members", [3, LONG_CHANGES + 50])
async def test_full_state_is_written_sooner_where_changes_are_long(
    workspace: Workspace, members: int
) -> None:
    await workspace.team([1] * members)
    await workspace.publish()
    for number in range(2 * LONG_CHANGES_EVERY):
        await workspace.assign(email=f"lead{number}@acme.example")
    full = [row["number"] for row in await workspace.fetch(FULL)]
    assert bool(full) == (members > LONG_CHANGES)
    assert all(number % LONG_CHANGES_EVERY == 0 for number in full)
    now = await read_current_state(workspace.pool, workspace.workspace_id)
    turns = [balance.turns for balance in now.facts.state.balances["inbound"].values()]
    assert sum(turns) == 2 * LONG_CHANGES_EVERY
