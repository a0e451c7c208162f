"""Which assignments are moves, by lives told in a few letters."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.reports.moves import moves_of

START = datetime(2099, 12, 1, 9, tzinfo=UTC)


@dataclass
class Placed:
    """One assignment."""

    owner_id: str | None
    cause: str
    decided_at: datetime
    ended_at: datetime | None = None
    end_cause: str | None = None


CAUSES = {
    "": "assign",
    "!": "take_away",
    "c": "cover",
    "r": "return",
    "h": "handoff",
    "q": "claim",
    "k": "handoff",
    "x": "assign",
}
"""How the next one got it. `k` keeps the former owner, and `x` closed the lead before."""


def life(told: str, *, standing_still: bool) -> list[Placed]:
    """A life such as `A !B rA`: the owners in order, each with how they got the lead; `-` is a queue."""
    placed: list[Placed] = []
    for number, word in enumerate(told.split()):
        how, owner = word[:-1], word[-1]
        at = START if standing_still else START + timedelta(hours=number)
        if placed and how != "k":
            placed[-1].ended_at, placed[-1].end_cause = at, "closed" if how == "x" else "superseded"
        placed.append(Placed(None if owner == "-" else owner, CAUSES[how], at))
    return placed


@pytest.mark.parametrize("standing_still", [True, False])
@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        ("A", "first"),
        ("A !B", "first move"),
        ("A !B !A", "first move back"),
        ("A cB rA", "first cover return"),
        ("A cB !C", "first cover move"),
        ("A cB !B", "first cover kept"),
        ("A cB cC rA !B", "first cover cover return back"),
        ("- qA", "none claim"),
        ("A !B !C !A", "first move move back"),
        ("A - !B", "first none move"),
        ("A - qB", "first none claim"),
        ("A - !A", "first none kept"),
        ("A !A", "first kept"),
        ("A hB", "first handoff"),
        ("A hB !A", "first handoff back"),
        ("A kB !C", "first handoff move"),
        ("A xB", "first first"),
        ("A xB !A", "first first move"),
        ("A xA", "first first"),
        ("A !B xA !B", "first move first move"),
        ("A - xB", "first none first"),
        ("A x- !B", "first none first"),
        ("- -", "none none"),
    ],
)
def test_life_has_these_moves(told: str, kinds: str, standing_still: bool) -> None:
    moves = moves_of(life(told, standing_still=standing_still))
    found = ["none" if each is None else "back" if each.comes_back else each.kind for each in moves]
    assert found == kinds.split()


def test_move_names_the_owner_who_lost_the_lead() -> None:
    moves = moves_of(life("A !B cC rB !A", standing_still=False))
    assert [each.previous if each else None for each in moves] == [None, "A", "B", "C", "B"]
