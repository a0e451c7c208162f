"""Bodies of many items: what one thing did to all of them, and the answer of each."""

from collections.abc import Mapping, Sequence

import orjson

from app.api.http.idempotency import key_of_batch
from app.contract.faults import problem_document
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import IdempotencyKey, Job, Reply
from app.dispatch.jobs.keep_key import KeepKey
from app.errors import IdempotencyMismatch, OutcomeUnknown, Problem, WorkspaceDeleted
from app.pace import Pace

Outcome = Reply | Problem | None


async def decide_items(
    dispatch: Dispatcher, workspace_id: int, key: IdempotencyKey | None, jobs: Mapping[int, Job]
) -> dict[int, Reply | Problem]:
    """Decide the items that are valid, in order. The key stands for the body also if there are none.

    Raises IdempotencyMismatch.
    """
    if not jobs:
        if key is not None:
            await dispatch.ask(workspace_id, KeepKey(key=key_of_batch(key)))
        return {}
    decided = await dispatch.ask_all(workspace_id, list(jobs.values()))
    return dict(zip(jobs, decided, strict=True))


def problem_of_all(replies: Sequence[Outcome]) -> Problem | None:
    """The problem of the whole batch, when one thing kept every item from being decided.

    That is an idempotency key that belongs to another body, of which each decided item then tells, a
    workspace that was deleted, with whatever was decided before, or a database that does not respond. If any
    outcome is unknown, so is that of the batch.
    """
    for kind in (IdempotencyMismatch, WorkspaceDeleted):
        if any(isinstance(each, kind) for each in replies):
            return kind()
    problems = [each for each in replies if isinstance(each, Problem) and each.status == 503]
    if len(problems) < len(replies):
        return None
    return next((each for each in problems if isinstance(each, OutcomeUnknown)), problems[0])


async def items_to_json(replies: Sequence[Outcome], name: str) -> bytes:
    """The body of the answer, joined from bodies that are JSON already. `name` is that of a reply.

    Raises the problem of the whole batch.
    """
    problem = problem_of_all(replies)
    if problem is not None:
        raise problem
    parts, pace = [], Pace()
    for each in replies:
        parts.append(_item(each, name.encode()))
        await pace.rest()
    return b'{"items":[' + b",".join(parts) + b"]}"


def _item(reply: Outcome, name: bytes) -> bytes:
    if isinstance(reply, Reply):
        return b'{"status":%d,"%b":%b}' % (reply.status, name, reply.body)
    problem = reply or Problem()
    document = orjson.dumps(problem_document(problem), option=orjson.OPT_UTC_Z)
    return b'{"status":%d,"problem":%b}' % (problem.status, document)
