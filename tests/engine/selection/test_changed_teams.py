"""An edit looks only at the teams that it may have changed: there can be a thousand."""

from dataclasses import replace

import pytest

from app.engine.model.directory import Caps, Directory, Member, Owner, Team
from app.engine.selection.rebalance import changed_teams, loads_to_recount

OWNERS = {name: Owner(name, name) for name in ("ana", "ben", "cem")}
CAPPED = Member("ana", caps=Caps(open=2))
TEAMS = {
    "first": Team("first", "First", (CAPPED, Member("ben"))),
    "second": Team("second", "Second", (Member("ben"), Member("cem"))),
    "third": Team("third", "Third", (Member("cem"),)),
}
BEFORE = Directory(1, OWNERS, TEAMS)


@pytest.mark.parametrize(
    ("owners", "teams", "changed"),
    [
        (OWNERS, TEAMS, []),
        (OWNERS, TEAMS | {"third": Team("third", "Third", (Member("ana"),))}, ["third"]),
        (OWNERS, {name: team for name, team in TEAMS.items() if name != "first"}, ["first"]),
        (OWNERS, TEAMS | {"fourth": Team("fourth", "Fourth", ())}, ["fourth"]),
        ({name: each for name, each in OWNERS.items() if name != "ben"}, TEAMS, ["first", "second"]),
        (OWNERS | {"ana": Owner("ana", "Ana")}, TEAMS, []),
    ],
    ids=["nothing", "members", "removed", "created", "owner-gone", "owner-renamed"],
)
def test_only_teams_whose_members_may_have_changed_are_looked_at(
    owners: dict[str, Owner], teams: dict[str, Team], changed: list[str]
) -> None:
    assert changed_teams(BEFORE, Directory(2, owners, teams)) == changed


def test_loads_of_owners_with_new_caps_and_of_members_with_caps_of_their_own_are_counted_again() -> None:
    def recounted(owners: dict[str, Owner], teams: dict[str, Team]) -> list[tuple[str, str | None]]:
        found = loads_to_recount(BEFORE, Directory(2, owners, teams))
        return [(owner.id, team) for owner, team, _ in found]

    capped = OWNERS | {"ana": replace(OWNERS["ana"], caps=Caps(open=5))}
    assert recounted(OWNERS, TEAMS) == []
    assert recounted(capped, TEAMS) == [("ana", None), ("ana", "first")]
    fewer = replace(TEAMS["first"], members=(replace(CAPPED, caps=Caps(open=1)), Member("ben")))
    assert recounted(OWNERS, TEAMS | {"first": fewer}) == [("ana", "first")]


def test_first_membership_of_an_owner_counts_and_strangers_have_none() -> None:
    twice = Team("twice", "Twice", (Member("ana", weight=1), Member("ana", weight=2)))
    assert twice.member("ana") == Member("ana", weight=1)
    assert twice.member("ben") is None
    assert BEFORE.teams_of("ben") == ["first", "second"]
