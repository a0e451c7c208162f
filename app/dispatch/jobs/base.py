"""What every job has in common."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

from app.dispatch.accounts import find_account
from app.dispatch.decision_session import DecisionSession
from app.dispatch.preferences import contact_of
from app.dispatch.prepared import Prepared
from app.dispatch.stored_leads import QueueLookup
from app.engine.life.crm import CrmChange
from app.engine.model.accounts import AccountKey
from app.engine.model.decision import DecisionRequest
from app.engine.model.lead_keys import LeadKey, SuppressionKey
from app.errors import Problem
from app.ids import uuid7
from app.intake.account_match import with_names
from app.intake.accounts import keys_of_lead
from app.intake.arrival import IncomingLead
from app.plugins.port import PluginCall
from app.store.leads.current_leads import CurrentLead
from app.store.path.idempotency import IdempotencyKey as IdempotencyKey
from app.store.path.idempotency import Reply as Reply

if TYPE_CHECKING:
    from opentelemetry.trace import Span


@dataclass(eq=False, slots=True)
class Batch:
    """Jobs that are decided in their order, or not at all.

    `fault` is why one of them could not be decided now. Those behind it then wait for the caller's next
    attempt as well: decided at once, they would overtake it.
    """

    fault: Problem | None = None


@dataclass(eq=False, slots=True)
class Job:
    """One request to a workspace: what to read for it, and how it is decided.

    bulk:     yields to single jobs.
    batch:    what it belongs to, if that keeps an order.
    taken:    its decision has begun, so it can no longer be withdrawn.
    deadline: when its caller stops waiting, on the clock of the event loop. It is not decided afterwards.
    prepared: what was found out about its lead beforehand.
    plugin:   what plugins returned for its lead.
    done:     the reply, set after the commit.
    span:     that of its decision, where there are traces.
    """

    key: IdempotencyKey | None = None
    bulk: bool = False
    batch: Batch | None = None
    taken: bool = False
    deadline: float = inf
    prepared: Prepared = field(default_factory=Prepared)
    plugin: PluginCall = field(default_factory=PluginCall)
    done: asyncio.Future[Reply] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    span: "Span | None" = None

    def decide(self, session: DecisionSession) -> Reply:
        """Decide the job; the session records what follows from it.

        Raises the Problem that the caller gets, or PreparationMissing or PluginResultMissing before anything
        is changed.
        """
        raise NotImplementedError

    def goes_alone(self) -> bool:
        """Whether the job takes so many statements that no other job should wait for them in its group."""
        return False

    def asks_for_stored(self) -> bool:
        """Whether the job names anything stored. One that does not says so in one answer instead of many."""
        return True

    def identities(self) -> Sequence[LeadKey]:
        """The keys under which to look for leads that may be the same person."""
        return ()

    def suppression_keys(self) -> Sequence[SuppressionKey]:
        """What may be on a suppression list."""
        return ()

    def subjects(self) -> Mapping[str, str]:
        """What an arriving lead may share with others: `ip`, `identity` and `domain`."""
        return {}

    def reject_reason(self) -> str | None:
        """The reason with which the job rejects a lead, if it does."""
        return None

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys of the lead's account, as far as the job knows the lead."""
        return ()

    def lead_ids(self) -> Sequence[str]:
        """Stored leads that the job decides again."""
        return ()

    def assignment_ids(self) -> Sequence[str]:
        """Assignments whose leads the job needs."""
        return ()

    def queue_lookups(self) -> Sequence[QueueLookup]:
        """Where the job looks for waiting leads."""
        return ()

    def follows_waiting(self) -> bool:
        """Whether leads that wait to be released go before the lead of this job."""
        return False

    def frees_owners(self) -> bool:
        """Whether the job may end an assignment, so that its owner can take another lead."""
        return False

    def releases(self) -> bool:
        """Whether the job decides leads that waited for a team."""
        return False

    def claimant(self) -> tuple[str, str] | None:
        """The owner who claims, and the queue, if the job is a claim."""
        return None

    def wants_history(self) -> bool:
        """Whether the job needs the history of the leads of its assignments, keys and lead ids."""
        return False

    def wants_person(self) -> bool:
        """Whether the job needs to know which leads were merged with its own."""
        return False

    def merge_ids(self) -> Sequence[str]:
        """The merges that the job undoes. Their leads are read as well."""
        return ()

    def withdraws(self) -> bool:
        """Whether the job closes a channel of the person behind its lead."""
        return False

    def begins_to_count(self) -> str | None:
        """The lead of a person whose contacts may be counted from now on."""
        return None

    def event_ids(self) -> Sequence[tuple[str, str]]:
        """The source and the id of the events that the job reports."""
        return ()

    def deal_refs(self) -> Sequence[str]:
        """The deals that the job's events are about."""
        return ()

    def repeated(self, status: int, body: bytes) -> Reply:
        """The reply to a repeat, where its key stands for this response. Raises a repeated refusal."""
        return Reply(status, body, replayed=True)

    def bulk_job_ids(self) -> Sequence[str]:
        """The bulk jobs whose state the job needs."""
        return ()

    def tallied_job_ids(self) -> Sequence[str]:
        """The bulk jobs whose results the job needs."""
        return ()

    def crm_changes(self) -> Sequence[CrmChange]:
        """What a CRM said, if the job follows it."""
        return ()

    def attributes(self) -> Mapping[str, Any]:
        """The custom attributes that the lead was sent with."""
        return {}

    def arriving(self) -> IncomingLead | None:
        """The lead that the job brings, if it brings one that is routed."""
        return None

    def preview(self) -> DecisionRequest | None:
        """The request as plugins see it before the job is in a commit group; None when it cannot be known."""
        return None

    def failed_lead(self) -> dict[str, Any] | None:
        """What to keep for repair when the job cannot be decided; None when there is no new lead to lose."""
        return None


def request_again(session: DecisionSession, lead: CurrentLead, kind: str, **fields: Any) -> DecisionRequest:
    """A request to decide a stored lead again. `fields` are those that differ from the stored lead's."""
    request = DecisionRequest(
        kind=kind,
        assignment_id=uuid7(),
        lead_id=lead.prior.lead_id,
        values=lead.values,
        account=find_account(
            session, lead.values, lambda: with_names(keys_of_lead(lead.values), lead.account_ids)
        ),
        contact=contact_of(session, lead.prior.lead_id, lead.values),
    )
    request = replace(request, **{"barred": lead.prior.barred, "place": lead.prior.place, **fields})
    return replace(request, exclude=request.exclude | lead.prior.barred) if lead.prior.barred else request
