"""Leads that exist already: what is asked about them, and when there is nothing to do."""

from datetime import datetime

from app.dispatch.jobs.base import ImportLead
from app.engine.model.decision import DecisionRequest, ExistingOwnership, PriorAssignment
from app.engine.model.directory import Directory
from app.errors import Conflict, refused_at
from app.ids import uuid7

ACTOR = "import"
"""Who is said to have closed a lead that came closed."""
TRIGGER = "list_upload"


def request_for(
    job: ImportLead, prior: PriorAssignment | None, directory: Directory, now: datetime
) -> DecisionRequest | None:
    """What to ask the engine; None when the person is known, and has this owner or is done with anyway.

    Raises Refused or Conflict when the lead cannot be booked so.
    """
    owned = ExistingOwnership(job.owner_id, job.team, job.since or now)
    _check(owned, directory, now)
    if not job.arrival.keys:
        text = "needs external_id, crm.lead_id, email or phone, by which the lead is known again"
        raise refused_at((), "no_identity", text)
    # A lead that was closed long ago says nothing about how the person stands today.
    if prior is not None and (job.closed or prior.owner == job.owner_id):
        return None
    return DecisionRequest(
        kind="import",
        assignment_id=uuid7(),
        lead_id=prior.lead_id if prior else uuid7(),
        values={**job.arrival.values, "trigger": TRIGGER},
        owned=owned,
    )


def _check(owned: ExistingOwnership, directory: Directory, now: datetime) -> None:
    owner = directory.owners.get(owned.owner)
    if owner is None:
        raise refused_at(("owner",), "unknown_owner", "names an owner that does not exist")
    if not owner.active:
        raise Conflict("the owner is not active", code="inactive")
    if owned.team is not None and owned.team not in directory.teams:
        raise refused_at(("team",), "unknown_team", "names a team that does not exist")
    if owned.since > now:
        raise refused_at(("assigned_at",), "in_the_future", "lies in the future")
