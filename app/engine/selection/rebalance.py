"""How an edit of the directory changes balances, and which loads must be counted again."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.engine.model.decision import LedgerEntry
from app.engine.model.directory import Caps, Directory, Owner, Team
from app.engine.model.state import State
from app.engine.selection.fair_share import spread_balance
from app.engine.selection.ramps import weight_at


def rebalance_entries(old: Directory, new: Directory, state: State, now: datetime) -> Iterator[LedgerEntry]:
    """For each team that members left: one entry that gives their balances to the others."""
    for id_ in sorted(old.teams):
        before = live_members(old.teams[id_], old.owners, now)
        after = live_members(new.teams.get(id_), new.owners, now)
        left = {owner: state.balance(id_, owner).balance for owner in before if owner not in after}
        stayed = {owner: weight for owner, weight in after.items() if owner in before}
        changes = {owner: -balance for owner, balance in left.items()}
        changes |= spread_balance(sum(left.values()), stayed)
        if any(changes.values()):
            yield LedgerEntry(id_, "rebalanced", None, changes)


def members_who_joined(old: Directory, new: Directory, now: datetime) -> Iterator[tuple[str, str]]:
    """Each team and owner where the owner begins to take turns."""
    for id_, team in sorted(new.teams.items()):
        before = live_members(old.teams.get(id_), old.owners, now)
        for owner in live_members(team, new.owners, now):
            if owner not in before:
                yield id_, owner


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
        caps = {member.owner: member.caps for member in known.members} if known else {}
        for member in team.members:
            changed = member.owner in moved or caps.get(member.owner) != member.caps
            if member.caps is not None and changed and member.owner in new.owners:
                yield new.owners[member.owner], id_, member.caps


def live_members(team: Team | None, owners: Mapping[str, Owner], now: datetime) -> dict[str, int]:
    """The members who take turns, with their weights at `now`."""
    return {
        member.owner: weight_at(member, owners[member.owner].zone, now)
        for member in (team.members if team else ())
        if member.weight and member.owner in owners
    }
