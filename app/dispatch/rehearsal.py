"""Dry runs: the same desk, on a copy of the state, with the books left shut."""

from collections.abc import Sequence

import orjson

from app.dispatch.desk import Desk
from app.dispatch.jobs import Answer, Job
from app.dispatch.passes import PlanNotReady, open_desk
from app.dispatch.plans import PlanShelf
from app.problems import Problem
from app.store.database import Pool, transaction

_NOT_YET = {"assignment_id": None, "sequence": None}


async def rehearse(
    pool: Pool, workspace_id: int, jobs: Sequence[Job], shelf: PlanShelf
) -> list[Answer | Problem]:
    """Answers with status 200, as if the jobs came now and in this order. Nothing is locked or written."""
    desk = await _desk(pool, workspace_id, jobs, shelf)
    for job in jobs:
        desk.take(job)
    told: dict[int, Answer | Problem] = {id(job): _told(desk, answer) for job, answer in desk.answers}
    told |= {id(job): problem for job, problem in desk.problems}
    return [told[id(job)] for job in jobs]


async def _desk(pool: Pool, workspace_id: int, jobs: Sequence[Job], shelf: PlanShelf) -> Desk:
    while True:
        try:
            async with transaction(pool, workspace_id, read_only=True) as connection:
                return await open_desk(connection, workspace_id, None, jobs, shelf)
        except PlanNotReady as missing:
            await shelf.fetch(workspace_id, missing.version)


def _told(desk: Desk, answer: Answer) -> Answer:
    body = {**orjson.loads(answer.body), **_NOT_YET}
    if body["lead_id"] not in desk.booking.stored:
        body["lead_id"] = None
    return Answer(200, orjson.dumps(body))
