"""A lead's current assignment: its columns, and how a row becomes the engine's value."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.engine.life.clocks import PriorClock
from app.engine.model.decision import PriorAssignment
from app.plan.language.durations import parse_iso
from app.store.connection.pool import Row

ASSIGNMENT_COLUMNS = (
    "owner_id, team_id, queue, path, block, priority, decided_at, held_until, held_for_owner, held_for_team, "
    "step, attempt, touched_at, active_at, queue_since, queue_number, origin_owner"
)
"""What the engine needs of an assignment, as columns of `assignments`."""

PRIOR_COLUMNS = (
    f"lead.id AS lead_id, lead.assignment_id, lead.state, lead.barred_owners, {ASSIGNMENT_COLUMNS}"
)
"""The columns that `prior_from_row` reads, where `lead` is a row of `leads`."""


def prior_from_row(row: Row | Mapping[str, Any], matched_by: str) -> PriorAssignment:
    """Return the prior assignment out of a row with `PRIOR_COLUMNS`, fetched or out of JSON."""
    return PriorAssignment(
        lead_id=str(row["lead_id"]),
        assignment_id=str(row["assignment_id"]),
        matched_by=matched_by,
        state=row["state"],
        owner=row["owner_id"],
        team=row["team_id"],
        queue=row["queue"],
        path=row["path"],
        block=row["block"],
        priority=row["priority"],
        decided_at=_utc(row["decided_at"]),
        held_until=_utc_if(row["held_until"]),
        held_for_owner=row["held_for_owner"],
        held_for_team=row["held_for_team"],
        step=row["step"],
        attempt=row["attempt"],
        touched_at=_utc_if(row["touched_at"]),
        active_at=_utc_if(row["active_at"]),
        queue_since=_utc_if(row["queue_since"]),
        origin_owner=row["origin_owner"],
        barred=frozenset(row["barred_owners"]),
        queue_number=row["queue_number"],
        clocks=_clocks(row.get("clocks")),
    )


def _clocks(rows: Sequence[Sequence[Any]] | None) -> tuple[PriorClock, ...]:
    """The clocks out of JSON. Only facts about returning leads have them."""
    return tuple(
        PriorClock(kind, sla, _utc(started_at), reminded, state)
        for kind, sla, started_at, reminded, state in rows or ()
    )


def _utc(at: datetime | str) -> datetime:
    return parse_iso(at) if isinstance(at, str) else at.astimezone(UTC)


def _utc_if(at: datetime | str | None) -> datetime | None:
    return _utc(at) if at is not None else None
