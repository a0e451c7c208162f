"""What a delivery of a form does: it is decided as a lead, reported as an event, or erases a person.

Applying it again changes nothing, so the inbox may do so after a crash.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.erasing import erase_person
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.event_job import EventAddress, EventJob
from app.dispatch.jobs.report_event import ReportEvent
from app.dispatch.reported_events import Reporter
from app.engine.life.events import ReportedEvent
from app.engine.model.lead_keys import LeadKey
from app.errors import Problem
from app.forms.leads import Unmappable, arrival_of, job_of
from app.forms.mapping import form_map
from app.forms.receive import AWAITING_FETCH, DELETED, INACTIVE, kept_request, read_kept
from app.forms.stored import from_bytes
from app.forms.test_leads import decide_tests
from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import Delivery, FormEvent, FormTerms
from app.ids import uuid7
from app.store.connection.pool import Connection, Pool, transaction
from app.store.crm import failures, inbox_retention
from app.store.crm.turns import InboxEvent, Settled
from app.store.directory.records import Record
from app.store.forms import inbox, records
from app.store.forms.records import FormRecord
from app.webhooks.effects import FOR_ERASED, Applied

UNKNOWN_LEAD: Final = "unknown_lead"
RETRY_EVENT_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 3600.0
"""How long an event waits for the lead that it is about: tools send them in any order."""


@dataclass(frozen=True, slots=True)
class _Told:
    """One thing to apply, with its place among the others."""

    place: int
    row: InboxEvent
    delivery: Delivery

    @property
    def endpoint_id(self) -> str:
        return self.row.endpoint_id

    @property
    def record(self) -> FormRecord:
        return FormRecord(self.row.endpoint_id, bytes.fromhex(self.row.record_id))


class FormEffects:
    """Applies what forms sent. Implements OtherSource of the inbox."""

    def __init__(self, pool: Pool, dispatch: Dispatcher) -> None:
        self._pool = pool
        self._dispatch = dispatch

    def owns(self, system: str) -> bool:
        """Whether a form sent what belongs to this system."""
        return system.startswith(inbox.PREFIX)

    async def apply(
        self, workspace_id: int, events: Sequence[tuple[InboxEvent, Record | None]]
    ) -> list[Applied]:
        """Apply what forms sent, and return what became of each. Of one record there is at most one."""
        results = [Applied("done")] * len(events)
        told: list[_Told] = []
        for place, (row, endpoint) in enumerate(events):
            if endpoint is None:
                results[place] = Applied("failed", DELETED)
            elif not endpoint.body["active"]:
                results[place] = Applied("failed", INACTIVE)
            else:
                told.append(_Told(place, row, from_bytes(row.event or b"")))
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            known = await records.find_leads(connection, workspace_id, [each.record for each in told])
        leads: list[_Told] = []
        for each in told:
            if each.record in known and known[each.record] is None and each.delivery.meaning != "erase":
                results[each.place] = FOR_ERASED
            elif each.delivery.meaning in ("lead", "update"):
                leads.append(each)
            else:
                results[each.place] = await self._other(workspace_id, each, known.get(each.record))
        for each, applied in zip(leads, await self._leads(workspace_id, leads), strict=True):
            results[each.place] = applied
        return results

    async def parse_again(self, workspace_id: int, event: InboxEvent, endpoint: Record | None) -> Settled:
        """Read a delivery with the mapping that its endpoint has now."""
        kind = FORM_KINDS.get(endpoint.body["kind"]) if endpoint is not None else None
        async with transaction(self._pool, workspace_id) as connection:
            kept = await failures.find_delivery(connection, workspace_id, event.delivery_id)
            if endpoint is None or kind is None or kept is None or not kept[1] + kept[0].encode():
                return Settled(event.id, "failed", event.code)
            terms = FormTerms((), form_map(endpoint.body["mapping"]), endpoint.body["options"])
            request = kept_request(json.loads(kept[0]), kept[1])
            received = read_kept(kind, endpoint.id, terms, request)
            # A part that still cannot be read stays the failure that it is.
            rows = [each for each in received.rows if each.event is not None]
            if not rows or len(rows) < len(received.rows):
                code = next((each.code for each in received.rows if each.event is None), event.code)
                if rows:
                    await self._insert(connection, workspace_id, endpoint.id, kept, rows)
                return Settled(event.id, "failed", code)
            await self._insert(connection, workspace_id, endpoint.id, kept, rows)
            return Settled(event.id, "done", "parsed_again")

    async def _insert(
        self,
        connection: Connection,
        workspace_id: int,
        endpoint_id: str,
        kept: tuple[str, bytes],
        rows: Sequence[inbox.NewRow],
    ) -> None:
        await inbox.insert_delivery(connection, workspace_id, endpoint_id, uuid7(), kept[0], kept[1], rows)

    async def _leads(self, workspace_id: int, told: Sequence[_Told]) -> list[Applied]:
        """Decide leads, and report what happened with them."""
        results: dict[int, Applied] = {}
        asked = []
        for each in told:
            if each.delivery.is_test:
                results[each.place] = await self._test(workspace_id, each)
                continue
            try:
                asked.append(
                    (each, job_of(each.endpoint_id, each.row.id, each.delivery, each.row.received_at))
                )
            except Unmappable as unmappable:
                results[each.place] = Applied("failed", unmappable.code)
        replies = await self._dispatch.ask_all(workspace_id, [job for _, job in asked]) if asked else []
        decided: dict[FormRecord, str | None] = {}
        for (each, _), reply in zip(asked, replies, strict=True):
            if isinstance(reply, Problem):
                results[each.place] = _refused(reply)
            else:
                lead_id = str(orjson.loads(reply.body)["lead_id"])
                decided[each.record] = lead_id
                results[each.place] = Applied("done", lead_id=lead_id)
        if decided:
            async with transaction(self._pool, workspace_id) as connection:
                await records.write_leads(connection, workspace_id, decided)
        for each, _ in asked:
            lead = decided.get(each.record)
            if lead is not None and each.delivery.events:
                await self._report(workspace_id, each, EventAddress(lead_id=lead))
        return [results[each.place] for each in told]

    async def _test(self, workspace_id: int, told: _Told) -> Applied:
        """What a test lead would become. It leaves no trace but the answer."""
        try:
            job = job_of(told.endpoint_id, told.row.id, told.delivery, told.row.received_at)
        except Unmappable as unmappable:
            return Applied("failed", unmappable.code)
        tests = [(told.row.id, job)]
        (reply,) = await decide_tests(self._pool, self._dispatch, workspace_id, told.endpoint_id, tests)
        if isinstance(reply, Problem):
            return _refused(reply)
        return Applied("done", "test_lead")

    async def _other(self, workspace_id: int, told: _Told, lead_id: str | None) -> Applied:
        if told.delivery.meaning == "erase":
            return await self._erase(workspace_id, told, lead_id)
        if told.delivery.meaning == "fetch":
            return Applied("failed", AWAITING_FETCH)
        address = EventAddress(lead_id=lead_id) if lead_id is not None else _address(told)
        applied = await self._report(workspace_id, told, address) if address else None
        if applied is None or applied.code in ("not_found", "unknown_lead"):
            waited = time.time() - told.row.received_at.timestamp()
            if waited < PATIENCE_SECONDS:
                return Applied("wait", UNKNOWN_LEAD, RETRY_EVENT_SECONDS)
            return Applied("failed", UNKNOWN_LEAD)
        return applied

    async def _report(self, workspace_id: int, told: _Told, address: EventAddress) -> Applied:
        jobs = [_event_job(told, each, address) for each in told.delivery.events]
        replies = await self._dispatch.ask_all(workspace_id, jobs) if jobs else []
        refused = next((each for each in replies if isinstance(each, Problem)), None)
        if refused is not None:
            return _refused(refused)
        reply = next((each for each in replies if isinstance(each, Reply)), None)
        return Applied("done", lead_id=reply.lead_id if reply is not None else None)

    async def _erase(self, workspace_id: int, told: _Told, lead_id: str | None) -> Applied:
        """Forget the person, and what comes about the record later."""
        if lead_id is not None:
            try:
                actor = f"endpoint:{told.endpoint_id}"
                await erase_person(self._pool, self._dispatch, workspace_id, lead_id, actor)
            except Problem as problem:
                return _refused(problem)
        async with transaction(self._pool, workspace_id) as connection:
            await inbox_retention.forget_records(connection, workspace_id, [told.row.record])
            await records.write_leads(connection, workspace_id, {told.record: None})
        return Applied("done", "erased")


def _event_job(told: _Told, event: FormEvent, address: EventAddress) -> EventJob:
    body = orjson.dumps([event.type, event.id, event.at, dict(event.fields)], default=str)
    said = dict(event.fields)
    if isinstance(said.get("for_at"), str):
        said["for_at"] = datetime.fromisoformat(said["for_at"])
    reported = ReportedEvent(type=event.type, id=event.id, at=event.at, **said)
    actor = f"endpoint:{told.endpoint_id}"
    return ReportEvent(
        bulk=True,
        event=reported,
        address=address,
        reporter=Reporter(actor, actor, unattended=True),
        body_hash=hashlib.sha256(body).hexdigest(),
    )


def _address(told: _Told) -> EventAddress | None:
    """The person by e-mail or phone, where the record is not known."""
    if not told.delivery.lead:
        return None
    try:
        keys: tuple[LeadKey, ...] = arrival_of(told.endpoint_id, told.delivery).keys
    except Unmappable:
        return None
    return EventAddress(keys=keys) if keys else None


def _refused(problem: Problem) -> Applied:
    return Applied("retry" if problem.status >= 500 else "failed", problem.code)
