"""Stored plans in words, and how many leads each step took lately."""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.plan.document.plan import PlanDocument
from app.plan.words.plan import PlanWords, plan_in_words
from app.plan_check.parse import Strategies, parse_plan
from app.plans.limited import TooCostly, length_of, run_limited
from app.reports.upkeep import CATCH_UP_SECONDS, FactUpkeep
from app.store import plans as store
from app.store.clocks import read_now
from app.store.connection.pool import Pool, transaction
from app.store.diagnosis import plan_use
from app.store.path.journal import read_plan_version
from app.store.plans import Version

MAX_KEPT = 64
HIT_DAYS = 7


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """A version as data, as its text, and in words. `words` is None for one that cannot be read any more."""

    version: Version
    document: dict[str, Any]
    source_text: str
    words: PlanWords | None


@dataclass(frozen=True, slots=True)
class StepHits:
    """Arriving leads that each step decided from `since` until `at`, in all versions of the plan.

    `by_band` counts the leads that got each band, also those that a later step decided.
    `complete` is False while newer leads are still being counted.
    """

    since: datetime
    at: datetime
    complete: bool
    by_step: Mapping[str, int]
    by_band: Mapping[str, int]


class PlansInWords:
    """The versions that were asked for last, in words: a version never changes."""

    def __init__(self, pool: Pool, strategies: Strategies) -> None:
        self._pool, self._strategies = pool, strategies
        self._kept: OrderedDict[tuple[int, int], PlanWords | None] = OrderedDict()

    async def find(self, workspace_id: int, version: int) -> ReadPlan | None:
        """A version in words, or None where there is none. Raises Overloaded for one that takes long."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await store.find_version(connection, workspace_id, version)
            text = await store.find_text(connection, workspace_id, version)
        if found is None or text is None:
            return None
        key = workspace_id, version
        if key not in self._kept:
            self._kept[key] = await self._read(workspace_id, *text)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return ReadPlan(found, *text, self._kept[key])

    async def active_version(self, workspace_id: int) -> int:
        """The number of the active version, 0 for none."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            return await read_plan_version(connection, workspace_id)

    async def _read(self, workspace_id: int, document: dict[str, Any], text: str) -> PlanWords | None:
        try:
            return await run_limited(workspace_id, length_of(text), _in_words, document, self._strategies)
        except TooCostly:
            return None


def _in_words(source: dict[str, Any], strategies: Strategies) -> PlanWords | None:
    document = parse_plan(source, strategies)
    return plan_in_words(document, source) if isinstance(document, PlanDocument) else None


async def count_hits(pool: Pool, upkeep: FactUpkeep, workspace_id: int) -> StepHits:
    """How many arriving leads each step decided in the last days, and how many got each band."""
    cursor = await upkeep.catch_up(workspace_id, CATCH_UP_SECONDS)
    async with transaction(pool, workspace_id, read_only=True) as connection:
        at = await read_now(connection, workspace_id)
        since = at - timedelta(days=HIT_DAYS)
        found = await plan_use.count_hits(connection, workspace_id, since, at + timedelta(seconds=1))
    by_step: Counter[str] = Counter()
    by_band: Counter[str] = Counter()
    for step, band, leads in found:
        by_step[step] += leads
        if band is not None:
            by_band[band] += leads
    return StepHits(since, at, not cursor.is_behind, by_step, by_band)
