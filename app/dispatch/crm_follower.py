"""One event of a CRM is followed: its record is found, what is news is told from what is old, and done."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import orjson

from app.dispatch.crm_books import ASK_AGAIN, BURST, CrmBooks, lead_key_of
from app.dispatch.crm_fields import FieldNews
from app.dispatch.crm_joins import CrmJoins
from app.dispatch.crm_owner import OwnerFollower
from app.dispatch.crm_reports import CrmReporter, deal_after
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Reply
from app.dispatch.persons import find_person
from app.engine.life.crm import GONE_FOR, CrmChange, RecordKey, version_after
from app.intake.arrival import IncomingLead
from app.plugins.port import PluginCall
from app.store.crm.records import RecordRow

WAIT_FOR_LEAD = timedelta(minutes=10)
"""How long an event waits for its record to become known."""
WAIT_SECONDS = 15.0
"""After this time it is tried again."""


@dataclass(slots=True)
class CrmFollower:
    """One event being followed. `route` decides a new record like a lead that was sent.

    `ambiguous_id` says that another record has the same number, so that the number does not name this lead.
    """

    change: CrmChange
    arrival: IncomingLead
    plugin: PluginCall
    route: Callable[[DecisionSession], str]
    session: DecisionSession
    books: CrmBooks
    ambiguous_id: bool = False
    news: FieldNews = field(init=False)

    def __post_init__(self) -> None:
        self.news = FieldNews(self.books, self.change)

    def take(self) -> Reply:
        """Follow it, and answer what became of it."""
        change = self.change
        joins = CrmJoins(self.books, change, self._adopted())
        known = [row for key in change.records() if (row := self.books.find(key)) is not None]
        gone_at = max((row.gone_at for row in known if row.gone_at is not None), default=None)
        if change.happened in ("merged", "converted"):
            lead_id = joins.merge() if change.happened == "merged" else joins.convert()
            if lead_id is None:
                return self._wait("unknown_record", WAIT_FOR_LEAD)
            self._reopen(lead_id, gone_at)
            return self._follow(self.books.get(change.record), lead_id)
        row = self._row()
        lead_id = self._lead_of(row)
        if change.happened == "deleted":
            return self._deleted(joins, row, lead_id)
        if change.happened == "restored":
            row = joins.restore(row)
            if row.state == "live" and lead_id is not None:
                self._reopen(lead_id, gone_at)
        if lead_id is None and row.lead_id is not None:
            return self._done("for_erased")
        return self._follow(row, lead_id) if lead_id is not None else self._unknown(row)

    def _deleted(self, joins: CrmJoins, row: RecordRow, lead_id: str | None) -> Reply:
        """A record is gone. A deal or a call takes no lead with it."""
        if self.change.role != "lead":
            self.books.forget(row)
            return self._done("gone", lead_id)
        return self._done(joins.delete(replace(row, lead_id=row.lead_id or lead_id)), lead_id)

    def _reopen(self, lead_id: str, gone_at: datetime | None) -> None:
        """A lead that was closed because its record was gone is open again, where it was."""
        lead, history = self.session.get_lead(lead_id), self.session.history(lead_id)
        ended = max((each.ended_at for each in history if each.ended_at is not None), default=None)
        if gone_at is None or lead.prior.state != "closed" or ended is None:
            return
        if ended - gone_at >= GONE_FOR:
            row = self.books.get(self.change.record)
            OwnerFollower(self.books, self.change, row, lead, self.plugin).reopen()

    def _follow(self, row: RecordRow, lead_id: str) -> Reply:
        """Do what the event means to a lead."""
        change, root = self.change, self.books.root(row)
        lead = self.session.get_lead(lead_id)
        counts = row is root or row.is_primary
        self.news.compare(root)
        lead, changed = self.news.add_to(lead, joins=row.lead_id is None)
        owner = OwnerFollower(self.books, change, root, lead, self.plugin)
        if change.owner_field in self.news.accepted and (code := owner.mapping_fault()):
            return self._answer("failed", code, lead_id)
        reroutes = self.news.reroutes(changed)
        if reroutes or self._nobody(owner):
            owner.ready()
        self.news.keep_versions(root.key)
        row = self._keep_row(row, lead_id)
        code = self._decide(owner, reroutes) if counts else "merged"
        if code == "unknown_user":
            self.news.keep_unresolved(root.key, change.owner_field)
        if changed:
            self.news.keep_fields(lead, changed)
        reported = self._report(row, lead_id)
        overtaken = counts and self._was_overtaken(owner)
        if overtaken:
            self.news.keep_unresolved(root.key, change.owner_field)
        if change.must_read or self.news.tied or overtaken or change.happened == "merged":
            self.books.ask(self.books.root(self.books.get(change.record)), change.kind, "changed")
            code = code or "must_read"
        if not code and not changed and not reported:
            code = "stale" if self.news.stale else "nothing_new"
        return self._done(code or None, lead_id)

    def _decide(self, owner: OwnerFollower, reroutes: bool) -> str:
        """Move the lead if its owner changed, or the plan is to decide again. Returns what became of it."""
        told = self.change.owner
        code = ""
        name, news = self.change.owner_field, self.news
        if told is not None and self.change.role == "lead" and name in news.accepted:
            heard = name in news.same or name in news.differing
            code = owner.follow(told, differs=name in news.differing if heard else None)
            if code == "cleared":
                return self._reroute(owner, of_owner=True) if self._nobody(owner) else code
            if code == "followed":
                return code
        return self._reroute(owner) if reroutes else code

    def _was_overtaken(self, owner: OwnerFollower) -> bool:
        """Whether this event shows that what was heard of the owner before was misunderstood."""
        told = self.change.owner
        return told is not None and self.change.owner_field in self.news.stale and owner.was_overtaken(told)

    def _nobody(self, owner: OwnerFollower) -> bool:
        """Whether the plan is to decide again because nobody here owns the record."""
        told = self.change.owner
        if told is None or self.change.owner_field not in self.news.accepted:
            return False
        return self.news.cleared if told.id is None else self.change.reroute_cleared and owner.is_nobody(told)

    def _reroute(self, owner: OwnerFollower, *, of_owner: bool = False) -> str:
        return "quiet" if self.change.quiet else owner.reroute(of_owner=of_owner)

    def _keep_row(self, row: RecordRow, lead_id: str) -> RecordRow:
        """The record is this lead. One that was read is not asked for any more."""
        change = self.change
        state = "live" if row.state in ("waiting", "recorded") else row.state
        kept = replace(row, state=state, lead_id=lead_id)
        if change.delivered:
            kept = replace(kept, asked_at=None, asked_for=None)
        if change.role == "activity":
            if change.delivered and self.books.find(row.key) is not None:
                self.books.forget(row)
            return row
        if change.role == "deal":
            kept = deal_after(kept, change, self.news.accepted)
        elif row.lead_id is None and not self.ambiguous_id:
            self.session.work.identify([lead_key_of(row.key)], lead_id)
        return self.books.keep(kept) if kept != row or self.books.find(row.key) is None else row

    def _report(self, row: RecordRow, lead_id: str) -> int:
        change = self.change
        reporter = CrmReporter(self.books, change, lead_id, self.plugin)
        unchanged = self.news.accepted & self.news.same
        reported = reporter.report(reporter.of_fields(set(change.digests) - unchanged))
        if change.role == "deal" and not unchanged >= change.deal.keys():
            reported += reporter.report(reporter.of_deal(row, self.news.stale))
        return reported

    def _unknown(self, row: RecordRow) -> Reply:
        """The record is no lead yet."""
        change = self.change
        if row.state in ("recorded", "gone"):
            return self._done(row.state)
        created = change.happened == "created" or (change.delivered and row.asked_for == "created")
        if change.role == "lead":
            if created:
                return self._created(row)
            if row.asked_at is None:
                return self._wait("unknown_record", WAIT_FOR_LEAD)
            return self._wait("record_not_read", ASK_AGAIN)
        if (change.must_read or not change.links) and not change.delivered:
            if not self._is_over(row, ASK_AGAIN):
                self.books.ask(self._keep(row), change.kind, "changed")
            return self._wait("record_not_read", ASK_AGAIN)
        return self._wait("unknown_record", WAIT_FOR_LEAD)

    def _created(self, row: RecordRow) -> Reply:
        """A new record: routed if the mapping says so and its fields are known, else only noted."""
        change = self.change
        if not change.creates:
            return self._done("not_routed")
        burst = self.session.stored.crm.new_records.get(change.record.system, 0) > BURST
        if change.quiet or burst:
            self.books.keep(replace(row, state="recorded"))
            self.books.find_out(
                "import_not_routed", RecordKey(change.record.system, change.record.object, "*")
            )
            return self._done("recorded")
        if change.must_read or len(self.arrival.values) <= 1:
            if self._is_over(row, ASK_AGAIN):
                return self._wait("record_not_read", ASK_AGAIN)
            self.books.ask(self._keep(row), change.kind, "created")
            return self._wait("record_not_read", ASK_AGAIN)
        lead_id = self.route(self.session)
        self.session.work.histories.setdefault(lead_id, [])
        self._keep_row(row, lead_id)
        for name, value in change.digests.items():
            self.books.keep_version(row.key, name, version_after(change, value, None))
        return self._done("routed", lead_id)

    def _is_over(self, row: RecordRow, limit: timedelta) -> bool:
        """Whether somebody was asked so long ago that no answer comes any more."""
        return row.asked_at is not None and self.session.work.now - row.asked_at >= limit

    def _keep(self, row: RecordRow) -> RecordRow:
        return row if self.books.find(row.key) is not None else self.books.keep(row)

    def _row(self) -> RecordRow:
        return self.books.get(self.change.record)

    def _lead_of(self, row: RecordRow) -> str | None:
        """The lead of the record: as it is known, by its id and keys, or by the records it belongs to."""
        if row.lead_id is not None:
            return row.lead_id if self.session.is_present(row.lead_id) else None
        if self.change.role == "lead":
            person = find_person(self.session, self.arrival, self.session.plan.match_rules, None)
            return person.prior.lead_id if person.prior is not None else None
        for link in self.change.links:
            linked = self.books.find(link)
            lead_id = linked.lead_id if linked is not None else self._adopted().get(link)
            if lead_id is not None and self.session.is_present(lead_id):
                return lead_id
        return None

    def _adopted(self) -> dict[RecordKey, str]:
        """The leads that have the ids of records for their `crm.lead_id`."""
        keys = [self.change.record, *(key for key, role in self.change.others if role == "lead")]
        found: dict[RecordKey, str] = {}
        for key in (*keys, *self.change.links):
            matches = self.session.found.matches.get(lead_key_of(key), ())
            ids = [
                id_
                for id_ in matches
                if self.session.is_present(id_) and not self.books.is_other_record(key, id_)
            ]
            if len(set(ids)) == 1:
                found[key] = ids[0]
        return found

    def _wait(self, code: str, limit: timedelta) -> Reply:
        """Wait for the record; when that has taken too long, it is done with."""
        row = self._keep(self._row())
        if self.session.work.now - (row.asked_at or row.seen_at) < limit:
            return self._answer("wait", code)
        if code == "record_not_read" and row.action_id is not None:
            self.books.find_out(code, row.key, row.lead_id)
            self.books.keep(replace(row, action_id=None))
        return self._answer("done", code)

    def _done(self, code: str | None, lead_id: str | None = None) -> Reply:
        return self._answer("done", code, lead_id)

    def _answer(
        self, result: Literal["done", "wait", "failed"], code: str | None, lead_id: str | None = None
    ) -> Reply:
        seconds = WAIT_SECONDS if result == "wait" else 0.0
        body = {"result": result, "code": code, "lead_id": lead_id, "seconds": seconds}
        return Reply(200, orjson.dumps(body))
