"""What a delivery of a form does: it is decided as a lead, reported as an event, or erases a person.

Applying it again changes nothing, so the inbox may do so after a crash.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from app import places
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.erasing import erase_person
from app.dispatch.jobs.base import Reply
from app.dispatch.jobs.event_job import EventAddress
from app.errors import AlreadyMerged, NotFound, Overloaded, Problem
from app.forms.events import Told, address_of, begun, event_job, merge_job, refused
from app.forms.leads import Unmappable, job_of, lead_of
from app.forms.mapping import form_map
from app.forms.receive import AWAITING_FETCH, DELETED, INACTIVE, kept_request, read_kept
from app.forms.stored import from_bytes
from app.forms.test_leads import decide_tests
from app.forms.vendors import FORM_KINDS
from app.forms.vendors.base import Delivery, FormTerms
from app.ids import uuid7
from app.store.connection.pool import Connection, Pool, transaction
from app.store.crm import failures, inbox_retention
from app.store.crm.turns import InboxEvent, Settled
from app.store.directory.records import Record
from app.store.forms import inbox, records
from app.store.forms.records import FormRecord, KnownRecord
from app.webhooks.effects import FOR_ERASED, Applied

UNKNOWN_LEAD: Final = "unknown_lead"
RETRY_EVENT_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 3600.0
"""How long an event waits for the lead that it is about: tools send them in any order."""


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
        told: list[Told] = []
        for place, (row, endpoint) in enumerate(events):
            if endpoint is None:
                results[place] = Applied("failed", DELETED)
            elif not endpoint.body["active"]:
                results[place] = Applied("failed", INACTIVE)
            else:
                told.append(Told(place, row, from_bytes(row.event or b"")))
        known = await self._known(workspace_id, told)
        first = {record: each.first for record, each in known.items() if each.first is not None}
        leads: list[Told] = []
        for each in begun(told, first):
            before = known.get(each.record)
            if before is not None and before.lead_id is None and each.delivery.meaning != "erase":
                results[each.place] = FOR_ERASED
            elif _has_lead(each.delivery):
                leads.append(each)
            else:
                lead_id = before.lead_id if before is not None else None
                results[each.place] = await self._other(workspace_id, each, lead_id)
        for each, applied in zip(leads, await self._leads(workspace_id, leads), strict=True):
            results[each.place] = applied
        return results

    async def _known(self, workspace_id: int, told: Sequence[Told]) -> dict[FormRecord, KnownRecord]:
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            return await records.find_leads(connection, workspace_id, [each.record for each in told])

    async def parse_again(self, workspace_id: int, event: InboxEvent, endpoint: Record | None) -> Settled:
        """Read a delivery with the mapping that its endpoint has now."""
        kind = FORM_KINDS.get(endpoint.body["kind"]) if endpoint is not None else None
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            kept = await failures.find_delivery(connection, workspace_id, event.delivery_id)
        if endpoint is None or kind is None or kept is None or not kept[1] + kept[0].encode():
            return Settled(event.id, "failed", event.code)
        terms = FormTerms((), form_map(endpoint.body["mapping"]), endpoint.body["options"])
        request = kept_request(json.loads(kept[0]), kept[1])
        try:
            received = await places.FORMS.run_if_long(
                request.length, workspace_id, read_kept, kind, endpoint.id, terms, request
            )
        except Overloaded:
            return Settled(event.id, "pending", event.code, RETRY_EVENT_SECONDS, waits=True)
        # A part that still cannot be read stays the failure that it is.
        rows = [each for each in received.rows if each.event is not None]
        if rows:
            async with transaction(self._pool, workspace_id) as connection:
                await self._insert(connection, workspace_id, endpoint.id, kept, rows)
        if not rows or len(rows) < len(received.rows):
            code = next((each.code for each in received.rows if each.event is None), event.code)
            return Settled(event.id, "failed", code)
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

    async def _leads(self, workspace_id: int, told: Sequence[Told]) -> list[Applied]:
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
        decided: list[tuple[Told, str]] = []
        for (each, _), reply in zip(asked, replies, strict=True):
            if isinstance(reply, Problem):
                results[each.place] = refused(reply)
            else:
                decided.append((each, str(orjson.loads(reply.body)["lead_id"])))
        if decided:
            async with transaction(self._pool, workspace_id) as connection:
                await records.write_leads(connection, workspace_id, _names(decided))
        for each, lead_id in decided:
            results[each.place] = await self._follow(workspace_id, each, lead_id)
        return [results[each.place] for each in told]

    async def _follow(self, workspace_id: int, told: Told, lead_id: str) -> Applied:
        """What else is told of a lead. If that is refused, the lead is there, and the refusal is listed."""
        if told.delivery.events:
            reported = await self._report(workspace_id, told, EventAddress(lead_id=lead_id))
            if reported.result != "done":
                return replace(reported, lead_id=lead_id)
        if told.delivery.merges:
            return await self._merge(workspace_id, told, lead_id)
        return Applied("done", lead_id=lead_id)

    async def _merge(self, workspace_id: int, told: Told, lead_id: str) -> Applied:
        """Make one lead of this one and those of records that the tool has made one with it."""
        others = [told.other(id_) for id_ in told.delivery.merges]
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            known = await records.find_leads(connection, workspace_id, others)
        if not known:
            return _waiting(told)
        for record, before in known.items():
            if before.lead_id in (None, lead_id):
                continue
            job = merge_job(told, (lead_id, before.lead_id))
            (reply,) = await self._dispatch.ask_all(workspace_id, [job])
            if isinstance(reply, Reply):
                lead_id = reply.lead_id or lead_id
            elif not isinstance(reply, AlreadyMerged | NotFound):
                return refused(reply, lead_id)
            async with transaction(self._pool, workspace_id) as connection:
                now = {record: KnownRecord(lead_id), told.record: KnownRecord(lead_id)}
                await records.write_leads(connection, workspace_id, now)
        return Applied("done", "merged", lead_id=lead_id)

    async def _test(self, workspace_id: int, told: Told) -> Applied:
        """What a test lead would become. It leaves no trace but the answer."""
        try:
            job = job_of(told.endpoint_id, told.row.id, told.delivery, told.row.received_at)
        except Unmappable as unmappable:
            return Applied("failed", unmappable.code)
        tests = [(told.row.id, job)]
        (reply,) = await decide_tests(self._pool, self._dispatch, workspace_id, told.endpoint_id, tests)
        if isinstance(reply, Problem):
            return refused(reply)
        return Applied("done", "test_lead")

    async def _other(self, workspace_id: int, told: Told, lead_id: str | None) -> Applied:
        if told.delivery.meaning == "erase":
            return await self._erase(workspace_id, told, lead_id)
        if told.delivery.meaning == "fetch":
            return Applied("failed", AWAITING_FETCH)
        if told.delivery.meaning == "merge":
            return await self._merge(workspace_id, told, lead_id) if lead_id else _waiting(told)
        address = EventAddress(lead_id=lead_id) if lead_id is not None else address_of(told)
        applied = await self._report(workspace_id, told, address) if address else None
        return _waiting(told) if applied is None or applied.code in ("not_found", UNKNOWN_LEAD) else applied

    async def _report(self, workspace_id: int, told: Told, address: EventAddress) -> Applied:
        jobs = [event_job(told, each, address) for each in told.delivery.events]
        replies = await self._dispatch.ask_all(workspace_id, jobs) if jobs else []
        problem = next((each for each in replies if isinstance(each, Problem)), None)
        if problem is not None:
            return refused(problem)
        reply = next((each for each in replies if isinstance(each, Reply)), None)
        return Applied("done", lead_id=reply.lead_id if reply is not None else None)

    async def _erase(self, workspace_id: int, told: Told, lead_id: str | None) -> Applied:
        """Forget the person, and what comes about the record later."""
        if lead_id is not None:
            try:
                actor = f"endpoint:{told.endpoint_id}"
                await erase_person(self._pool, self._dispatch, workspace_id, lead_id, actor)
            except Problem as problem:
                return refused(problem)
        async with transaction(self._pool, workspace_id) as connection:
            await inbox_retention.forget_records(connection, workspace_id, [told.row.record])
            await records.write_leads(connection, workspace_id, {told.record: KnownRecord(None)})
        return Applied("done", "erased")


def _has_lead(delivery: Delivery) -> bool:
    """Whether a delivery says enough for a lead that can be decided."""
    if delivery.meaning != "merge":
        return delivery.meaning in ("lead", "update")
    try:
        lead_of(delivery)
    except Unmappable:
        return False
    return True


def _names(decided: Sequence[tuple[Told, str]]) -> dict[FormRecord, KnownRecord]:
    """The leads of records, also by the names that those will have from now on."""
    found: dict[FormRecord, KnownRecord] = {}
    for each, lead_id in decided:
        found[each.record] = KnownRecord(lead_id)
        if each.delivery.continued_by:
            found[each.other(each.delivery.continued_by)] = KnownRecord(lead_id, each.first)
    return found


def _waiting(told: Told) -> Applied:
    """Nothing is known yet of the lead that something is about: tools send in any order."""
    waited = time.time() - told.row.received_at.timestamp()
    if waited < PATIENCE_SECONDS:
        return Applied("wait", UNKNOWN_LEAD, RETRY_EVENT_SECONDS)
    return Applied("failed", UNKNOWN_LEAD)
