"""Accounts that are found by the name of the company, before the lock.

Words find candidates, the rarest first; those are compared here, in the process. Exact keys are read under
the lock anyway, and settle most leads. So a single lead with a domain of its own goes there first, and comes
back only if its domain leaves open which account it belongs to.
"""

import time
from collections.abc import Mapping, Sequence

from app.dispatch.jobs.base import Job
from app.dispatch.preparation import PreparedFor
from app.dispatch.prepared import ACCOUNTS
from app.engine.compile.plan import Plan
from app.engine.model.accounts import Account, AccountKey
from app.engine.model.filled import with_filled
from app.intake.account_match import MAX_SHOWN, REVIEW, Lead, parts_of
from app.intake.accounts import name_keys, names_seen
from app.metrics.process import Metrics
from app.store.connection.pool import Pool, transaction
from app.store.directory import accounts

MAX_COMPARED = 40
"""The candidates of one lead whose records are read."""
SLICE = 100
"""The leads whose candidates are read in one statement."""

NameKey = tuple[str, str]
"""The kind, `name` or `word`, and the value."""


class AccountNames:
    """The preparer that finds accounts by name."""

    name = ACCOUNTS
    outside = False

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._metrics = metrics

    def wanted(self, plan: Plan) -> bool:
        """Whether the plan matches leads to accounts by name."""
        return plan.wants_accounts and not plan.account_match.domain_only

    async def prepare(self, jobs: Sequence[Job], of: PreparedFor) -> None:
        """Add the accounts whose names are like those of the leads' companies."""
        keys: dict[int, list[NameKey]] = {}
        for position, job in enumerate(jobs):
            found = _keys_of(job)
            if found:
                keys[position] = found
            elif found is not None:
                job.prepared.accounts = {}
        waiting = list(keys)
        for first in range(0, len(waiting), SLICE):
            started = time.perf_counter()
            part = {position: keys[position] for position in waiting[first : first + SLICE]}
            await self._look_up(part, jobs, of.workspace_id)
            self._metrics.accounts_looked_up(time.perf_counter() - started)

    async def _look_up(
        self, keys: Mapping[int, Sequence[NameKey]], jobs: Sequence[Job], workspace_id: int
    ) -> None:
        wanted = list(dict.fromkeys(key for each in keys.values() for key in each))
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            ids = await accounts.find_accounts_by_name(connection, workspace_id, wanted)
            candidates = {position: _best(each, ids) for position, each in keys.items()}
            every = list(dict.fromkeys(id_ for each in candidates.values() for id_ in each))
            read = (
                await accounts.find_accounts(
                    connection, workspace_id, [AccountKey("id", id_, "name") for id_ in every]
                )
                if every
                else None
            )
        for position, of_lead in candidates.items():
            found = [each for id_ in of_lead if read for each in read.of_key.get(("id", id_), ())]
            job = jobs[position]
            arrival = job.arriving()
            if arrival is not None:
                values = with_filled(arrival.values, job.prepared.filled)
                job.prepared.accounts = _similar(Lead(values), found)


def _keys_of(job: Job) -> list[NameKey] | None:
    """The keys of the name of a lead's company. None when the lock tells first whether they are needed."""
    arrival = job.arriving()
    values = with_filled(arrival.values, job.prepared.filled) if arrival is not None else {}
    company = values.get("company")
    if company is None:
        return []
    exact = any(not key.free_email_domain for key in job.account_keys())
    if exact and not job.bulk and not job.prepared.wants_accounts:
        return None
    return [(key.kind, key.value) for key in name_keys(company)]


def _best(keys: Sequence[NameKey], ids: Mapping[NameKey, Sequence[str]]) -> list[str]:
    """The candidates that share most with a name: the whole, or rare words. Ties go by id."""
    weights: dict[str, float] = {}
    for key in keys:
        found = ids.get(key, ())
        for id_ in found:
            weights[id_] = weights.get(id_, 0.0) + (1000.0 if key[0] == "name" else 1 / len(found))
    return sorted(weights, key=lambda id_: (-weights[id_], id_))[:MAX_COMPARED]


def _similar(lead: Lead, found: Sequence[Account]) -> dict[str, str]:
    """The accounts that may be the lead's, with the names they have now."""
    scored = [(sum(parts_of(lead, each).values()), each) for each in found]
    good = sorted((-score, each.id) for score, each in scored if score >= REVIEW)[:MAX_SHOWN]
    ids = {id_ for _, id_ in good}
    return {each.id: names_seen(each) for each in found if each.id in ids}
