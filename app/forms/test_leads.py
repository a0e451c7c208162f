"""Test leads: decided as a dry run, and kept for seven days with what they would have become."""

from collections.abc import Sequence

import orjson

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Reply
from app.errors import Problem
from app.store.connection.pool import Pool, transaction
from app.store.forms import test_leads


async def decide_tests(
    pool: Pool, dispatch: Dispatcher, workspace_id: int, source: str, jobs: Sequence[tuple[str, Assign]]
) -> list[Reply | Problem]:
    """Decide test leads by their ids, without a trace but the answers. `source` is what sent them."""
    replies = await dispatch.dry_run_all(workspace_id, [job for _, job in jobs])
    decided = [
        (id_, orjson.dumps(job.arrival.values, default=str), reply.body)
        for (id_, job), reply in zip(jobs, replies, strict=True)
        if isinstance(reply, Reply)
    ]
    if decided:
        async with transaction(pool, workspace_id) as connection:
            for id_, lead, body in decided:
                await test_leads.insert(connection, workspace_id, id_, source, lead, body)
    return [_as_test(reply) for reply in replies]


def _as_test(reply: Reply | Problem) -> Reply | Problem:
    """The reply, marked as that of a test."""
    if isinstance(reply, Problem):
        return reply
    return Reply(reply.status, orjson.dumps({**orjson.loads(reply.body), "is_test": True}))
