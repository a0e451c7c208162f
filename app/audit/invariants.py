"""Check the invariants of the stored data at one moment."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.model.directory import Directory, Member, Owner
from app.engine.model.state import State
from app.store.connection.pool import Limits, Pool, transaction
from app.store.directory.history import read_directory_at
from app.store.leads import lead_counts
from app.store.leads.lead_counts import LeadCounts
from app.store.life import sla_clocks
from app.store.path.snapshot import read_directory as directory_now
from app.store.path.snapshot import read_snapshot
from app.store.privacy import retention

LIMITS = Limits(statement=30_000)
"""Counting a million open leads takes longer than any statement a caller waits for."""


@dataclass(frozen=True, slots=True)
class DataSnapshot:
    """One snapshot of the data: the state in the journal, and the same counted from the assignments.

    `refunded` are the assignments that took a turn and got it back.
    """

    decision_number: int
    state: State
    directory: Directory
    logged: Directory
    counts: LeadCounts
    kept: Mapping[str, int]
    open_places: dict[tuple[str, str | None], int]
    refunded: frozenset[str]
    stray_clocks: int = 0
    deleted_decisions: int = 0


async def read_data_snapshot(pool: Pool, workspace_id: int) -> DataSnapshot:
    """Read everything that may change in one snapshot."""
    async with transaction(pool, workspace_id, read_only=True, limits=LIMITS) as connection:
        _, snapshot = await read_snapshot(connection, workspace_id)
        version = snapshot.entry.directory_version
        run = await retention.find_run(connection, workspace_id)
        return DataSnapshot(
            decision_number=snapshot.entry.decision_number,
            state=snapshot.state,
            directory=await directory_now(connection, workspace_id, version),
            logged=await read_directory_at(connection, workspace_id, version),
            counts=await lead_counts.count_leads(connection, workspace_id),
            kept=(await lead_counts.read_kept_counts(connection, workspace_id)).leads.by_state,
            open_places=await lead_counts.count_open_assignments(connection, workspace_id),
            refunded=await lead_counts.find_refunded_turns(connection, workspace_id),
            deleted_decisions=run.decisions if run is not None else 0,
            stray_clocks=await sla_clocks.count_stray_clocks(connection, workspace_id),
        )


def _shown(by_state: Mapping[str, int]) -> dict[str, int]:
    return {state: leads for state, leads in by_state.items() if leads}


def broken_invariants(at: DataSnapshot) -> list[str]:
    """The broken invariants, as sentences that hold ids and no other personal data."""
    faults = []
    if at.counts.difference:
        faults.append(f"unaccounted leads: {at.counts.difference} were received and have no state")
    if _shown(at.kept) != _shown(at.counts.by_state):
        faults.append("leads by state: the counts that metrics show differ from the leads")
    if at.stray_clocks:
        faults.append(f"clocks: {at.stray_clocks} run for assignments that have ended")
    for resource_type, now, logged in (
        ("owner", at.directory.owners, at.logged.owners),
        ("team", at.directory.teams, at.logged.teams),
        ("calendar", at.directory.calendars, at.logged.calendars),
        ("table", at.directory.tables, at.logged.tables),
    ):
        differing = [id_ for id_ in sorted({*now, *logged}) if now.get(id_) != logged.get(id_)]
        faults += [f"{resource_type} {id_}: the record differs from the change log" for id_ in differing]
    return [*faults, *_faults_of_loads(at), *_faults_of_places(at), *_faults_of_balances(at)]


def _faults_of_loads(at: DataSnapshot) -> list[str]:
    """Compare the open leads of each owner in the state with their open assignments."""
    by_owner: Counter[str] = Counter()
    for (owner, _), count in at.open_places.items():
        by_owner[owner] += count
    faults = []
    for owner in sorted(at.directory.owners):
        held, counted = at.state.load(owner).open, by_owner[owner]
        if held != counted:
            faults.append(f"owner {owner}: {held} open by the journal, {counted} by the assignments")
    return faults


def _faults_of_places(at: DataSnapshot) -> list[str]:
    """The same for members with caps of their own. No load is kept for other members."""
    faults = []
    for team in sorted(at.directory.teams):
        for member in at.directory.teams[team].members:
            if member.caps is None or member.owner not in at.directory.owners:
                continue
            held = at.state.member_load(team, member.owner).open
            counted = at.open_places.get((member.owner, team), 0)
            if held != counted:
                faults.append(
                    f"{member.owner} in team {team}: {held} open by the journal, {counted} by the assignments"
                )
    return faults


def _faults_of_balances(at: DataSnapshot) -> list[str]:
    """The balances of members who take turns sum to zero. Other members have none."""
    faults = []
    for team, kept in sorted(at.state.balances.items()):
        members = at.directory.teams[team].members if team in at.directory.teams else ()
        live = {member.owner for member in members if _takes_turns(member, at.directory.owners)}
        total = sum(balance.balance for owner, balance in kept.items() if owner in live)
        if total:
            faults.append(f"team {team}: the balances of its members sum to {total}")
        gone = sorted(owner for owner, balance in kept.items() if balance.balance and owner not in live)
        faults += [f"team {team}: {owner} takes no turns and has a balance" for owner in gone]
    return faults


def _takes_turns(member: Member, owners: Mapping[str, Owner]) -> bool:
    return bool(member.weight) and member.owner in owners
