"""Dry runs of many leads leave room for everybody else in the process."""

import asyncio

from app.dispatch.dispatcher import MAX_DRY_RUNS, Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import Job, Reply
from app.intake.arrival import normalize
from tests.support.workspace import Workspace

LEADS = 300


async def test_single_request_is_answered_while_dry_runs_are_under_way(workspace: Workspace) -> None:
    dispatch: Dispatcher = workspace.app.state.dispatch
    dry_runs = [
        asyncio.create_task(dispatch.dry_run_all(workspace.workspace_id, _jobs(number)))
        for number in range(2 * MAX_DRY_RUNS)
    ]
    await asyncio.sleep(0)
    reply = await dispatch.ask(workspace.workspace_id, _job("single"))
    assert reply.status == 201
    assert not any(dry_run.done() for dry_run in dry_runs[MAX_DRY_RUNS:])
    for replies in await asyncio.gather(*dry_runs):
        assert [each.status for each in replies if isinstance(each, Reply)] == [200] * LEADS


def _jobs(number: int) -> list[Job]:
    return [_job(f"{number}-{position}") for position in range(LEADS)]


def _job(name: str) -> Assign:
    return Assign(arrival=normalize({"external_id": name}), trigger="form")
