"""What a commit group reads before it decides: the facts of all its jobs at once, and what only some need."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from app.dispatch import crm_books
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job
from app.dispatch.stored_leads import StoredLeads
from app.engine.compile.plan import Plan, SameCompanyTerms
from app.engine.followup.contact import Contacted
from app.engine.model.accounts import AccountKey
from app.engine.model.directory import Directory
from app.engine.model.junk import JunkRules
from app.engine.model.lead_keys import LeadKey
from app.engine.model.state import Facts
from app.engine.selection.free_members import has_free_member
from app.intake.account_match import with_names
from app.intake.accounts import keys_of_lead
from app.intake.companies import company_domain
from app.intake.probable_persons import person_key
from app.intake.suppressions import suppression_keys
from app.store.connection.pool import Connection
from app.store.directory import accounts
from app.store.leads import bulk_jobs, companies, current_leads, histories, merges
from app.store.leads.current_leads import CurrentLead
from app.store.leads.waiting import count_backlogs, find_untouched_claims
from app.store.life import events
from app.store.life.preferences import (
    find_answered_actions,
    find_contacts,
    find_leads_of_address,
    is_new_plan,
)
from app.store.life.suppressions import find_suppressed
from app.store.path import arrivals, facts
from app.store.path.arrivals import Subject
from app.store.path.facts import Prefetched
from app.store.path.snapshot import Snapshot, catch_up, read_snapshot
from app.store.privacy.held_data import find_person

MAX_RELEASED = 20
"""The most waiting leads of a queue that one commit group decides before new ones."""
MAX_WAITING = 4096
"""The most leads of a queue that are read for one that the claiming owner may have."""


async def read_facts(
    connection: Connection,
    workspace_id: int,
    known: Snapshot | None,
    jobs: Sequence[Job],
    wants_accounts: bool,
    names: bool = False,
) -> tuple[Prefetched, Snapshot]:
    """In one statement: stored replies, returning leads, accounts if wanted, and newer journal entries.

    With `names` leads are also looked up by the names of people at their companies.
    """
    keys = _reply_keys(jobs)
    identities = {identity for job in jobs for identity in job.identities()}
    if names:
        identities |= _person_keys(jobs)
    account_keys = _account_keys(jobs) if wants_accounts else None
    suppressions = list({each for job in jobs for each in job.suppression_keys()})
    since = known.entry.number if known is not None else None
    wanted = (keys, list(identities), account_keys, suppressions)
    found = await facts.read_facts(connection, workspace_id, since, *wanted)
    snapshot = await catch_up(connection, workspace_id, known, found.entries)
    if snapshot is None:
        return await read_snapshot(connection, workspace_id, *wanted)
    return found, snapshot


async def read_leads(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], directory: Directory, found: Prefetched
) -> StoredLeads:
    """The stored leads that these jobs ask for."""
    stored = StoredLeads()
    assignment_ids = [id_ for job in jobs for id_ in job.assignment_ids()]
    if assignment_ids:
        stored.assignments = await current_leads.find_leads_of_assignments(
            connection, workspace_id, assignment_ids
        )
    lead_ids = {id_ for job in jobs for id_ in job.lead_ids()}
    lead_ids |= {lead_id for lead_id, _ in stored.assignments.values()}
    changes = [change for job in jobs for change in job.crm_changes()]
    lead_ids |= await crm_books.read_records(connection, workspace_id, changes, stored)
    lead_ids |= await _read_merges(connection, workspace_id, jobs, stored)
    tracking = [job for job in jobs if job.wants_history()]
    if tracking:
        keys = {key for job in tracking for key in job.identities()}
        lead_ids |= {lead_id for key in keys for lead_id in found.matches.get(key, ())}
    if lead_ids:
        stored.leads = await current_leads.find_leads(connection, workspace_id, sorted(lead_ids))
    if lead_ids and any(job.withdraws() for job in jobs):
        await _read_same_address(connection, workspace_id, stored)
    await _read_persons(connection, workspace_id, jobs, stored)
    if tracking and lead_ids:
        lead_ids |= set(stored.survivors.values())
        stored.histories = await histories.find_histories(connection, workspace_id, sorted(lead_ids))
    await crm_books.read_more(connection, workspace_id, lead_ids, changes, stored)
    event_ids = sorted({id_ for job in jobs for id_ in job.event_ids()})
    if event_ids:
        stored.events = await events.find_earlier_events(connection, workspace_id, event_ids)
    refs = sorted({ref for job in jobs for ref in job.deal_refs()})
    if refs and stored.histories:
        stored.deals = await events.find_deals(connection, workspace_id, list(stored.histories), refs)
    await _read_bulk_jobs(connection, workspace_id, jobs, stored)
    lookups = [lookup for job in jobs for lookup in job.queue_lookups()]
    claimants = {claim[0] for job in jobs if (claim := job.claimant()) is not None}
    for lookup in set(lookups):
        queue, lead_id, owner = lookup
        teams = directory.teams_of(owner) if owner else ()
        find = partial(
            current_leads.find_waiting_leads,
            connection,
            workspace_id,
            queue,
            lead_id,
            owner=owner,
            teams=teams,
        )
        waiting = await _enough_for(claimants, len(lookups), find)
        if not waiting and owner is not None:
            # The error then says whether the queue is empty, or holds only leads for other owners.
            waiting = await current_leads.find_waiting_leads(connection, workspace_id, queue, None, 1)
        stored.queues[lookup] = waiting
    return stored


async def _read_merges(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], stored: StoredLeads
) -> set[str]:
    """Add the merges that are undone. Returns their leads."""
    ids = sorted({id_ for job in jobs for id_ in job.merge_ids()})
    if ids:
        stored.merges = await merges.find_merges(connection, workspace_id, ids)
    return {id_ for each in stored.merges.values() for id_ in (each.lead_id, each.survivor_id)}


async def _read_persons(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], stored: StoredLeads
) -> None:
    """Add the leads that were merged with those of jobs that ask, and what remains of merged leads."""
    for id_ in {id_ for job in jobs if job.wants_person() for id_ in job.lead_ids()}:
        stored.people[id_] = await find_person(connection, workspace_id, id_)
    gone = [id_ for id_, lead in stored.leads.items() if lead.prior.state == "merged"]
    if gone:
        stored.survivors = await merges.find_survivors(connection, workspace_id, gone)
        more = set(stored.survivors.values()) - stored.leads.keys()
        stored.leads |= await current_leads.find_leads(connection, workspace_id, sorted(more))


async def _read_same_address(connection: Connection, workspace_id: int, stored: StoredLeads) -> None:
    """Add the leads that share an address with those that were read: newer ones of the same person."""
    addresses = {
        id_: key.value
        for id_, lead in stored.leads.items()
        for key in suppression_keys(lead.values)
        if key.kind == "email"
    }
    found = await find_leads_of_address(connection, workspace_id, set(addresses.values()))
    stored.same_address = {
        id_: [other for other in found.get(address, ()) if other != id_] for id_, address in addresses.items()
    }
    more = {other for each in stored.same_address.values() for other in each} - stored.leads.keys()
    if more:
        stored.leads |= await current_leads.find_leads(connection, workspace_id, sorted(more))


async def read_companies(
    connection: Connection,
    workspace_id: int,
    jobs: Sequence[Job],
    terms: SameCompanyTerms,
    stored: StoredLeads,
) -> None:
    """Add the companies of arriving and released leads, and their leads that wait."""
    values: list[Mapping[str, Any]] = []
    values += [lead.values for job in jobs if (lead := job.arriving()) is not None]
    released = {id_ for job in jobs if job.releases() for id_ in job.lead_ids()}
    values += [stored.leads[id_].values for id_ in released if id_ in stored.leads]
    found = {company_domain(each, education=terms.education) for each in values}
    domains = sorted(domain for domain in found if domain is not None)
    if domains:
        stored.companies = await companies.find_companies(connection, workspace_id, domains)
    colleagues = [each for company in stored.companies.values() for each in company.colleagues]
    waiting = {each.lead_id for each in colleagues if each.state == "queued"} - stored.leads.keys()
    if waiting:
        stored.leads |= await current_leads.find_leads(connection, workspace_id, sorted(waiting))


async def read_contacts(
    connection: Connection,
    workspace_id: int,
    jobs: Sequence[Job],
    leads: Mapping[str, CurrentLead],
    session: DecisionSession,
) -> None:
    """Note what persons allow, whether lists have them, and if something asks for it, earlier contacts.

    `leads` are those that were read, beside the returning ones. Of a new lead nothing is known.
    """
    found, stored, work = session.found, session.stored, session.work
    known = {id_: each.preferences for id_, each in leads.items()}
    known |= {id_: each.preferences for id_, each in found.known.items()}
    work.preferences |= {id_: each for id_, each in known.items() if each is not None}
    if not known:
        return
    if session.plan.may_contact:
        await _read_entries(connection, workspace_id, jobs, found, leads.values())
    counted = known if session.plan.contact.caps else {}
    for id_ in {id_ for job in jobs if (id_ := job.begins_to_count()) is not None}:
        person = stored.people.get(id_, [id_])
        answered = await find_answered_actions(connection, workspace_id, person, work.now)
        session.answered[id_] = [(at, action) for _, at, action in answered]
    ids = counted.keys() | {id_ for id_, each in work.preferences.items() if each.caps}
    if ids:
        contacts = await find_contacts(connection, workspace_id, ids, work.now)
        work.contacts |= {id_: list(each.values()) for id_, each in contacts.items()}
        if counted:
            await _count_earlier(connection, workspace_id, session, counted.keys(), contacts)


async def _count_earlier(
    connection: Connection,
    workspace_id: int,
    session: DecisionSession,
    lead_ids: Collection[str],
    contacts: Mapping[str, Mapping[str, Contacted]],
) -> None:
    """Count what contacted persons before the plan had caps, as long as one of its caps looks back so far."""
    plan, work = session.plan, session.work
    longest = timedelta(days=max(cap.days for cap in plan.contact.caps))
    if not await is_new_plan(connection, workspace_id, plan.version, longest):
        return
    for lead_id, at, action in await find_answered_actions(
        connection, workspace_id, sorted(lead_ids), work.now
    ):
        channel = plan.follow_up.channel_of(action["type"], action["params"])
        if channel is not None and action["id"] not in contacts.get(lead_id, {}):
            work.count_contact(lead_id, at, action["id"], channel)


async def _read_entries(
    connection: Connection,
    workspace_id: int,
    jobs: Sequence[Job],
    found: Prefetched,
    current: Iterable[CurrentLead],
) -> None:
    """Add the entries of suppression lists about stored leads. A returning lead usually brings its own."""
    values = [*(lead.values for lead in current), *(lead.values for lead in found.known.values())]
    keys = {key for each in values for key in suppression_keys(each)}
    keys.difference_update(*(job.suppression_keys() for job in jobs))
    found.suppressed |= await find_suppressed(connection, workspace_id, keys)


async def _read_bulk_jobs(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], stored: StoredLeads
) -> None:
    """Add the bulk jobs that still run, and the results of those that may be done."""
    ids = sorted({id_ for job in jobs for id_ in job.bulk_job_ids()})
    if ids:
        states = await bulk_jobs.find_states(connection, workspace_id, ids)
        stored.running_jobs = frozenset(id_ for id_, state in states.items() if state == "running")
    for id_ in sorted({id_ for job in jobs for id_ in job.tallied_job_ids()}):
        tally = await bulk_jobs.find_tally(connection, workspace_id, id_)
        if tally is not None:
            stored.tallies[id_] = tally


async def _enough_for(
    claimants: Collection[str], wanted: int, find: Callable[[int], Awaitable[list[CurrentLead]]]
) -> list[CurrentLead]:
    """The first leads of a queue: of those that each claimant may have, as many as are wanted."""
    limit = wanted
    while True:
        waiting = await find(limit)
        fewest = min(
            (sum(id_ not in each.prior.barred for each in waiting) for id_ in claimants), default=wanted
        )
        if len(waiting) < limit or fewest >= wanted or limit >= MAX_WAITING:
            return waiting
        limit = min(MAX_WAITING, limit * 4)


async def read_waiting_first(
    connection: Connection,
    workspace_id: int,
    jobs: Sequence[Job],
    plan: Plan,
    facts: Facts,
    stored: StoredLeads,
) -> None:
    """Add the waiting leads that go before new ones, if somebody can take them or soon may.

    Plugins are not asked about them here; where a plan has plugins, only the worker releases leads.
    """
    if plan.plugin_steps or not any(job.follows_waiting() for job in jobs):
        return
    freed = any(job.frees_owners() for job in jobs)
    for queue in plan.releasing_queues:
        if freed or has_free_member(plan.terms_of(queue).claimable_by or "", facts):
            waiting = await current_leads.find_waiting_leads(
                connection, workspace_id, queue, None, MAX_RELEASED
            )
            if waiting:
                stored.first_waiting[queue] = waiting


async def read_backlogs(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], plan: Plan, stored: StoredLeads
) -> None:
    """Add how many leads wait for the teams whose leads are released."""
    queues = {queue: plan.terms_of(queue).claimable_by or "" for queue in plan.releasing_queues}
    teams = {queues[queue] for queue in stored.first_waiting}
    ids = [id_ for job in jobs if job.releases() for id_ in job.lead_ids()]
    for prior in (stored.leads[id_].prior for id_ in ids if id_ in stored.leads):
        team = prior.held_for_team or queues.get(prior.queue or "")
        teams |= {team} if team else set()
    if teams:
        pairs = [(team, queue) for queue, team in queues.items() if team in teams]
        stored.backlogs = await count_backlogs(connection, workspace_id, sorted(teams), pairs)


async def read_arrivals(
    connection: Connection,
    workspace_id: int,
    jobs: Sequence[Job],
    junk: JunkRules,
    now: datetime,
    stored: StoredLeads,
) -> None:
    """Add how many leads came lately that share something with those of the jobs."""
    subjects = {
        Subject(name, value)
        for job in jobs
        for name, value in job.subjects().items()
        if name in junk.velocity
    }
    if subjects:
        since = now - timedelta(seconds=junk.seconds)
        stored.arrivals.update(await arrivals.count_arrivals(connection, workspace_id, subjects, since))


async def read_claims(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], plan: Plan, stored: StoredLeads
) -> None:
    """Add the untouched claims of the owners who claim from queues with a limit."""
    claims = [claim for job in jobs if (claim := job.claimant()) is not None]
    owners = {owner for owner, queue in claims if plan.terms_of(queue).max_claims is not None}
    if owners:
        stored.claims = await find_untouched_claims(connection, workspace_id, sorted(owners))


async def read_accounts(
    connection: Connection, workspace_id: int, jobs: Sequence[Job], found: Prefetched, stored: StoredLeads
) -> None:
    """Add the accounts of stored leads, and those of all jobs if the first statement did not read them.

    A returning lead usually has the keys that it had before. Then nothing more is read.
    """
    fields = [(lead.values, lead.account_ids) for lead in stored.all_leads().values()]
    fields += [(lead.values, lead.account_ids) for lead in found.known.values()]
    keys = {key for values, by_name in fields for key in with_names(keys_of_lead(values), by_name)}
    of_jobs = set(_account_keys(jobs))
    keys = keys | of_jobs if found.accounts is None else keys - of_jobs
    if keys or found.accounts is None:
        more = await accounts.find_accounts(connection, workspace_id, list(keys))
        found.accounts = more if found.accounts is None else found.accounts.joined(more)


def _person_keys(jobs: Iterable[Job]) -> set[LeadKey]:
    """The keys of arriving leads by name and company."""
    arriving = [lead for job in jobs if (lead := job.arriving()) is not None]
    return {key for lead in arriving if (key := person_key(lead.values)) is not None}


def _reply_keys(jobs: Iterable[Job]) -> list[str]:
    found = {text for job in jobs if job.key for text in (job.key.text, job.key.batch) if text}
    return sorted(found)


def _account_keys(jobs: Iterable[Job]) -> list[AccountKey]:
    return list({key for job in jobs for key in job.account_keys()})
