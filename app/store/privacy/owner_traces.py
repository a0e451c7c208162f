"""Where the name and the addresses of an owner may stand, besides the directory and decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from app.store.connection.pool import Connection
from app.store.leads.decisions import StoredDecision
from app.store.privacy.owner_erasures import OwnerErasure
from app.store.stored_bytes import FORMAT, pack, unpack

Kind = Literal["text", "json", "bytes"]
"""A text, a column of JSON, or a body as bytes, which may be compressed and need not be JSON."""
UNSENT = ("waiting", "available", "leased", "pushed", "dead")
USER_OBJECTS = ("user", "users", "owner", "systemuser")
"""What CRMs call the record of a user, in lower case."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A table to look through: its key after `workspace_id` with types, and the columns to read.

    `until` names a time of the row, and whether it is that of the workspace (`at`) or of the server: later
    rows are about another owner of the same id. `also` are columns that are read only.
    """

    table: str
    key: tuple[tuple[str, str], ...]
    columns: Mapping[str, Kind]
    until: tuple[str, Literal["at", "asked_at"]] | None = None
    also: tuple[str, ...] = ()


_ID = (("id", "uuid"),)
TRACES = (
    Trace("actions", (("id", "text"),), {"body": "json"}, ("created_at", "at"), ("state",)),
    Trace(
        "events", _ID, {"note": "text", "by_id": "text", "details": "json", "response": "bytes"},
        ("received_at", "at"),
    ),
    Trace("idempotency_keys", (("key", "text"),), {"response": "bytes"}, ("at", "at")),
    Trace("bulk_jobs", _ID, {"params": "json"}, ("created_at", "at")),
    Trace(
        "bulk_job_items", (("job_id", "uuid"), ("position", "integer")), {"details": "json", "terms": "json"}
    ),
    Trace("failed_leads", _ID, {"request": "bytes"}, ("at", "at")),
    Trace("crm_inbox", _ID, {"event": "bytes"}, ("received_at", "asked_at")),
    Trace("crm_deliveries", _ID, {"headers": "json", "body": "bytes"}, ("received_at", "asked_at")),
    Trace(
        "crm_field_versions",
        (("system", "text"), ("object", "text"), ("id", "text"), ("field", "text")),
        {"value": "text"},
    ),
)  # fmt: skip
"""The tables, in the order in which they are looked through. All are pages of their primary or unique key."""

UPDATE_DECISION = """
UPDATE assignments SET response = $4, inputs = $5
 WHERE workspace_id = $1 AND id = $2 AND response = $3
"""
"""A decision without the owner's name, unless it has been erased meanwhile."""

SELECT_ACTIONS = "SELECT id, body, state FROM actions WHERE workspace_id = $1 AND id = ANY ($2)"
"""Actions by their ids."""

UPDATE_ACTION = """
UPDATE actions SET body = $3,
       state = CASE WHEN $4 AND state <> 'acknowledged' THEN 'withdrawn' ELSE state END,
       ended_at = CASE WHEN $4 THEN coalesce(ended_at, $5) ELSE ended_at END
 WHERE workspace_id = $1 AND id = $2
"""
"""An action without the owner's addresses; without an address it can be of no use any more."""

MASK_USER_EVENTS = """
UPDATE crm_inbox SET record_id = $3
 WHERE workspace_id = $1 AND record_id = ANY ($2) AND lower(object) = ANY ($4) AND received_at <= $5
"""
"""Events about the owner as a user of the CRM."""

DELETE_USER_FINDINGS = """
DELETE FROM crm_findings
 WHERE workspace_id = $1 AND record_id = ANY ($2) AND lower(object) = ANY ($3) AND last_at <= $4
"""
"""Findings about the owner as a user of the CRM."""

DELETE_USERS = """
DELETE FROM crm_users
 WHERE workspace_id = $1 AND owner_id = $2
   AND NOT EXISTS (
     SELECT FROM directory
      WHERE directory.workspace_id = $1 AND resource_type = 'owners' AND directory.id = $2)
"""
"""What the CRM told of the owner, unless there is a new owner with this id."""

Row = dict[str, Any]


async def read_slice(
    connection: Connection, workspace_id: int, trace: Trace, erasure: OwnerErasure, limit: int
) -> list[tuple[list[str], Row]]:
    """Return the next rows of a table: their keys as texts, and the values of their columns."""
    keys = [name for name, _ in trace.key]
    columns = [*trace.columns, *trace.also]
    arguments: list[Any] = [workspace_id, limit]
    conditions = "workspace_id = $1"
    if trace.until is not None:
        arguments.append(getattr(erasure, trace.until[1]))
        conditions += f" AND {trace.until[0]} <= $3"
    if erasure.after is not None:
        first = len(arguments) + 1
        values = (f"${first + number}::text::{kind}" for number, (_, kind) in enumerate(trace.key))
        conditions += f" AND ({', '.join(keys)}) > ({', '.join(values)})"
        arguments += erasure.after
    shown = ", ".join([*(f'"{name}"::text AS key_{name}' for name in keys), *columns])
    rows = await connection.fetch(
        f"SELECT {shown} FROM {trace.table} WHERE {conditions} ORDER BY {', '.join(keys)} LIMIT $2",
        *arguments,
    )
    return [([row[f"key_{name}"] for name in keys], {name: row[name] for name in columns}) for row in rows]


async def update_row(
    connection: Connection, workspace_id: int, trace: Trace, key: Sequence[str], changed: Mapping[str, Any]
) -> None:
    """Write other values of a row, as they are stored."""
    count = len(trace.key)
    where = " AND ".join(
        f"{name} = ${number}::text::{kind}" for number, (name, kind) in enumerate(trace.key, 2)
    )
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(changed, count + 2))
    await connection.execute(
        f"UPDATE {trace.table} SET {sets} WHERE workspace_id = $1 AND {where}",
        workspace_id,
        *key,
        *changed.values(),
    )


async def update_decision(
    connection: Connection, workspace_id: int, decided: StoredDecision, response: bytes, inputs: bytes
) -> bool:
    """Write a decision again. Returns False if it was erased meanwhile."""
    done: str = await connection.execute(
        UPDATE_DECISION, workspace_id, decided.id, decided.response, pack(response), pack(inputs)
    )
    return done.endswith(" 1")


async def find_actions(
    connection: Connection, workspace_id: int, ids: Sequence[str]
) -> dict[str, tuple[dict[str, Any], str]]:
    """Return the body and the state of actions, by id."""
    rows = await connection.fetch(SELECT_ACTIONS, workspace_id, list(ids))
    return {row["id"]: (orjson.loads(row["body"]), row["state"]) for row in rows}


async def update_action(
    connection: Connection,
    workspace_id: int,
    id_: str,
    body: Mapping[str, Any],
    erasure: OwnerErasure,
    *,
    withdraw: bool,
) -> None:
    """Write the body of an action again, and withdraw it if it can do nothing any more."""
    await connection.execute(
        UPDATE_ACTION, workspace_id, id_, orjson.dumps(body).decode(), withdraw, erasure.at
    )


async def forget_user(
    connection: Connection, workspace_id: int, erasure: OwnerErasure, crm_ids: Sequence[str]
) -> None:
    """Forget what CRMs told of the owner as their user."""
    ids, objects = list(crm_ids), list(USER_OBJECTS)
    await connection.execute(MASK_USER_EVENTS, workspace_id, ids, erasure.owner_id, objects, erasure.asked_at)
    await connection.execute(DELETE_USER_FINDINGS, workspace_id, ids, objects, erasure.asked_at)
    await connection.execute(DELETE_USERS, workspace_id, erasure.owner_id)


def stored_bytes(value: bytes) -> tuple[bytes, bool]:
    """A body as it was sent, and whether it is stored compressed."""
    return unpack(value), value.startswith(FORMAT)


def packed(value: bytes, *, compressed: bool) -> bytes:
    """A body as it is stored."""
    return pack(value) if compressed else value
