"""How an edit of the directory changes balances, and which loads must be counted again."""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime

from app.engine.model.decision import LedgerEntry
from app.engine.model.directory import Caps, Directory, Owner, Team
from app.engine.model.state import State
from app.engine.selection.fair_share import spread_balance
from app.engine.selection.ramps import weight_at


def changed_teams(old: Directory, new: Directory) -> list[str]:
    """The teams whose members may have changed, or whose owners came or went, in order."""
    moved = old.owners.keys() ^ new.owners.keys() if old.owners is not new.owners else set()
    return [
        id_
        for id_ in sorted(old.teams.keys() | new.teams.keys())
        if old.teams.get(id_) is not new.teams.get(id_) or (moved and _has_any(new.teams[id_], moved))
    ]


def rebalance_entry(
    id_: str, old: Directory, new: Directory, state: State, now: datetime
) -> LedgerEntry | None:
    """The entry that gives the balances of those who left a team to the others, if anybody left it."""
    before = live_members(old.teams.get(id_), old.owners, now)
    after = live_members(new.teams.get(id_), new.owners, now)
    left = {owner: state.balance(id_, owner).balance for owner in before if owner not in after}
    stayed = {owner: weight for owner, weight in after.items() if owner in before}
    changes = {owner: -balance for owner, balance in left.items()}
    changes |= spread_balance(sum(left.values()), stayed)
    return LedgerEntry(id_, "rebalanced", None, changes) if any(changes.values()) else None


def members_who_joined(id_: str, old: Directory, new: Directory, now: datetime) -> list[str]:
    """The owners who begin to take turns in a team."""
    before = live_members(old.teams.get(id_), old.owners, now)
    return [owner for owner in live_members(new.teams.get(id_), new.owners, now) if owner not in before]


def loads_to_recount(old: Directory, new: Directory) -> Iterator[tuple[Owner, str | None, Caps | None]]:
    """Owners and team members whose load must be counted again."""
    moved: set[str] = set()
    for id_, owner in new.owners.items():
        before = old.owners.get(id_)
        if before is owner:
            continue
        if before is None or (before.zone, before.caps) != (owner.zone, owner.caps):
            moved.add(id_)
            yield owner, None, owner.caps
    for id_, team in new.teams.items():
        known = old.teams.get(id_)
        if known is team and not moved:
            continue
        caps = {member.owner: member.caps for member in known.members if member.caps} if known else {}
        for member in team.members:
            if member.caps is None or member.owner not in new.owners:
                continue
            if member.owner in moved or caps.get(member.owner) != member.caps:
                yield new.owners[member.owner], id_, member.caps


def _has_any(team: Team, owners: Set[str]) -> bool:
    return any(member.owner in owners for member in team.members)


def live_members(team: Team | None, owners: Mapping[str, Owner], now: datetime) -> dict[str, int]:
    """The members who take turns, with their weights at `now`."""
    return {
        member.owner: weight_at(member, owners[member.owner].zone, now)
        for member in (team.members if team else ())
        if member.weight and member.owner in owners
    }
