"""The books at one moment, and what in them does not add up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.model.directory import Directory, Member, Owner
from app.engine.model.state import State
from app.store.connection.pool import Limits, Pool, transaction
from app.store.directory.history import read_directory_at
from app.store.leads import lead_counts
from app.store.leads.lead_counts import LeadCounts
from app.store.path.snapshot import read_directory as directory_now
from app.store.path.snapshot import read_snapshot

LIMITS = Limits(statement=30_000)
"""Counting a million open leads takes longer than anything a visitor waits for."""


@dataclass(frozen=True, slots=True)
class BooksSnapshot:
    """What a single snapshot shows: the journal's state, and the same counted in the books."""

    decision_number: int
    state: State
    directory: Directory
    logged: Directory
    counts: LeadCounts
    open_places: dict[tuple[str, str | None], int]


async def read_books(pool: Pool, workspace_id: int) -> BooksSnapshot:
    """One snapshot of what goes on changing."""
    async with transaction(pool, workspace_id, read_only=True, limits=LIMITS) as connection:
        _, snapshot = await read_snapshot(connection, workspace_id)
        version = snapshot.entry.directory_version
        return BooksSnapshot(
            decision_number=snapshot.entry.decision_number,
            state=snapshot.state,
            directory=await directory_now(connection, workspace_id, version),
            logged=await read_directory_at(connection, workspace_id, version),
            counts=await lead_counts.count_leads(connection, workspace_id),
            open_places=await lead_counts.count_open_assignments(connection, workspace_id),
        )


def broken_invariants(at: BooksSnapshot) -> list[str]:
    """What does not add up in the snapshot, as sentences."""
    faults = []
    if at.counts.difference:
        faults.append(f"conservation: {at.counts.difference} leads came and are in no state")
    for resource_type, now, logged in (
        ("owner", at.directory.owners, at.logged.owners),
        ("team", at.directory.teams, at.logged.teams),
        ("calendar", at.directory.calendars, at.logged.calendars),
        ("table", at.directory.tables, at.logged.tables),
    ):
        differing = [id_ for id_ in sorted({*now, *logged}) if now.get(id_) != logged.get(id_)]
        faults += [f"{resource_type} {id_}: the record is not what the log says" for id_ in differing]
    return [*faults, *_faults_of_loads(at), *_faults_of_places(at), *_faults_of_balances(at)]


def _faults_of_loads(at: BooksSnapshot) -> list[str]:
    """Open places as the state holds them, against assignments that are open."""
    by_owner: Counter[str] = Counter()
    for (owner, _), count in at.open_places.items():
        by_owner[owner] += count
    faults = []
    for owner in sorted(at.directory.owners):
        held, booked = at.state.load(owner).open, by_owner[owner]
        if held != booked:
            faults.append(f"owner {owner}: {held} open by the journal, {booked} by the books")
    return faults


def _faults_of_places(at: BooksSnapshot) -> list[str]:
    """The same for members who have caps of their own; of others no such load is kept."""
    faults = []
    for team in sorted(at.directory.teams):
        for member in at.directory.teams[team].members:
            if member.caps is None or member.owner not in at.directory.owners:
                continue
            held = at.state.member_load(team, member.owner).open
            booked = at.open_places.get((member.owner, team), 0)
            if held != booked:
                faults.append(
                    f"{member.owner} in team {team}: {held} open by the journal, {booked} by the books"
                )
    return faults


def _faults_of_balances(at: BooksSnapshot) -> list[str]:
    """Balances of those who take turns sum to zero; nobody else has one."""
    faults = []
    for team, kept in sorted(at.state.balances.items()):
        members = at.directory.teams[team].members if team in at.directory.teams else ()
        live = {member.owner for member in members if _takes_turns(member, at.directory.owners)}
        total = sum(standing.balance for owner, standing in kept.items() if owner in live)
        if total:
            faults.append(f"team {team}: the balances of its members sum to {total}")
        gone = sorted(owner for owner, standing in kept.items() if standing.balance and owner not in live)
        faults += [f"team {team}: {owner} takes no turns and has a balance" for owner in gone]
    return faults


def _takes_turns(member: Member, owners: Mapping[str, Owner]) -> bool:
    return bool(member.weight) and member.owner in owners
