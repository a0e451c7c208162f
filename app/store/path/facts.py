"""Everything a commit group must know, read after the lock is taken, in one statement for the whole group."""

from base64 import b64decode
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from app.engine.life.preferences import Preferences
from app.engine.life.signals import with_signals
from app.engine.model.accounts import AccountKey, Accounts
from app.engine.model.decision import PriorAssignment
from app.engine.model.lead_keys import LeadKey, SuppressionKey
from app.engine.model.stored import lead_fields_of
from app.pace import by_turns
from app.plan.language.durations import parse_iso
from app.store.clocks import NOW
from app.store.connection.pool import LET_PAUSE, Connection
from app.store.directory.accounts import account_lookup, accounts_from_json
from app.store.leads.current_leads import accounts_by_name, stored_signals
from app.store.leads.prior_assignment import ASSIGNMENT_COLUMNS, PRIOR_COLUMNS, prior_from_row
from app.store.life.preferences import stored_preferences
from app.store.life.suppressions import Entries, entries_from_json, suppression_lookup
from app.store.path.journal import JournalEntry, entry_from_row
from app.store.stored_bytes import unpack

MAX_LEADS_OF_KEY = 10
"""The leads looked at for one key, the newest first. A reception's number may belong to thousands."""
MAX_KEYS_OF_LEAD = 100

# Each LIMIT 1 is a fence: the look-ups stay in this order, one row of a primary key each, whatever the
# planner believes of tables that were empty when it made the plan.
SELECT_FACTS = f"""
WITH matches AS MATERIALIZED (
  SELECT wanted.kind, wanted.value, wanted.source, identity.lead_id
    FROM unnest($4::text[], $5::text[], $7::text[]) AS wanted (kind, value, source)
   CROSS JOIN LATERAL (
     SELECT lead_id FROM identities
      WHERE workspace_id = $1 AND kind = wanted.kind AND identities.value = wanted.value
        AND (wanted.source = '' OR identities.source IN (wanted.source, ''))
      ORDER BY lead_id DESC LIMIT {MAX_LEADS_OF_KEY}) AS identity
)
SELECT
  {NOW} AS now,
  (SELECT timezone FROM workspaces WHERE id = $1) AS timezone,
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
  (SELECT json_agg(matches) FROM matches) AS matches,
  (SELECT json_agg(known) FROM (
    SELECT {PRIOR_COLUMNS}, lead.signals, lead.preferences, lead.fields_from,
           encode(decision.inputs, 'base64') AS inputs,
           (SELECT json_agg(json_build_array(kind, value, source)) FROM (
              SELECT kind, value, source FROM identities
               WHERE workspace_id = $1 AND identities.lead_id = lead.id
               LIMIT {MAX_KEYS_OF_LEAD}) AS key) AS keys,
           (SELECT json_agg(json_build_array(kind, sla, started_at, reminded, clock.state)) FROM (
              SELECT kind, sla, started_at, reminded, sla_clocks.state FROM sla_clocks
               WHERE workspace_id = $1 AND sla_clocks.assignment_id = lead.assignment_id
               ORDER BY kind LIMIT 5) AS clock) AS clocks
      FROM (SELECT DISTINCT lead_id FROM matches) AS matched
     CROSS JOIN LATERAL (
       SELECT id, assignment_id, state, coalesce(fields_from, assignment_id) AS fields_from, barred_owners,
              signals, preferences
         FROM leads
        WHERE workspace_id = $1 AND id = matched.lead_id
        LIMIT 1) AS lead
     CROSS JOIN LATERAL (
       SELECT {ASSIGNMENT_COLUMNS} FROM assignments
        WHERE workspace_id = $1 AND id = lead.assignment_id
        LIMIT 1) AS assignment
     CROSS JOIN LATERAL (
       SELECT inputs FROM assignments
        WHERE workspace_id = $1 AND id = lead.fields_from
        LIMIT 1) AS decision) AS known) AS known,{suppression_lookup("$8", "$9")} AS suppressed
"""
"""The time, the journal since an entry, stored replies by key, leads that share a key, and suppressions."""

SELECT_FACTS_WITH_ACCOUNTS = f"{SELECT_FACTS.rstrip()},{account_lookup('$10', '$11')} AS accounts"
"""The same for plans that use accounts."""

_STATES = """CASE WHEN number > $2 OR $6 THEN state_delta END AS state_delta,
            CASE WHEN $6 THEN full_state END AS full_state"""
_STATES_AS_TEXT = """CASE WHEN full_state IS NULL THEN state_delta::text END AS state_delta,
            CASE WHEN $6 THEN (
              SELECT json_agg(json_build_array(part.key, team.key, coalesce(team.value, part.value)::text))
                FROM json_each(full_state) AS part
                LEFT JOIN LATERAL json_each(
                  CASE WHEN part.key IN ('standing', 'member_load') THEN part.value END) AS team ON true
            ) END AS full_state"""

SELECT_FACTS_FROM_START = SELECT_FACTS.replace(_STATES, _STATES_AS_TEXT)
"""The same for a process that knows nothing. The states are read one by one: together they have megabytes.

The full state comes in parts, each with its name and, where it is the part of a team, the team.
"""

SELECT_FACTS_WITH_ACCOUNTS_FROM_START = SELECT_FACTS_WITH_ACCOUNTS.replace(_STATES, _STATES_AS_TEXT)
"""The same for plans that use accounts."""

SELECT_NEWEST_FULL_STATE = f"""
SELECT (SELECT number FROM journal
         WHERE workspace_id = $1 AND full_state IS NOT NULL ORDER BY number DESC LIMIT 1),
       {LET_PAUSE}
"""
"""The newest journal entry with the full state. The transaction may then pause while all since is read."""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What a key stands for, and the hash of the body it came with: a decision, or else a response."""

    body_hash: bytes
    at: datetime
    assignment_id: str | None
    status: int
    body: str | None


@dataclass(frozen=True, slots=True)
class KnownLead:
    """A stored lead that shares a key with an incoming one: its assignment, all its keys and its fields.

    `account_ids` are the accounts that were found by its name.
    """

    prior: PriorAssignment
    keys: frozenset[LeadKey]
    values: Mapping[str, Any]
    account_ids: tuple[str, ...] = ()
    preferences: Preferences | None = None


@dataclass(slots=True)
class Prefetched:
    """The result of the statement. `entries` begins with the requested one, if it is still there.

    `zone` is the time zone of the workspace; UTC for one that is being deleted.

    `matches` are lead ids by key, `known` the leads they name. `suppressed` has lists, and the assignments
    whose rejects made the entries, by kind and value. `accounts` is None where no accounts were requested.
    """

    time: datetime
    zone: str
    entries: list[JournalEntry]
    replays: dict[str, StoredReply] = field(default_factory=dict)
    matches: dict[LeadKey, list[str]] = field(default_factory=dict)
    known: dict[str, KnownLead] = field(default_factory=dict)
    suppressed: Entries = field(default_factory=dict)
    accounts: Accounts | None = None


async def read_facts(
    connection: Connection,
    workspace_id: int,
    since: int | None,
    keys: Sequence[str],
    identities: Sequence[LeadKey],
    accounts: Sequence[AccountKey] | None = None,
    suppressions: Sequence[SuppressionKey] = (),
) -> Prefetched:
    """Read the facts of a commit group: the time, the journal, stored replies, known leads, accounts.

    The journal is read from entry `since`; without it, from the newest entry with the full state. `accounts`
    are the keys of accounts to look up, None where the plan uses no accounts. `suppressions` are what may be
    on a suppression list.
    """
    start = since
    if start is None:
        start = await connection.fetchval(SELECT_NEWEST_FULL_STATE, workspace_id) or 0
    kinds, values, sources = ([each[part] for each in identities] for part in range(3))
    arguments: list[Any] = [workspace_id, start, list(keys), kinds, values, since is None, sources]
    arguments += [[kind for kind, _ in suppressions], [value for _, value in suppressions]]
    if accounts:
        arguments += [[key.kind for key in accounts], [key.value for key in accounts]]
    row = await connection.fetchrow(_statement(since is None, bool(accounts)), *arguments)
    if row is None:
        raise LookupError("a statement without FROM returns one row")
    entries = _rows(row["journal"])
    return Prefetched(
        time=row["now"].astimezone(UTC),
        zone=row["timezone"] or "UTC",
        entries=[entry_from_row(entry) for entry in entries]
        if since is not None
        else await by_turns(_read_one_by_one(entries)),
        replays={reply["key"]: _reply(reply) for reply in _rows(row["replays"])},
        matches=_matches(row["matches"]),
        known={each["lead_id"]: _known(each) for each in _rows(row["known"])},
        suppressed=entries_from_json(row["suppressed"]),
        accounts=None if accounts is None else accounts_from_json(row["accounts"] if accounts else None),
    )


def _statement(from_start: bool, accounts: bool) -> str:
    if from_start:
        return SELECT_FACTS_WITH_ACCOUNTS_FROM_START if accounts else SELECT_FACTS_FROM_START
    return SELECT_FACTS_WITH_ACCOUNTS if accounts else SELECT_FACTS


def _read_one_by_one(rows: Sequence[dict[str, Any]]) -> Generator[None, None, list[JournalEntry]]:
    """The entries, whose states are still text. Pauses after each text."""
    entries = []
    for row in rows:
        delta = row["state_delta"] and orjson.loads(row["state_delta"])
        yield
        full = row["full_state"] and (yield from _join(row["full_state"]))
        entries.append(entry_from_row({**row, "state_delta": delta, "full_state": full}))
    return entries


def _join(parts: Iterable[tuple[str, str | None, str]]) -> Generator[None, None, dict[str, Any]]:
    """A full state out of its parts."""
    state: dict[str, Any] = {}
    for name, team, text in parts:
        if team is None:
            state[name] = orjson.loads(text)
        else:
            state.setdefault(name, {})[team] = orjson.loads(text)
        yield
    return state


def _rows(text: str | None) -> list[dict[str, Any]]:
    return orjson.loads(text) if text else []


def _matches(text: str | None) -> dict[LeadKey, list[str]]:
    found: dict[LeadKey, list[str]] = {}
    for each in _rows(text):
        found.setdefault(LeadKey(each["kind"], each["value"], each["source"]), []).append(each["lead_id"])
    return found


def _known(row: Mapping[str, Any]) -> KnownLead:
    question = orjson.loads(unpack(b64decode(row["inputs"])))["question"]
    fields = lead_fields_of(question)
    return KnownLead(
        prior=prior_from_row(row, "lead_id"),
        keys=frozenset(LeadKey(*key) for key in row["keys"] or ()),
        values=with_signals(fields, stored_signals(row["signals"]), row["fields_from"]),
        account_ids=accounts_by_name(question),
        preferences=stored_preferences(row["preferences"]),
    )


def _reply(row: Mapping[str, Any]) -> StoredReply:
    return StoredReply(
        body_hash=bytes.fromhex(row["body_hash"]),
        at=parse_iso(row["at"]),
        assignment_id=row["assignment_id"],
        status=row["status"],
        body=row["response"],
    )
