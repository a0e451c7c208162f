"""Leads as a caller may see them: a queue can hide fields until its leads are claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.api.http.auth import Caller
from app.api.http.idempotency import response_of
from app.api.http.json_response import Json
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.hidden_actions import plan_that_hides, redact_with
from app.dispatch.jobs.base import Job, Reply
from app.engine.compile.plan import Plan
from app.engine.explain.sentences import without_whereabouts
from app.engine.explain.traces import of_one_owner
from app.engine.life.hidden_fields import hidden_values, redacted, without_hidden
from app.engine.selection.shifts import HELD
from app.store.connection.pool import Connection
from app.store.leads.current_leads import CurrentLead
from app.store.leads.lead_detail import AssignmentDetail, LeadDetail
from app.store.life.deliveries import StoredAction


@dataclass(frozen=True, slots=True)
class View:
    """What a caller may see of the leads of a workspace. `plan` is None where everything may be seen."""

    caller: Caller
    plan: Plan | None

    def shows(self, lead: LeadDetail) -> bool:
        """Whether the caller may see this lead at all.

        A key of one owner sees what the owner has or had, and what waits in a queue to be claimed.
        """
        bound = self.caller.owner_id
        if bound is None:
            return True
        own = [each for each in lead.assignments if not each.repeats]
        waits = lead.state == "queued" and bool(own) and own[-1].answer["queue"] != HELD
        return waits or any(_owned_by(bound, each) for each in own)

    def hidden_in(self, lead: LeadDetail) -> Sequence[str]:
        """The fields of this lead that the caller may not see.

        The key of an owner who claimed the lead before, and gave it back, has seen them already.
        """
        if self.plan is None or lead.state != "queued":
            return ()
        own = [each for each in lead.assignments if not each.repeats]
        hide = self.plan.terms_of(own[-1].answer["queue"] or "").hide if own else ()
        bound = self.caller.owner_id
        if hide and bound is not None and any(_claimed_by(bound, each) for each in own):
            return ()
        return hide

    def fields_of(self, lead: LeadDetail) -> Mapping[str, Any]:
        """The fields of the lead that the caller may see."""
        hide = self.hidden_in(lead)
        if not hide:
            return lead.values
        shown: Mapping[str, Any] = redacted(
            without_hidden(lead.values, hide), hidden_values(lead.values, hide)
        )
        return shown

    def fields_of_current(self, lead: CurrentLead) -> Mapping[str, Any]:
        """The fields of a lead in a list. Those that its queue hides are left out for everybody here."""
        if self.plan is None or lead.prior.state != "queued":
            return lead.values
        hide = self.plan.terms_of(lead.prior.queue or "").hide
        secrets = hidden_values(lead.values, hide)
        shown: Mapping[str, Any] = (
            redacted(without_hidden(lead.values, hide), secrets) if hide else lead.values
        )
        return shown

    def of_assignment(self, lead: LeadDetail, document: dict[str, Any]) -> dict[str, Any]:
        """An assignment of the lead, and its events, without what the hidden fields hold."""
        hide = self.hidden_in(lead)
        if not hide:
            return document
        secrets = hidden_values(lead.values, hide)
        shown = {**document, "normalized": without_hidden(document["normalized"], hide)}
        shown |= {name: redacted(shown[name], secrets) for name in ("normalized", "actions", "trace")}
        notes = [redacted({"note": event["note"]}, secrets).get("note") for event in document["events"]]
        events = zip(document["events"], notes, strict=True)
        shown |= {"events": [{**event, "note": note} for event, note in events]}
        return self.of_reassigned(lead, shown)

    def of_reassigned(self, lead: LeadDetail, document: dict[str, Any]) -> dict[str, Any]:
        """An assignment of the lead without a reason of its reassignment that tells what is hidden."""
        moved, hide = document.get("reassigned"), self.hidden_in(lead)
        if not moved or not hide:
            return document
        kept = redacted(moved, hidden_values(lead.values, hide))
        return {**document, "reassigned": {**moved, "reason": kept.get("reason")}}

    def discreet(self, document: dict[str, Any]) -> dict[str, Any]:
        """An assignment or an explanation as `discreet_for` has it, if the caller is a key of one owner."""
        bound = self.caller.owner_id
        return document if bound is None else discreet_for(bound, document)

    async def of_actions(self, connection: Connection, actions: Sequence[StoredAction]) -> list[StoredAction]:
        """Actions without what the hidden fields of their leads hold.

        A lead that was given back is hidden again in the actions of its claim as well.
        """
        return await redact_with(connection, self.caller.workspace_id, self.plan, actions)


def discreet_for(owner_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """A decision or an explanation without what it tells one owner about the others.

    That is why and until when they were away, and how much they have.
    """
    shown = dict(document)
    if isinstance(shown.get("trace"), Mapping):
        steps = of_one_owner(shown["trace"]["steps"], owner_id)
        shown["trace"] = {**shown["trace"], "steps": steps}
    if "steps" in shown:
        shown["steps"] = of_one_owner(shown["steps"], owner_id)
    if isinstance(shown.get("reason"), Mapping):
        shown["reason"] = {**shown["reason"], "text": without_whereabouts(shown["reason"]["text"])}
    return shown


def discreet_reply(caller: Caller, reply: Reply) -> Reply:
    """What an order decided, as a key of one owner may see it. The answer to an event has its `decision`."""
    if caller.owner_id is None:
        return reply
    shown = discreet_for(caller.owner_id, orjson.loads(reply.body))
    if isinstance(shown.get("decision"), Mapping):
        shown["decision"] = discreet_for(caller.owner_id, shown["decision"])
    return replace(reply, body=orjson.dumps(shown))


async def ask_discreetly(dispatch: Dispatcher, caller: Caller, job: Job) -> Json[Any]:
    """The response to an order, as a key of one owner may see it."""
    return response_of(discreet_reply(caller, await dispatch.ask(caller.workspace_id, job)))


async def view_of(connection: Connection, dispatch: Dispatcher, caller: Caller) -> View:
    """What this caller may see now."""
    if caller.may("privacy"):
        return View(caller, None)
    return View(caller, await plan_that_hides(connection, dispatch, caller.workspace_id))


def _owned_by(owner: str, each: AssignmentDetail) -> bool:
    had: Mapping[str, Any] | None = each.answer["owner"]
    return had is not None and had["id"] == owner


def _claimed_by(owner: str, each: AssignmentDetail) -> bool:
    return each.cause == "claim" and _owned_by(owner, each)
