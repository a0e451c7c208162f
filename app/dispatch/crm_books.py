"""What a commit group knows about records of CRMs, and how its jobs change that."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from app.dispatch.decision_session import DecisionSession
from app.dispatch.stored_leads import StoredLeads
from app.engine.life.crm import (
    ECHO_WITHIN,
    CrmChange,
    FieldVersion,
    OurWrite,
    RecordKey,
    shares_number,
)
from app.engine.model.lead_keys import CRM_LEAD, LeadKey
from app.ids import uuid7
from app.store.connection.pool import Connection
from app.store.crm import records
from app.store.crm.records import FindingRow, RecordRow
from app.store.life.outbox import ActionRow
from app.values.crm_ids import crm_id_key

ASK_AGAIN = timedelta(minutes=15)
"""How long a reader has to deliver a record."""
BURST = 500
"""More new records of a system in a minute than this are an import."""


@dataclass(frozen=True, slots=True)
class CrmBooks:
    """The records of CRMs in one commit group, as the jobs so far left them."""

    session: DecisionSession
    endpoint_id: str

    def find(self, key: RecordKey) -> RecordRow | None:
        """A record, if it is known."""
        return self.session.stored.crm.records.get(key)

    def get(self, key: RecordKey) -> RecordRow:
        """The same. A new one waits to become known."""
        return self.find(key) or RecordRow(*key, self.endpoint_id, self.session.work.now)

    def root(self, row: RecordRow) -> RecordRow:
        """The record that took the place of this one."""
        if row.merged_into is None:
            return row
        return self.find(RecordKey(row.system, row.object, row.merged_into)) or row

    def keep(self, row: RecordRow) -> RecordRow:
        """Write a record, new or changed."""
        self.session.stored.crm.records[row.key] = row
        self.session.work.rows.crm.records[row.key] = row
        self.session.work.rows.crm.forgotten.discard(row.key)
        return row

    def forget(self, row: RecordRow) -> None:
        """Nothing is known about a record any more."""
        self.session.stored.crm.records.pop(row.key, None)
        self.session.work.rows.crm.records.pop(row.key, None)
        self.session.work.rows.crm.forgotten.add(row.key)

    def of_lead(self, lead_id: str) -> list[RecordRow]:
        """The records that are a lead."""
        return [each for each in self.session.stored.crm.records.values() if each.lead_id == lead_id]

    def is_other_record(self, key: RecordKey, lead_id: str) -> bool:
        """Whether a lead is another record with the number of this one, of another CRM or another object."""
        return shares_number(key, (each.key for each in self.of_lead(lead_id) if each.deal is None))

    def version(self, key: RecordKey, name: str) -> FieldVersion | None:
        """What is known about a field."""
        return self.session.stored.crm.versions.get((key, name))

    def versions(self, key: RecordKey) -> Iterator[tuple[str, FieldVersion]]:
        """What is known about the fields of a record."""
        for (of, name), version in list(self.session.stored.crm.versions.items()):
            if of == key:
                yield name, version

    def keep_version(self, key: RecordKey, name: str, version: FieldVersion) -> None:
        """Write the newest value of a field."""
        self.session.stored.crm.versions[key, name] = version
        self.session.work.rows.crm.versions[key, name] = version

    def open_writes(self, lead_id: str, system: str) -> list[OurWrite]:
        """Our writes of the lead's owner that have not come back, the newest first.

        A change of the owner in the CRM since then ends that: what comes after it is news.
        """
        now, crm = self.session.work.now, self.session.stored.crm
        here = [each for each in self.session.history(lead_id) if each.cause == "crm"]
        followed = max((each.decided_at for each in here), default=None)
        return [
            each
            for each in crm.writes.get(lead_id, ())
            if (each.assignment_id, system) not in crm.confirmed
            and now - each.at <= ECHO_WITHIN
            and (followed is None or each.at > followed)
        ]

    def confirm(self, write: OurWrite, system: str) -> None:
        """A write of ours came back."""
        self.session.stored.crm.confirmed.add((write.assignment_id, system))
        self.session.work.rows.crm.confirmed[write.assignment_id, system] = self.session.work.now

    def find_out(self, code: str, key: RecordKey, lead_id: str | None = None) -> None:
        """Keep a finding about a record."""
        row = FindingRow(code, self.endpoint_id, key.object, key.id, self.session.work.now, lead_id)
        self.session.work.rows.crm.findings.append(row)

    def ask(self, row: RecordRow, kind: str, what: Literal["created", "changed"]) -> RecordRow:
        """Ask somebody to read a record, unless somebody is asked already.

        A record without a lead has an id of its own in the action, under which there is no lead yet.
        """
        work, now = self.session.work, self.session.work.now
        if row.asked_at is not None and now - row.asked_at < ASK_AGAIN:
            if what == "created" and row.asked_for != what:
                return self.keep(replace(row, asked_for="created"))
            return row
        lead = self.session.find_lead(row.lead_id) if row.lead_id is not None else None
        source = uuid7()
        lead_id = lead.prior.lead_id if lead is not None else source
        assignment_id = lead.prior.assignment_id if lead is not None else source
        action = ActionRow(
            id=f"{source}.1",
            lead_id=lead_id,
            assignment_id=assignment_id,
            type="read_record",
            body={"params": {"kind": kind, "object": row.object, "id": row.id}, "due_at": now + ASK_AGAIN},
            created_at=now,
            available_at=now,
        )
        work.add_actions([action])
        return self.keep(replace(row, asked_at=now, asked_for=what, action_id=action.id))


def lead_key_of(record: RecordKey) -> LeadKey:
    """The key of the lead that a record is."""
    return LeadKey(CRM_LEAD, crm_id_key(record.id))


async def read_records(
    connection: Connection, workspace_id: int, changes: Collection[CrmChange], stored: StoredLeads
) -> set[str]:
    """Read the records that these changes are about. Returns their leads."""
    if not changes:
        return set()
    keys = {key for change in changes for key in change.records()}
    stored.crm.records = await records.find_records(connection, workspace_id, keys)
    return {each.lead_id for each in stored.crm.records.values() if each.lead_id is not None}


async def read_more(
    connection: Connection,
    workspace_id: int,
    lead_ids: Collection[str],
    changes: Collection[CrmChange],
    stored: StoredLeads,
) -> None:
    """Read the other records of the same leads, what is known of all, and what our decisions wrote."""
    if not changes:
        return
    crm, ids = stored.crm, sorted(lead_ids)
    if ids:
        for row in await records.find_records_of_leads(connection, workspace_id, ids):
            crm.records.setdefault(row.key, row)
        crm.writes, crm.confirmed = await records.find_writes(connection, workspace_id, ids)
    crm.versions = await records.find_versions(connection, workspace_id, crm.records.keys())
    for system in {each.record.system for each in changes if each.creates}:
        crm.new_records[system] = await records.count_new(connection, workspace_id, system, BURST + 1)
