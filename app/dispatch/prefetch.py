"""What a pass reads before it decides: for all its jobs at once, and what only some of them need."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from app.dispatch.jobs.base import Claim, Job, Reassign, Release, ReportEvent
from app.engine.model.accounts import AccountKey
from app.engine.model.directory import Directory
from app.intake.accounts import keys_of_lead
from app.store.connection.pool import Connection
from app.store.directory import accounts
from app.store.leads import current_leads
from app.store.leads.current_leads import CurrentLead
from app.store.path import facts
from app.store.path.facts import Prefetched
from app.store.path.snapshot import Snapshot, catch_up, read_snapshot


@dataclass(slots=True)
class ExtraFacts:
    """Facts that only some jobs need: leads by id, queues by name, and which lead an assignment is of."""

    leads: dict[str, CurrentLead] = field(default_factory=dict)
    queues: dict[tuple[str, str | None, str | None], list[CurrentLead]] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str]] = field(default_factory=dict)

    def decided_again(self, jobs: Sequence[Job]) -> Iterator[CurrentLead]:
        """The stored leads that these jobs may have decided again."""
        for job in jobs:
            if isinstance(job, (Reassign, Release)) and job.lead_id in self.leads:
                yield self.leads[job.lead_id]
        for waiting in self.queues.values():
            yield from waiting


async def read_facts(
    connection: Connection,
    workspace_id: int,
    memory: Snapshot | None,
    jobs: Sequence[Job],
    wants_accounts: bool,
) -> tuple[Prefetched, Snapshot]:
    """What all jobs need, in one statement: keys, known persons, accounts if wanted, and newer passes."""
    keys = _keys(jobs)
    identities = list({identity for job in jobs for identity in job.identities()})
    wanted = _account_keys(jobs) if wants_accounts else None
    since = memory.entry.number if memory is not None else None
    found = await facts.read(connection, workspace_id, since, keys, identities, wanted)
    snapshot = await catch_up(connection, workspace_id, memory, found.passes)
    if snapshot is None:
        return await read_snapshot(connection, workspace_id, keys, identities, wanted)
    return found, snapshot


async def read_extra(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], directory: Directory
) -> ExtraFacts:
    """What only some jobs need; nothing is asked where there are none of them."""
    extra = ExtraFacts()
    reports = [job.assignment_id for job in jobs if isinstance(job, ReportEvent)]
    if reports:
        extra.assignments = await current_leads.leads_of_assignments(connection, workspace_id, reports)
    wanted = {job.lead_id for job in jobs if isinstance(job, Reassign | Release)}
    wanted |= {lead_id for lead_id, _ in extra.assignments.values()}
    if wanted:
        extra.leads = await current_leads.find_leads(connection, workspace_id, sorted(wanted))
    claims = [job.looks_for() for job in jobs if isinstance(job, Claim)]
    for queue, lead_id, owner in set(claims):
        teams = directory.teams_of(owner) if owner else ()
        found = await current_leads.find_waiting(
            connection, workspace_id, queue, lead_id, len(claims), owner, teams
        )
        if not found and owner is not None:
            # Then he is told whether nothing waits at all, or only what he may not take.
            found = await current_leads.find_waiting(connection, workspace_id, queue, None, 1)
        extra.queues[queue, lead_id, owner] = found
    return extra


async def read_accounts(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], found: Prefetched, extra: ExtraFacts
) -> None:
    """The accounts of leads that had to be read first; and all of them, if nobody knew they were wanted."""
    keys = {key for lead in extra.decided_again(jobs) for key in keys_of_lead(lead.values)}
    if found.accounts is None:
        keys |= set(_account_keys(jobs))
    if keys or found.accounts is None:
        more = await accounts.find(connection, workspace_id, list(keys))
        found.accounts = more if found.accounts is None else found.accounts.joined(more)


def _keys(jobs: Iterable[Job]) -> list[str]:
    found = {text for job in jobs if job.key for text in (job.key.text, job.key.first) if text}
    return sorted(found)


def _account_keys(jobs: Iterable[Job]) -> list[AccountKey]:
    return list({key for job in jobs for key in job.account_keys()})
