"""Test leads: decided as a dry run, and kept for seven days with what they would have become.

Their actions are withheld, so that a caller who executes the actions of an answer contacts nobody.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Reply
from app.errors import Problem
from app.store.connection.pool import Pool, transaction
from app.store.forms import test_leads

TEST = "test"
"""Why a test lead has no actions."""


async def decide_tests(
    pool: Pool, dispatch: Dispatcher, workspace_id: int, source: str, jobs: Sequence[tuple[str, Assign]]
) -> list[Reply | Problem]:
    """Decide test leads by their ids, without a trace but the answers. `source` is what sent them."""
    dry = await dispatch.dry_run_all(workspace_id, [job for _, job in jobs])
    replies = [_as_test(reply) for reply in dry]
    decided = [
        (id_, orjson.dumps(job.arrival.values, default=str), reply.body)
        for (id_, job), reply in zip(jobs, replies, strict=True)
        if isinstance(reply, Reply)
    ]
    if decided:
        async with transaction(pool, workspace_id) as connection:
            for id_, lead, body in decided:
                await test_leads.insert(connection, workspace_id, id_, source, lead, body)
    return replies


def _as_test(reply: Reply | Problem) -> Reply | Problem:
    """The reply, marked as that of a test, with its actions withheld."""
    if isinstance(reply, Problem):
        return reply
    body = {**orjson.loads(reply.body), "is_test": True}
    if body["actions"]:
        withheld = [*body.get("withheld_actions", ()), *map(_withheld, body["actions"])]
        trace = {**body["trace"], "withheld_actions": withheld, "no_actions_reason": TEST}
        body |= {"actions": [], "withheld_actions": withheld, "trace": trace}
    return Reply(reply.status, orjson.dumps(body))


def _withheld(action: dict[str, Any]) -> dict[str, Any]:
    return {"type": action["type"], "cause": TEST, "consent": None, "replaced_by": None}
