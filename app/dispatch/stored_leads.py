"""What only some jobs need of stored leads, and where to look for it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from app.engine.life.sales import Deal
from app.store.crm.records import CrmState
from app.store.leads.bulk_jobs import JobTally
from app.store.leads.companies import Company
from app.store.leads.current_leads import CurrentLead
from app.store.leads.histories import TrackedAssignment
from app.store.leads.merges import StoredMerge
from app.store.life.events import EarlierEvent
from app.store.path.arrivals import Subject


class QueueLookup(NamedTuple):
    """Where to look for waiting leads: a queue, the lead if one is named, and the owner if it matters."""

    queue: str
    lead_id: str | None
    owner_id: str | None


@dataclass(slots=True)
class StoredLeads:
    """What only some jobs need.

    Leads by id, waiting leads by lookup, each assignment's lead, the assignments of each lead, earlier events
    by source and id, deals by lead and `ref`, how far bulk jobs are, the untouched claims of each owner who
    claims, the first leads of each queue that releases its leads, how many leads wait for each team, what is
    known about records of CRMs, all leads that were merged with one, by its id, the other leads of the same
    address where somebody withdraws a consent, merges by id, what remains of merged leads, and what is stored
    of companies, by domain.
    """

    leads: dict[str, CurrentLead] = field(default_factory=dict)
    queues: dict[QueueLookup, list[CurrentLead]] = field(default_factory=dict)
    assignments: dict[str, tuple[str, str]] = field(default_factory=dict)
    histories: dict[str, list[TrackedAssignment]] = field(default_factory=dict)
    events: dict[tuple[str, str], EarlierEvent] = field(default_factory=dict)
    deals: dict[tuple[str, str], Deal] = field(default_factory=dict)
    running_jobs: frozenset[str] = frozenset()
    tallies: dict[str, JobTally] = field(default_factory=dict)
    claims: dict[str, set[str]] = field(default_factory=dict)
    first_waiting: dict[str, list[CurrentLead]] = field(default_factory=dict)
    backlogs: dict[str, int] = field(default_factory=dict)
    crm: CrmState = field(default_factory=CrmState)
    people: dict[str, list[str]] = field(default_factory=dict)
    same_address: dict[str, list[str]] = field(default_factory=dict)
    merges: dict[str, StoredMerge] = field(default_factory=dict)
    survivors: dict[str, str] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    arrivals: Counter[Subject] = field(default_factory=Counter)

    def all_leads(self) -> dict[str, CurrentLead]:
        """The leads that were read, and those that wait, by id."""
        waiting = (*self.queues.values(), *self.first_waiting.values())
        return {lead.prior.lead_id: lead for leads in waiting for lead in leads} | self.leads
