"""The state of a large workspace is read and written in short steps."""

import orjson
import pytest

from app.engine.model.state import Balance, Load, State
from app.engine.model.steps import ITEMS_OF_STEP, at_once

LARGE = {f"large-{team}": 3 * ITEMS_OF_STEP for team in range(2)}
SMALL = {f"small-{team}": 20 for team in range(30)}


def _state() -> State:
    teams = {
        team: {f"{team}-{owner}": Balance(owner, 1) for owner in range(members)}
        for team, members in (LARGE | SMALL).items()
    }
    owners = [owner for members in teams.values() for owner in members]
    loads = {owner: Load(open=number) for number, owner in enumerate(owners)}
    return State(teams, loads, {"large-0": dict(loads)}, dict.fromkeys(teams, 3))


def test_state_is_applied_in_short_steps() -> None:
    whole, read = _state(), State()
    before = 0
    for _ in read.apply_in_steps(orjson.loads(orjson.dumps(whole.to_json()))):
        assert read.size() - before <= ITEMS_OF_STEP
        before = read.size()
    assert (read.balances, read.loads, read.member_loads) == (
        whole.balances,
        whole.loads,
        whole.member_loads,
    )


@pytest.mark.parametrize("part", ["balances", "loads", "member_loads"])
def test_state_is_written_in_steps(part: str) -> None:
    whole = _state()
    only = State(**{part: getattr(whole, part)})
    steps = sum(1 for _ in only.to_json_in_steps())
    assert steps >= only.size() // ITEMS_OF_STEP
    assert at_once(only.to_json_in_steps()) == only.to_json()


def test_state_is_freed_in_steps() -> None:
    state = _state()
    before = state.size()
    assert sum(1 for _ in state.emptied_in_steps()) >= before // ITEMS_OF_STEP
    assert state.size() == 0
