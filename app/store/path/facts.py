"""Everything a commit group must know, read after the lock is taken, in one statement for the whole group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from app.engine.model.accounts import AccountKey
from app.engine.model.decision import PriorAssignment
from app.plan.language.durations import parse_iso
from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.directory.accounts import Accounts, account_lookup, accounts_from_json
from app.store.leads.prior_assignment import ASSIGNMENT_COLUMNS, PRIOR_COLUMNS, prior_from_row
from app.store.path.journal import JournalEntry, entry_from_row

# Each LIMIT 1 is a fence: the look-ups stay in this order, one row of a primary key each, whatever the
# planner believes of tables that were empty when it made the plan.
SELECT_FACTS = f"""
SELECT
  {NOW} AS now,
  (SELECT json_agg(entry ORDER BY number) FROM (
     SELECT number, token, at, decision_number, received, matched, directory_version, plan_version,
            CASE WHEN number > $2 OR $6 THEN state_delta END AS state_delta,
            CASE WHEN $6 THEN full_state END AS full_state
       FROM journal
      WHERE workspace_id = $1 AND number >= $2) AS entry) AS journal,
  (SELECT json_agg(found)
     FROM unnest($3::text[]) AS wanted (key)
    CROSS JOIN LATERAL (
      SELECT key, encode(body_hash, 'hex') AS body_hash, at, assignment_id, status,
             convert_from(response, 'UTF8') AS response
        FROM idempotency_keys
       WHERE workspace_id = $1 AND idempotency_keys.key = wanted.key
       LIMIT 1) AS found) AS replays,
  (SELECT json_agg(prior) FROM (
    SELECT wanted.kind, wanted.value, {PRIOR_COLUMNS}
      FROM unnest($4::text[], $5::text[]) AS wanted (kind, value)
     CROSS JOIN LATERAL (
       SELECT lead_id FROM identities
        WHERE workspace_id = $1 AND kind = wanted.kind AND identities.value = wanted.value
        LIMIT 1) AS identity
     CROSS JOIN LATERAL (
       SELECT id, assignment_id, state FROM leads
        WHERE workspace_id = $1 AND id = identity.lead_id
        LIMIT 1) AS lead
     CROSS JOIN LATERAL (
       SELECT {ASSIGNMENT_COLUMNS} FROM assignments
        WHERE workspace_id = $1 AND id = lead.assignment_id
        LIMIT 1) AS assignment) AS prior) AS priors
"""
"""The time, the journal since an entry, stored replies by key, and prior assignments by identity."""

SELECT_FACTS_WITH_ACCOUNTS = f"{SELECT_FACTS.rstrip()},{account_lookup('$7', '$8')} AS accounts"
"""The same for plans that use accounts."""

SELECT_NEWEST_FULL_STATE = """
SELECT number FROM journal WHERE workspace_id = $1 AND full_state IS NOT NULL ORDER BY number DESC LIMIT 1
"""
"""The newest journal entry with the full state."""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What a key stands for, and the hash of the body it came with: a decision, or else a response."""

    body_hash: bytes
    at: datetime
    assignment_id: str | None
    status: int
    body: str | None


@dataclass(slots=True)
class Prefetched:
    """The result of the statement. `entries` begins with the requested one, if it is still there.

    `accounts` is None where no accounts were requested.
    """

    time: datetime
    entries: list[JournalEntry]
    replays: dict[str, StoredReply] = field(default_factory=dict)
    priors: dict[tuple[str, str], PriorAssignment] = field(default_factory=dict)
    accounts: Accounts | None = None


async def read_facts(
    connection: Connection,
    workspace_id: int,
    since: int | None,
    keys: Sequence[str],
    identities: Sequence[tuple[str, str]],
    accounts: Sequence[AccountKey] | None = None,
) -> Prefetched:
    """Read the facts of a commit group: the time, the journal, stored replies, prior assignments, accounts.

    The journal is read from entry `since`; without it, from the newest entry with the full state. `accounts`
    are the keys of accounts to look up, None where the plan uses no accounts.
    """
    start = since
    if start is None:
        start = await connection.fetchval(SELECT_NEWEST_FULL_STATE, workspace_id) or 0
    kinds, values = [kind for kind, _ in identities], [value for _, value in identities]
    arguments: list[Any] = [workspace_id, start, list(keys), kinds, values, since is None]
    if accounts:
        arguments += [[key.kind for key in accounts], [key.value for key in accounts]]
    row = await connection.fetchrow(SELECT_FACTS_WITH_ACCOUNTS if accounts else SELECT_FACTS, *arguments)
    if row is None:
        raise LookupError("a statement without FROM returns one row")
    return Prefetched(
        time=row["now"].astimezone(UTC),
        entries=[entry_from_row(entry) for entry in _rows(row["journal"])],
        replays={reply["key"]: _reply(reply) for reply in _rows(row["replays"])},
        priors={
            (each["kind"], each["value"]): prior_from_row(each, each["kind"]) for each in _rows(row["priors"])
        },
        accounts=None if accounts is None else accounts_from_json(row["accounts"] if accounts else None),
    )


def _rows(text: str | None) -> list[dict[str, Any]]:
    return orjson.loads(text) if text else []


def _reply(row: Mapping[str, Any]) -> StoredReply:
    return StoredReply(
        body_hash=bytes.fromhex(row["body_hash"]),
        at=parse_iso(row["at"]),
        assignment_id=row["assignment_id"],
        status=row["status"],
        body=row["response"],
    )
