"""Leads that wait: which one a claimer gets, and which one is due."""

from collections.abc import Collection, Iterable
from datetime import datetime

from app.dispatch.jobs.base import Claim
from app.engine.model.decision import PriorAssignment
from app.engine.model.state import Facts
from app.engine.pipeline.claims import held_refusal
from app.engine.pipeline.walk import FALLBACK_QUEUE
from app.engine.selection.eligibility import Refusal
from app.engine.selection.shifts import HELD
from app.errors import Conflict, Forbidden, NotFound
from app.store.leads.current_leads import CurrentLead


def first_waiting(
    job: Claim, waiting: Iterable[CurrentLead], refused: Refusal | None, facts: Facts, queues: Collection[str]
) -> CurrentLead:
    """The first lead he may take. `refused` says why he may take none, but one that waits for him.

    Raises Forbidden with the code of what stands in his way, NotFound when there is no such queue, and
    Conflict when nothing waits there, or not the lead he names.
    """
    why = refused
    for lead in waiting:
        why = held_refusal(job.owner_id, lead.prior, refused, facts)
        if why is None:
            return lead
    if why is not None:
        raise Forbidden("this owner may not claim from this queue now", code=why.code)
    if job.queue not in (*queues, FALLBACK_QUEUE, HELD):
        raise NotFound("there is no such queue")
    if job.lead_id is not None:
        raise Conflict("this lead does not wait in this queue", code="lead_not_in_queue")
    raise Conflict("nothing waits in this queue", code="queue_empty")


def is_due(prior: PriorAssignment, assignment_id: str, now: datetime) -> bool:
    """Whether a lead still waits by this assignment, and no longer has to."""
    waits = prior.state == "queued" and prior.assignment_id == assignment_id
    return waits and prior.held_until is not None and prior.held_until <= now
