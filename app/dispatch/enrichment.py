"""The preparer that asks providers for facts that a lead came without."""

from collections.abc import Sequence

from app.dispatch.jobs.base import Job
from app.dispatch.preparation import BULK_PREPARATION_FACTOR, PreparedFor
from app.engine.compile.plan import Plan
from app.enrichment.enricher import Enricher

ENRICHMENT = "enrichment"


class Enrichment:
    """Asks the providers of a plan, once for each lead, however often it is prepared."""

    name = ENRICHMENT
    outside = True

    def __init__(self, enricher: Enricher) -> None:
        self._enricher = enricher

    def wanted(self, plan: Plan) -> bool:
        """Whether the plan asks a provider. The account alone needs nothing before the lock."""
        return plan.enrichment is not None and bool(plan.enrichment.providers)

    async def prepare(self, jobs: Sequence[Job], of: PreparedFor) -> None:
        """Add the fields that providers fill, and the names of those that did not answer."""
        new = [job for job in jobs if job.prepared.enriched_for != of.plan.version]
        if new:
            await self._ask(new, of)
        for job in jobs:
            if (found := job.prepared.enriched) is not None:
                job.prepared.filled |= found.filled
                job.prepared.codes |= found.degraded

    async def _ask(self, jobs: Sequence[Job], of: PreparedFor) -> None:
        terms = of.plan.enrichment
        free = [(job, arrival) for job in jobs if (arrival := job.arriving()) is not None]
        if terms is None or not free:
            return
        seconds = terms.deadline * (BULK_PREPARATION_FACTOR if of.bulk else 1)
        found = await self._enricher.find_out(
            of.workspace_id,
            terms,
            [arrival.values for _, arrival in free],
            seconds,
            may_call=not of.dry_run,
        )
        for (job, _), enriched in zip(free, found, strict=True):
            job.prepared.enriched, job.prepared.enriched_for = enriched, of.plan.version
