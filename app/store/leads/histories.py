"""The assignments of leads as events need them: where each came from, what became of it, and its clocks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.engine.life.clocks import Clock
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.life.sla_clocks import find_clocks
from app.store.path.ledger import StoredLedgerEntry, find_turns

MAX_ASSIGNMENTS = 200
"""Of each lead the newest so many are read. An open assignment older than these is not among them."""


@dataclass(slots=True)
class TrackedAssignment:
    """One assignment that changed where its lead is, as the jobs so far left it.

    `end_cause` is None while it is open; `open` is also false for an automated or blocked lead. `turn` is the
    entry in the ledger of the turn that it took. `refunded` says that the turn, and the place in the caps per
    day, week and window, were given back; `dispute` is what became of a dispute about its reject.
    """

    id: str
    lead_id: str
    decision_number: int
    cause: str
    outcome: str
    code: str
    step: str | None
    owner_id: str | None
    team_id: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    open: bool
    decided_at: datetime
    attempt: int
    ended_at: datetime | None
    end_cause: str | None
    accepted_at: datetime | None
    touched_at: datetime | None
    active_at: datetime | None
    idle_from: datetime | None
    queue_since: datetime | None
    queue_number: int | None
    origin_owner: str | None
    from_assignment_id: str | None
    handoff: str | None
    counts_toward_load: bool = False
    refunded: bool = False
    dispute: str | None = None
    clocks: dict[str, Clock] = field(default_factory=dict)
    turn: StoredLedgerEntry | None = None

    @property
    def state_after(self) -> Literal["closed", "superseded"]:
        """The state of an assignment that has ended: its lead was closed, or has gone on to a later one."""
        return "closed" if self.end_cause in ("closed", "idle") else "superseded"


_COLUMNS = """id::text AS id, lead_id::text AS lead_id, decision_number, cause, outcome, code, step, owner_id,
       team_id, queue, path, block, priority, open, decided_at, attempt, ended_at, end_cause, accepted_at,
       touched_at, active_at, idle_from, queue_since,
       queue_number, origin_owner,
       from_assignment_id::text AS from_assignment_id, handoff, counts_toward_load, refunded, dispute"""

SELECT_HISTORIES = f"""
SELECT found.*
  FROM unnest($2::uuid[]) AS wanted (lead_id)
 CROSS JOIN LATERAL (
   SELECT {_COLUMNS} FROM assignments
    WHERE workspace_id = $1 AND assignments.lead_id = wanted.lead_id
      AND coalesce(existing_kind <> 'duplicate' AND (code <> 'reengaged' OR outcome <> 'queued'), true)
    ORDER BY assignments.decision_number DESC LIMIT $3) AS found
 ORDER BY found.decision_number
"""
"""The newest assignments of leads, without those that repeat an earlier one, in order."""


async def find_histories(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> dict[str, list[TrackedAssignment]]:
    """Return the assignments of each lead in order, with their clocks and turns."""
    rows = await connection.fetch(SELECT_HISTORIES, workspace_id, list(lead_ids), MAX_ASSIGNMENTS)
    found: dict[str, list[TrackedAssignment]] = {id_: [] for id_ in lead_ids}
    for row in rows:
        found[row["lead_id"]].append(TrackedAssignment(**row_in_utc(row)))
    await _add_clocks_and_turns(connection, workspace_id, [each for all_ in found.values() for each in all_])
    return found


async def _add_clocks_and_turns(
    connection: Connection, workspace_id: int, tracked: Iterable[TrackedAssignment]
) -> None:
    by_id = {each.id: each for each in tracked}
    for id_, clocks in (await find_clocks(connection, workspace_id, list(by_id))).items():
        by_id[id_].clocks = {clock.kind: clock for clock in clocks}
    for id_, turn in (await find_turns(connection, workspace_id, list(by_id))).items():
        by_id[id_].turn = turn
