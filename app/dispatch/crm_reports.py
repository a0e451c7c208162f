"""What people did in the CRM becomes events: calls, meetings, stages, and deals that are won or lost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from app.dispatch.crm_books import CrmBooks
from app.dispatch.jobs.report_event import EventAddress, ReportEvent
from app.dispatch.reported_events import Reporter
from app.engine.life.crm import CrmChange
from app.engine.life.events import ReportedEvent
from app.errors import Problem
from app.plugins.port import PluginCall
from app.store.crm.records import RecordRow

_LONGEST_ID = 255
MAX_AMOUNT, MAX_DIGITS = Decimal(10) ** 15, 40


@dataclass(slots=True)
class CrmReporter:
    """Reports the events of one change of a lead."""

    books: CrmBooks
    change: CrmChange
    lead_id: str
    plugin: PluginCall

    def report(self, events: Iterator[ReportedEvent]) -> int:
        """Report these events. One that was reported before changes nothing. Returns how many were taken."""
        return sum([self._report(event) for event in events])

    def of_fields(self, told: set[str]) -> Iterator[ReportedEvent]:
        """The events that these fields say, and the record itself."""
        for name, event in self.change.reports:
            if not name or name in told:
                id_ = event.id or self.change.event_id(event.type, (name,) if name else ())
                yield replace(event, id=id_, at=event.at or self.change.at)

    def of_deal(self, row: RecordRow, stale: set[str]) -> Iterator[ReportedEvent]:
        """The events of a deal, out of what is known of it now, and out of an old stage that is told late.

        An old stage has been all the same: a deal that was lost has closed its lead.
        """
        deal, change = row.deal or {}, self.change
        ids = {type_: change.event_id(type_, change.deal) for type_ in ("purchase", "reversed", "lost")}
        sale = ReportedEvent("opportunity", at=change.at, ref=change.record.id, by=change.kind)
        stage, won = deal.get("stage"), bool(deal.get("won"))
        late = [each.value for name, each in change.deal.items() if name in stale and each.means == "stage"]
        if stage is not None or late:
            yield replace(sale, id=change.event_id("open"), **_amount(deal))
        if late:
            yield from self._of_late_stage(late[0], stage, sale, ids)
        elif stage == "won":
            yield replace(sale, type="purchase", id=ids["purchase"], **_amount(deal))
        elif won:
            yield replace(sale, type="reversed", id=ids["reversed"])
        if stage == "lost" and not late:
            yield replace(sale, type="lost", id=ids["lost"])

    def _of_late_stage(
        self, late: str | None, stage: str | None, sale: ReportedEvent, ids: Mapping[str, str]
    ) -> Iterator[ReportedEvent]:
        if late == "lost":
            yield replace(sale, type="lost", id=ids["lost"])
        if late == "won" and stage != "won":
            yield replace(sale, type="purchase", id=ids["purchase"])
            yield replace(sale, type="reversed", id=ids["reversed"])

    def _report(self, event: ReportedEvent) -> bool:
        """Report one event. A fact that comes too late, or whose lead is gone, is no failure."""
        session = self.books.session
        if event.id is not None and len(event.id.encode()) > _LONGEST_ID:
            event = replace(event, id=sha256(event.id.encode()).hexdigest())
        if event.is_after(session.work.now):
            event = replace(event, at=session.work.now)
        source = source_of(self.books.endpoint_id)
        job = ReportEvent(
            event=event,
            address=EventAddress(lead_id=self.lead_id),
            reporter=Reporter(actor=source, source=source, unattended=True),
            body_hash=sha256((event.id or "").encode()).hexdigest(),
            plugin=self.plugin,
        )
        try:
            reply = job.decide(session)
        except Problem:
            return False
        return not reply.replayed


def source_of(endpoint_id: str) -> str:
    """The source of the events of an endpoint."""
    return f"endpoint:{endpoint_id}"


def deal_after(row: RecordRow, change: CrmChange, accepted: set[str]) -> RecordRow:
    """The record of a deal with the fields that are news."""
    deal = dict(row.deal or {})
    for name, each in change.deal.items():
        if name not in accepted:
            continue
        if each.means == "stage":
            deal |= {"stage": each.value, "won": bool(deal.get("won")) or each.value == "won"}
        else:
            deal[each.means] = _decimal(each.value) if each.means == "amount" else _currency(each.value)
    return replace(row, deal=deal)


def _amount(deal: Mapping[str, Any]) -> dict[str, Any]:
    amount = deal.get("amount")
    return {"amount": Decimal(amount) if amount is not None else None, "currency": deal.get("currency")}


def _decimal(value: str | None) -> str | None:
    """An amount as it is kept; None for what is no amount."""
    try:
        amount = Decimal((value or "").strip())
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= MAX_AMOUNT or len(amount.as_tuple().digits) > MAX_DIGITS:
        return None
    exponent = amount.as_tuple().exponent
    return str(amount) if isinstance(exponent, int) and abs(exponent) <= MAX_DIGITS else None


def _currency(value: str | None) -> str | None:
    text = (value or "").strip().upper()
    return text if len(text) == 3 and text.isascii() and text.isalpha() else None
