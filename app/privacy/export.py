"""Everything that is held about the person behind a lead."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app.engine.life.crm import RecordKey
from app.engine.model.lead_keys import LeadKey
from app.errors import Erased, NotFound
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads import lead_detail
from app.store.life.suppressions import find_suppressions, suppression_keys_of
from app.store.privacy import crm_data, erasures, held_data, plan_tests
from app.store.privacy.held_data import shown

_INTERNAL = ("dedupe_key", "event_order", "tries", "next_at", "wait_until")
_NOT_THE_PERSONS = ("state", "rows")
"""Parts of stored inputs that tell about owners and lookup tables."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is held about a person: their leads, the fields as they are now, and rows by section."""

    lead_ids: list[str]
    at: datetime
    fields: list[dict[str, Any]]
    sections: dict[str, list[dict[str, Any]]]


async def export_lead(pool: Pool, workspace_id: int, lead_id: str) -> Export:
    """Read everything about the person behind a lead, and about the leads merged with it, at one moment.

    Raises NotFound, and Erased for a lead that was erased.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        ids = await present_leads(connection, workspace_id, lead_id)
        sections = await held_data.read_sections(connection, workspace_id, ids)
        for decision in sections["decisions"]:
            inputs = decision.get("inputs") or {}
            decision["inputs"] = {
                name: value for name, value in inputs.items() if name not in _NOT_THE_PERSONS
            }
        values = values_of(sections["keys"], sections["decisions"])
        failed = await held_data.find_failed_leads(connection, workspace_id, values)
        sections["failed_leads"] = [shown(row) for row in failed]
        distinctive = {value for value in values if len(value) >= held_data.MIN_CHARACTERS}
        sections["plan_tests"] = await plan_tests.find_tests(connection, workspace_id, distinctive)
        listed = {entry["id"] for entry in sections["suppressions"]}
        entries = await find_suppressions(connection, workspace_id, suppression_keys_of(values))
        sections["suppressions"] += [asdict(row) for row in entries if row.id not in listed]
        records: set[RecordKey] = set()
        for id_ in ids:
            of_lead = (key for key in sections["keys"] if str(key["lead_id"]) == id_)
            keys = [LeadKey(key["kind"], key["value"]) for key in of_lead]
            found = await crm_data.find_records(connection, workspace_id, id_, keys)
            records |= set(found.certain())
        events, deliveries = await crm_data.read_inbox(connection, workspace_id, sorted(records))
        listed = {row["id"] for row in events}
        failures = await crm_data.find_failures(connection, workspace_id, values)
        events += [row for row in failures if row["id"] not in listed]
        answers = await held_data.find_list_answers(connection, workspace_id, ids, records)
        sections["idempotency_keys"] += [each.to_json() for each in answers]
        versions = await crm_data.read_fields(connection, workspace_id, sorted(records))
        sections["crm_fields"] = [shown(row) for row in versions]
        sections["crm_events"] = [shown(row, (*_INTERNAL, "body")) for row in events]
        sections["crm_deliveries"] = [shown(row, _INTERNAL) for row in deliveries]
        fields = [await _fields(connection, workspace_id, id_) for id_ in ids]
        return Export(ids, await read_deciding_now(connection, workspace_id), fields, sections)


async def present_leads(connection: Connection, workspace_id: int, lead_id: str) -> list[str]:
    """A lead that is not erased, and those merged with it.

    Raises NotFound or Erased.
    """
    if await erasures.find_erasure(connection, workspace_id, lead_id) is not None:
        raise Erased()
    leads = await held_data.find_person(connection, workspace_id, lead_id)
    if not leads:
        raise NotFound()
    return leads


def values_of(keys: Iterable[Mapping[str, Any]], decisions: Iterable[Mapping[str, Any]]) -> set[str]:
    """The values by which a person may be found elsewhere: keys, and addresses and numbers as sent."""
    found = {str(key["value"]) for key in keys}
    for decision in decisions:
        fields = ((decision.get("inputs") or {}).get("question") or {}).get("values") or {}
        found |= {fields[name] for name in ("email", "phone") if isinstance(fields.get(name), str)}
    return found


async def _fields(connection: Connection, workspace_id: int, lead_id: str) -> dict[str, Any]:
    found = await lead_detail.find_lead(connection, workspace_id, lead_id)
    return {"lead_id": lead_id, "fields": found.values if found is not None else {}}
