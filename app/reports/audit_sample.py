"""The sample of decisions for the weekly audit: drawn from all kinds of decisions, and the same each time.

The strata are the outcomes and reasons of the week's decisions, which never change. Each stratum gives at
least one decision while there are places; the others are shared by size, after Webster (Sainte-Laguë). Of a
stratum those decisions are drawn whose SHA-256 of `seed:decision_number` is lowest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from app.errors import refused_at
from app.places import REPORTS
from app.reports.periods import FIRST_YEAR, LAST_YEAR, Period, bucket_of
from app.reports.upkeep import CATCH_UP_SECONDS, FactUpkeep
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Pool
from app.store.reports import audit_sample as store
from app.store.reports.audit_sample import DrawnDecision, Stratum
from app.store.reports.fact_cursor import FactCursor, read_cursor
from app.store.reports.reading import report_connection
from app.store.stored_bytes import unpack
from app.store.workspaces import find_time_zone

WEEK = timedelta(days=7)
_WEEK = re.compile(r"[0-9]{4}-W[0-9]{2}")


@dataclass(frozen=True, slots=True)
class AuditSample:
    """The decisions that were drawn, and from what."""

    week: str
    seed: str
    period: Period
    now: datetime
    cursor: FactCursor
    sizes: Mapping[Stratum, int]
    drawn: Mapping[Stratum, int]
    decisions: list[DrawnDecision]

    def to_json(self) -> dict[str, Any]:
        """The sample as callers see it."""
        return {
            "week": self.week,
            "seed": self.seed,
            "period": self.period.to_json(),
            "as_of": {"decision_number": self.cursor.decision_number, "at": self.now},
            "complete": not self.cursor.is_behind and self.period.end <= self.now,
            "population": sum(self.sizes.values()),
            "drawn": len(self.decisions),
            "strata": [
                {**each._asdict(), "decisions": size, "drawn": self.drawn[each]}
                for each, size in sorted(self.sizes.items())
            ],
            "decisions": [_decision(each) for each in self.decisions],
        }


async def draw_sample(
    pool: Pool, upkeep: FactUpkeep, workspace_id: int, week: str | None, seed: str | None, places: int
) -> AuditSample:
    """Draw decisions of an ISO week, the last one that is over unless given. The seed is the week by default.

    Raises ValidationFailed for a week that does not exist.
    """
    async with REPORTS.take(workspace_id):
        asked_at = await upkeep.catch_up(workspace_id, CATCH_UP_SECONDS)
        async with report_connection(pool, workspace_id) as connection:
            now = await read_deciding_now(connection, workspace_id)
            zone = await find_time_zone(connection, workspace_id)
            week = week or bucket_of(now - WEEK, "week", zone)
            monday = _monday(week)
            period = Period(monday, monday + WEEK, zone)
            sizes = await store.count_strata(connection, workspace_id, period.start, period.end)
            drawn = allocate(sizes, places)
            seed = seed or week
            decisions = await store.draw(connection, workspace_id, period.start, period.end, seed, drawn)
            cursor = (await read_cursor(connection, workspace_id)).as_of(asked_at)
    return AuditSample(week, seed, period, now, cursor, sizes, drawn, decisions)


def allocate(sizes: Mapping[Stratum, int], places: int) -> dict[Stratum, int]:
    """How many decisions each stratum gives. Of equal claims, the larger stratum comes first."""
    ordered = sorted(sizes, key=lambda each: (-sizes[each], each))
    drawn = {each: int(at < places) for at, each in enumerate(ordered)}
    for _ in range(min(places, sum(sizes.values())) - sum(drawn.values())):
        open_ = [each for each in ordered if drawn[each] < sizes[each]]
        drawn[max(open_, key=lambda each: sizes[each] / (2 * drawn[each] + 1))] += 1
    return drawn


def _monday(week: str) -> date:
    try:
        monday = date.fromisoformat(week) if _WEEK.fullmatch(week) else None
    except ValueError:
        monday = None
    if monday is None or not FIRST_YEAR <= monday.year <= LAST_YEAR:
        detail = "must be an ISO week such as 2026-W49"
        raise refused_at(("week",), "invalid_timestamp", detail, "query")
    return monday


def _decision(drawn: DrawnDecision) -> dict[str, Any]:
    answer = orjson.loads(unpack(drawn.response)) if drawn.response else {}
    return {
        "decision_number": drawn.decision_number,
        "assignment_id": drawn.assignment_id,
        "lead_id": drawn.lead_id,
        "decided_at": drawn.decided_at.astimezone(UTC),
        "outcome": drawn.outcome,
        "code": drawn.code,
        "step": drawn.step,
        "owner": drawn.owner_id,
        "team": drawn.team_id,
        "queue": drawn.queue,
        "path": drawn.path,
        "block": drawn.block,
        "plan_version": drawn.plan_version,
        "erased": not drawn.response,
        "reason": answer.get("reason", {}).get("text"),
        "trace": answer.get("trace"),
        "result": {
            "open": drawn.open,
            "ended_at": drawn.ended_at,
            "end_cause": drawn.end_cause,
            "accepted_at": drawn.accepted_at,
            "touched_at": drawn.touched_at,
            "refunded": drawn.refunded,
            "events": [
                {"type": each["type"], "at": datetime.fromisoformat(each["at"]).astimezone(UTC)}
                for each in drawn.events
            ],
        },
    }
