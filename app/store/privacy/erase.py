"""Erasing what is held about a person, in the transaction of the commit group that ends the lead.

The numbers stay: each decision keeps its number, outcome and owner, and each event its type, time and amount.
So counters, turns and the books are as before, and no row tells who the person was.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.engine.model.lead_keys import COMPANY, PERSON, LeadKey
from app.store.connection.pool import Connection, Row
from app.store.enrichment.answers import erase_answers
from app.store.life.outbox import INSERT_ACTIONS, ActionRow
from app.store.life.suppressions import find_suppressions, suppression_keys_of
from app.store.privacy import crm_data, held_data, plan_tests
from app.store.privacy.erasures import Erasure, insert_erasure
from app.store.privacy.kept_hashes import ANY_SYSTEM, bar_record, ensure_hash_key
from app.store.privacy.personal_tables import (
    DELETED,
    KEPT,
    PERSONAL_TABLES,
    RECIPIENTS,
    PersonalTable,
)
from app.store.stored_bytes import unpack

BARRED_FOR = timedelta(days=30)
"""How long nothing is taken about an erased CRM record: longer than any vendor retries."""
ERASE = "erase"
"""The type of the action that tells executors to erase what they got."""
RENAMED_DEAL = "erased-"

TAKE_ROLE = "SELECT set_config('role', $1, true)"
"""Take a role until the end of the transaction."""
APP_ROLE, PRIVACY_ROLE = "lead_assignment_app", "lead_assignment_privacy"

UPDATE_DEAL = "UPDATE events SET ref = $3 WHERE workspace_id = $1 AND id = $2"
"""Another name for a deal."""

EMPTY_FAILED_LEAD = """
UPDATE failed_leads SET request = '', code = 'erased' WHERE workspace_id = $1 AND id = $2
"""
"""A lead that could not be decided, without what was sent."""

DELETE_ATTRIBUTE_NAMES = """
DELETE FROM attribute_names
 WHERE workspace_id = $1 AND name = ANY ($2::text[])
   AND NOT EXISTS (SELECT FROM plans
                    WHERE plans.workspace_id = $1 AND position(attribute_names.name IN document::text) > 0)
"""
"""Names of attributes that no plan uses. Those that other leads have are stored again with the next."""


@dataclass(frozen=True, slots=True)
class EraseRow:
    """A lead to erase: the time of the workspace, who asked when, and all leads of the person."""

    now: datetime
    at: datetime
    actor: str
    leads: Sequence[str]


@dataclass(slots=True)
class _Person:
    """What identifies the person behind a lead, and what the report says."""

    values: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    suppressions: int = 0
    records: int = 0


async def erase_leads(connection: Connection, workspace_id: int, erased: Mapping[str, EraseRow]) -> None:
    """Erase leads that have ended, under the workspace lock, and write the log of erasures."""
    await connection.execute(TAKE_ROLE, PRIVACY_ROLE)
    key = await ensure_hash_key(connection, workspace_id)
    messages: list[ActionRow] = []
    for lead_id, row in erased.items():
        rows = {
            table.name: await held_data.find_rows(connection, workspace_id, table, lead_id)
            for table in PERSONAL_TABLES
        }
        recipients = await _recipients(connection, workspace_id, lead_id)
        offered = any(action["number"] is not None for action in rows["actions"])
        person = _person(rows)
        await _keep_hashes(connection, workspace_id, key, lead_id, person, rows, row)
        await _erase_elsewhere(connection, workspace_id, person, rows)
        for table in PERSONAL_TABLES:
            await _erase_rows(connection, workspace_id, table, rows[table.name], row.now)
        report = _report(person, rows, recipients, offered=offered, until=row.now + BARRED_FOR)
        report["lead_ids"] = list(row.leads)
        await insert_erasure(connection, workspace_id, Erasure(lead_id, row.at, row.actor, report))
        if (recipients or offered) and rows["assignments"]:
            messages.append(_message(lead_id, str(rows["assignments"][-1]["id"]), row.now))
    await connection.execute(TAKE_ROLE, APP_ROLE)
    if messages:
        statement = INSERT_ACTIONS.format(rows="$2")
        await connection.execute(statement, workspace_id, orjson.dumps(messages).decode())


def _message(lead_id: str, assignment_id: str, now: datetime) -> ActionRow:
    body: dict[str, Any] = {"params": {}, "due_at": None}
    return ActionRow(f"{ERASE}.{lead_id}", lead_id, assignment_id, ERASE, body, now, now)


def _person(rows: Mapping[str, Sequence[Row]]) -> _Person:
    person = _Person({row["value"] for row in rows["identities"] if row["kind"] not in (COMPANY, PERSON)})
    for row in rows["assignments"]:
        values = orjson.loads(unpack(row["inputs"]) or b"{}").get("question", {}).get("values", {})
        sent = {values[name] for name in ("email", "phone") if isinstance(values.get(name), str)}
        person.values |= sent
        person.attributes |= set(_names(values.get("attributes") or {}))
    return person


def _names(attributes: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in attributes.items():
        yield before + name
        if isinstance(value, Mapping):
            yield from _names(value, f"{before}{name}.")


async def _recipients(connection: Connection, workspace_id: int, lead_id: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for statement in RECIPIENTS:
        found += [dict(row) for row in await connection.fetch(statement, workspace_id, lead_id)]
    return found


async def _keep_hashes(
    connection: Connection,
    workspace_id: int,
    key: bytes,
    lead_id: str,
    person: _Person,
    rows: Mapping[str, Sequence[Row]],
    row: EraseRow,
) -> None:
    """Count the entries of suppression lists, which are hashes, and keep the ids of CRM records as hashes."""
    entries = {str(entry["id"]) for entry in rows["suppressions"]}
    about = await find_suppressions(connection, workspace_id, suppression_keys_of(person.values))
    entries |= {entry.id for entry in about}
    keys = [LeadKey(each["kind"], each["value"], each["source"]) for each in rows["identities"]]
    found = await crm_data.find_records(connection, workspace_id, lead_id, keys)
    records = found.all()
    await crm_data.erase_records(connection, workspace_id, key, lead_id, records)
    await held_data.erase_list_answers(connection, workspace_id, lead_id, records)
    await crm_data.erase_failures(connection, workspace_id, key, person.values)
    barred = {*found.certain(), *((ANY_SYSTEM, ANY_SYSTEM, id_) for id_ in found.bare_ids)}
    for record in barred:
        await bar_record(connection, workspace_id, key, record, row.now + BARRED_FOR)
    person.suppressions, person.records = len(entries), len(barred)


async def _erase_elsewhere(
    connection: Connection, workspace_id: int, person: _Person, rows: Mapping[str, Sequence[Row]]
) -> None:
    """Erase what is not found by the id of the lead."""
    for failed in await held_data.find_failed_leads(connection, workspace_id, person.values):
        await connection.execute(EMPTY_FAILED_LEAD, workspace_id, failed["id"])
    await erase_answers(connection, workspace_id, person.values)
    await connection.execute(DELETE_ATTRIBUTE_NAMES, workspace_id, sorted(person.attributes))
    distinctive = {value for value in person.values if len(value) >= held_data.MIN_CHARACTERS}
    if distinctive:
        await plan_tests.erase_tests(connection, workspace_id, distinctive)
    deals = dict.fromkeys(event["ref"] for event in rows["events"] if event["ref"] is not None)
    names = {ref: f"{RENAMED_DEAL}{number}" for number, ref in enumerate(deals, 1)}
    renamed = [
        (workspace_id, event["id"], names[event["ref"]])
        for event in rows["events"]
        if event["ref"] is not None
    ]
    await connection.executemany(UPDATE_DEAL, renamed)


async def _erase_rows(
    connection: Connection, workspace_id: int, table: PersonalTable, rows: Iterable[Row], now: datetime
) -> None:
    if table.erase is KEPT:
        return
    first = 2 if table.erase == DELETED else 3
    where = " AND ".join(f"{column} = ${number}" for number, column in enumerate(table.key, first))
    if table.erase == DELETED:
        keys = [(workspace_id, *(row[column] for column in table.key)) for row in rows]
        await connection.executemany(f"DELETE FROM {table.name} WHERE workspace_id = $1 AND {where}", keys)
        return
    # Not every statement uses the time, and a parameter must have a type.
    timed = f"{where} AND $2::timestamptz IS NOT NULL"
    statement = f"UPDATE {table.name} SET {table.erase} WHERE workspace_id = $1 AND {timed}"
    keys = [(workspace_id, now, *(row[column] for column in table.key)) for row in rows]
    await connection.executemany(statement, keys)


def _report(
    person: _Person,
    rows: Mapping[str, Collection[Row]],
    recipients: Sequence[Mapping[str, str]],
    *,
    offered: bool,
    until: datetime,
) -> dict[str, Any]:
    kept: list[dict[str, Any]] = [
        {
            "what": "decisions",
            "count": len(rows["assignments"]),
            "reason": "Numbers, times and owners, for counters and turns. Nothing about the person.",
            "until": None,
        }
    ]
    if person.suppressions:
        reason = (
            "The person or their company stays blocked. Kept as keyed hashes until the entry is withdrawn."
        )
        kept.append({"what": "suppressions", "count": person.suppressions, "reason": reason, "until": None})
    if person.records:
        reason = "Late messages of the CRM must not bring the person back. Kept as keyed hashes."
        kept.append({"what": "crm_records", "count": person.records, "reason": reason, "until": until})
    kept.append(
        {
            "what": "erasure",
            "count": 1,
            "reason": "The id of the lead, the time, and who asked, to repeat it after a restore.",
            "until": None,
        }
    )
    return {"recipients": list(recipients), "log_offered": offered, "kept": kept}
