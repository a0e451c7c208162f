"""Records that become one, that come back, and that are deleted; and what that does to their leads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.dispatch.crm_books import CrmBooks, lead_key_of
from app.dispatch.merges import MergeOrigin, is_gone, merge
from app.engine.life.crm import CrmChange, RecordKey, compare, digest, version_after
from app.store.crm.records import RecordRow, RecordState

_STATE = "~state"
"""The field under which it is kept when a record was deleted or restored."""


@dataclass(slots=True)
class CrmJoins:
    """One event about records as a whole. `adopted` are leads that are found by the ids of records."""

    books: CrmBooks
    change: CrmChange
    adopted: dict[RecordKey, str]

    def merge(self) -> str | None:
        """Make several records one lead: that of the record that remains, or of the one that people kept.

        Its owner keeps it. Returns the lead; None if none of the records is a lead.
        """
        keys = [self.change.record, *(key for key, role in self.change.others if role == "lead")]
        rows = {key: self._row(key) for key in dict.fromkeys(keys)}
        survivor = self._survivor(list(rows.values()))
        if survivor is None:
            self._note_waiting(list(rows.values()))
            return None
        for row in rows.values():
            self._absorb(row.lead_id, survivor)
        record = self.books.root(self.books.keep(_there(rows[self.change.record], survivor)))
        self.books.session.work.identify([lead_key_of(key) for key in rows], survivor)
        others = [key for key in rows if key not in (self.change.record, record.key)]
        inherits = rows[self.change.record].lead_id is None
        for position, key in enumerate(others):
            primary = inherits and position == 0
            merged = replace(rows[key], state="merged", lead_id=survivor, gone_at=None, asked_at=None)
            self.books.keep(replace(merged, merged_into=record.id, is_primary=primary))
            if primary:
                self._inherit(key, record.key)
        return survivor

    def convert(self) -> str | None:
        """Add the records that a lead became. Returns the lead, None if the record is none."""
        first = self._row(self.change.record)
        rows = [self._row(key) for key, _ in self.change.others]
        survivor = self._survivor([first, *rows])
        if survivor is None:
            return None
        self.books.keep(_there(first, survivor))
        roles = dict(self.change.others)
        for row in rows:
            self._absorb(row.lead_id, survivor)
            deal = (row.deal or {}) if roles[row.key] == "deal" else None
            self.books.keep(replace(_there(row, survivor), asked_at=None, deal=deal))
        keys = [row.key for row in (first, *rows) if roles.get(row.key) != "deal"]
        self.books.session.work.identify([lead_key_of(key) for key in keys], survivor)
        return survivor

    def delete(self, row: RecordRow) -> str:
        """A record is gone. Its lead goes with the last of its records, after a while."""
        if row.state in ("merged", "closed"):
            return row.state
        if not self._news("gone"):
            return "stale"
        row = self._row(row.key)
        now = self.books.session.work.now
        self.books.keep(replace(row, state="gone", gone_at=row.gone_at or now, asked_at=None))
        return "gone" if row.lead_id is not None else "unknown_record"

    def restore(self, row: RecordRow) -> RecordRow:
        """A record is there again, if that is the newest that is known."""
        if row.state not in ("gone", "closed") or not self._news("live"):
            return row
        state: RecordState = "live" if row.lead_id is not None else "waiting"
        return self.books.keep(replace(row, state=state, gone_at=None))

    def _news(self, state: str) -> bool:
        key, value = self.change.record, digest(state)
        known = self.books.version(key, _STATE)
        if compare(self.change, value, known) in ("stale", "repeated"):
            return known is not None and known.value == value
        self.books.keep_version(key, _STATE, version_after(self.change, value, known))
        return True

    def _row(self, key: RecordKey) -> RecordRow:
        row = self.books.get(key)
        return row if row.lead_id is not None else replace(row, lead_id=self.adopted.get(key))

    def _survivor(self, rows: Sequence[RecordRow]) -> str | None:
        """The first lead that is open, else the first."""
        session = self.books.session
        found = [session.find_lead(each.lead_id) for each in rows if each.lead_id is not None]
        leads = [each for each in found if each is not None and not is_gone(each)]
        first = next((each for each in leads if each.prior.state != "closed"), leads[0] if leads else None)
        return first.prior.lead_id if first is not None else None

    def _note_waiting(self, rows: Sequence[RecordRow]) -> None:
        """None of the records is a lead yet. Requests to read one are for the one that remains."""
        record = self.books.get(self.change.record)
        wanted = any(each.asked_for == "created" for each in rows)
        for row in rows:
            if row.key != record.key:
                self.books.keep(replace(row, state="merged", merged_into=record.id, asked_at=None))
        self.books.keep(record)
        if wanted:
            self.books.ask(record, self.change.kind, "created")

    def _absorb(self, loser_id: str | None, survivor_id: str) -> None:
        """The lead that is no more, and its records."""
        session = self.books.session
        loser = session.find_lead(loser_id) if loser_id is not None else None
        if loser is None or loser_id is None or loser_id == survivor_id or is_gone(loser):
            return
        merge(session, loser, survivor_id, MergeOrigin("crm", self.books.endpoint_id))
        for row in self.books.of_lead(loser_id):
            self.books.keep(replace(row, lead_id=survivor_id))

    def _inherit(self, primary: RecordKey, record: RecordKey) -> None:
        """What is known of the record that people kept holds for the one that remains."""
        for name, version in self.books.versions(primary):
            known = self.books.version(record, name)
            older = known is None or known.at is None or version.at is None or known.at < version.at
            if older and name != _STATE:
                self.books.keep_version(record, name, version)


def _there(row: RecordRow, lead_id: str) -> RecordRow:
    """The record of a lead, which is there, unless we have heard that it was merged since."""
    state: RecordState = "live" if row.merged_into is None else "merged"
    return replace(row, state=state, lead_id=lead_id, gone_at=None)
