"""Everything a pass must know, read after the gate is taken: one statement for the whole pass."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from app.engine.model.accounts import AccountKey
from app.engine.model.decision import PriorAssignment
from app.plan.language.durations import parse_iso
from app.store.connection.pool import Connection
from app.store.directory.accounts import Accounts, accounts_in, finding
from app.store.path.journal import JournalEntry, entry_from

READ = """
SELECT
  clock_timestamp() AS real_time,
  (SELECT json_build_array(set_at, shows, speed) FROM clocks WHERE workspace_id = $1) AS clock,
  (SELECT json_agg(json_build_array(number, token, at, decision_number, received, matched, directory_version,
            plan_version, CASE WHEN number > $2 OR $6 THEN changed END, CASE WHEN $6 THEN whole END)
            ORDER BY number)
     FROM journal
    WHERE workspace_id = $1 AND number >= $2) AS journal,
  (SELECT json_agg(json_build_array(found.key, encode(found.body_hash, 'hex'), found.at, found.assignment_id,
            found.status, convert_from(found.answer, 'UTF8')))
     FROM unnest($3::text[]) AS wanted (key)
    CROSS JOIN LATERAL (
      SELECT key, body_hash, at, assignment_id, status, answer FROM idempotency
       WHERE workspace_id = $1 AND idempotency.key = wanted.key
       LIMIT 1) AS found) AS replays,
  (SELECT json_agg(json_build_array(wanted.kind, wanted.value, identity.lead_id, lead.assignment_id,
            lead.state, owner_id, team_id, queue, path, block, priority, decided_at, held_until, held_owner,
            held_team))
     FROM unnest($4::text[], $5::text[]) AS wanted (kind, value)
    CROSS JOIN LATERAL (
      SELECT lead_id FROM identities
       WHERE workspace_id = $1 AND kind = wanted.kind AND identities.value = wanted.value
       LIMIT 1) AS identity
    CROSS JOIN LATERAL (
      SELECT assignment_id, state FROM leads
       WHERE workspace_id = $1 AND id = identity.lead_id
       LIMIT 1) AS lead
    CROSS JOIN LATERAL (
      SELECT owner_id, team_id, queue, path, block, priority, decided_at, held_until, held_owner, held_team
        FROM assignments
       WHERE workspace_id = $1 AND id = lead.assignment_id
       LIMIT 1) AS assignment) AS priors
"""
"""Each LIMIT 1 is a fence: the look-ups stay in this order, one row of a primary key each, whatever the
planner believes of tables that were empty when it made the plan."""

READ_WITH_ACCOUNTS = f"{READ.rstrip()},{finding('$7', '$8')} AS accounts"
"""For plans to which the account of a lead matters."""

START = """
SELECT number FROM journal WHERE workspace_id = $1 AND whole IS NOT NULL ORDER BY number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """A workspace's own time, for development: what it showed when it was set, and how fast it goes."""

    set_at: datetime
    shows: datetime
    speed: float

    def reads(self, real: datetime) -> datetime:
        """What this clock shows at a moment of real time."""
        return self.shows + (real - self.set_at) * self.speed


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What a key already stands for, and the hash of the body it came with: a decision, or else an answer."""

    body_hash: bytes
    at: datetime
    assignment_id: str | None
    status: int
    answer: str | None


@dataclass(slots=True)
class Prefetched:
    """What the statement found. `passes` begins with the pass asked for, if that is still there.

    `accounts` is None where nobody asked for accounts.
    """

    time: datetime
    passes: list[JournalEntry]
    replays: dict[str, StoredReply] = field(default_factory=dict)
    priors: dict[tuple[str, str], PriorAssignment] = field(default_factory=dict)
    accounts: Accounts | None = None


async def read(
    connection: Connection,
    workspace_id: int,
    since: int | None,
    keys: Sequence[str],
    identities: Sequence[tuple[str, str]],
    accounts: Sequence[AccountKey] | None = None,
) -> Prefetched:
    """Facts for a pass: the time, the passes since number `since`, replays by key, persons by identity.

    Without `since` the passes begin at the newest that holds the whole state. `accounts` are the keys of
    accounts to look for, None where the plan does not want any.
    """
    start = since if since is not None else await connection.fetchval(START, workspace_id) or 0
    kinds = [kind for kind, _ in identities]
    values = [value for _, value in identities]
    wanted: list[Any] = [workspace_id, start, list(keys), kinds, values, since is None]
    if accounts:
        wanted += [[key.kind for key in accounts], [key.value for key in accounts]]
    row = await connection.fetchrow(READ_WITH_ACCOUNTS if accounts else READ, *wanted)
    if row is None:
        raise LookupError("a statement without FROM answers one row")
    return Prefetched(
        time=_time(row["real_time"], row["clock"]),
        passes=[entry_from(entry) for entry in _listed(row["journal"])],
        replays={key: _replay(*rest) for key, *rest in _listed(row["replays"])},
        priors={(kind, value): _prior(kind, rest) for kind, value, *rest in _listed(row["priors"])},
        accounts=None if accounts is None else accounts_in(row["accounts"] if accounts else None),
    )


def _listed(text: str | None) -> list[Any]:
    return orjson.loads(text) if text else []


def _time(real: datetime, clock: str | None) -> datetime:
    if clock is None:
        return real.astimezone(UTC)
    set_at, shows, speed = orjson.loads(clock)
    own = Clock(datetime.fromisoformat(set_at), datetime.fromisoformat(shows), speed)
    return own.reads(real).astimezone(UTC)


def _replay(digest: str, at: str, *rest: Any) -> StoredReply:
    return StoredReply(bytes.fromhex(digest), parse_iso(at), *rest)


def _prior(matched_by: str, row: list[Any]) -> PriorAssignment:
    lead_id, assignment_id, state, owner, team, queue, path, block, priority, decided_at, *held = row
    at = parse_iso(decided_at)
    known = (lead_id, assignment_id, matched_by, state, owner, team, queue, path, block, priority, at)
    until, held_owner, held_team = held
    return PriorAssignment(*known, parse_iso(until) if until else None, held_owner, held_team)
