"""Decisions as they were stored, for verifying and explaining them."""

from dataclasses import dataclass
from typing import Any

import orjson

from app.errors import Erased
from app.store.connection.pool import Connection
from app.store.stored_bytes import unpack


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One stored decision. `response` and `inputs` are as stored."""

    id: str
    decision_number: int
    outcome: str
    code: str
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    plan_version: int
    response: bytes
    inputs: bytes

    @property
    def erased(self) -> bool:
        """Whether what it was decided from was erased. Where the lead went is still known."""
        return not self.inputs and not self.response

    def read_response(self) -> dict[str, Any]:
        """Return what the caller got. Raises ValueError when it is damaged, Erased when it was erased."""
        if self.erased:
            raise Erased()
        found: dict[str, Any] = orjson.loads(unpack(self.response))
        return found

    def read_inputs(self) -> dict[str, Any]:
        """Return what the decision was made from. Raises ValueError when damaged, Erased when erased."""
        if self.erased:
            raise Erased()
        found: dict[str, Any] = orjson.loads(unpack(self.inputs))
        return found


_COLUMNS = """id::text AS id, decision_number, outcome, code, owner_id AS owner, team_id AS team, queue, path,
       block, plan_version, response, inputs"""

SELECT_DECISION = f"""
SELECT {_COLUMNS}
  FROM assignments
 WHERE workspace_id = $1 AND id = $2
"""
"""One decision."""

SELECT_DECISIONS = f"""
SELECT {_COLUMNS}
  FROM assignments
 WHERE workspace_id = $1 AND decision_number > $2 AND decision_number <= $3
 ORDER BY decision_number LIMIT $4
"""
"""Decisions between two numbers, in order."""


SELECT_NEWEST_ANSWERS = """
SELECT response FROM assignments
 WHERE workspace_id = $1 AND decision_number > 0
 ORDER BY decision_number DESC LIMIT $2
"""
"""What the callers of the newest decisions got."""


async def list_newest_answers(connection: Connection, workspace_id: int, limit: int) -> list[bytes]:
    """Return the answers of the newest decisions, the newest first, as stored. Erased ones are left out."""
    rows = await connection.fetch(SELECT_NEWEST_ANSWERS, workspace_id, limit)
    return [row["response"] for row in rows if row["response"]]


async def find_decision(
    connection: Connection, workspace_id: int, assignment_id: str
) -> StoredDecision | None:
    """Return one decision, or None."""
    row = await connection.fetchrow(SELECT_DECISION, workspace_id, assignment_id)
    return StoredDecision(**row) if row else None


async def list_decisions(
    connection: Connection, workspace_id: int, after: int, up_to: int, limit: int
) -> list[StoredDecision]:
    """Return decisions in order, after number `after` and up to number `up_to`."""
    rows = await connection.fetch(SELECT_DECISIONS, workspace_id, after, up_to, limit)
    return [StoredDecision(**row) for row in rows]
