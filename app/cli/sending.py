"""Sends the leads of a file to the dispatcher of this process, while services go on deciding."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

from pydantic import TypeAdapter, ValidationError

from app.cli.context import CommandError
from app.cli.files.leads import LeadFile, LeadLine, cell_of
from app.contract.types import Trigger
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import IdempotencyKey, Job, Reply
from app.errors import Problem, refused_at
from app.plan.language.fields import TRIGGERS

BATCH_SIZE = 256
MAX_TRIES = 5
RETRY_SECONDS = 1.0
_KEY_PREFIX = "\x1ffile\x1f"
"""Starts the idempotency keys of files. No header can hold it, so no caller's key collides."""

Outcomes = list[Reply | Problem]
MakeJob = Callable[[int], Job]
"""Makes the job of a position in the file. Each retry needs a new one."""


def check_trigger(trigger: str) -> None:
    """Raises CommandError for an unknown trigger."""
    try:
        TypeAdapter(Trigger).validate_python(trigger)
    except ValidationError:
        known = ", ".join(TRIGGERS)
        raise CommandError(f"Unknown trigger. Use {known}, or your own word that starts with x-.") from None


def keys_of(file: LeadFile, id_column: str | None, *context: str) -> list[IdempotencyKey]:
    """The idempotency keys of the lines.

    A line is identified by the id column, or else by its content. A line whose id is empty becomes a fault of
    the file.
    """
    if id_column is None:
        return [IdempotencyKey(f"{_KEY_PREFIX}{digest.hex()}", digest) for digest in file.digests(*context)]
    if id_column not in file.columns:
        columns = ", ".join(map(repr, file.columns))
        raise CommandError(f"The file has no column {id_column!r}. Its columns are {columns}.")
    keys: list[IdempotencyKey] = []
    good: list[LeadLine] = []
    for line in file.good:
        if cell := cell_of(line, id_column):
            name = hashlib.sha256(f"{id_column}\x1f{cell}".encode()).hexdigest()
            keys.append(IdempotencyKey(f"{_KEY_PREFIX}{name}", line.digest(*context)))
            good.append(line)
        else:
            file.faults.append((line.line, refused_at((), "required", f"column {id_column} is empty")))
    file.good = good
    return keys


async def send(
    dispatch: Dispatcher, workspace_id: int, count: int, make_job: MakeJob
) -> AsyncIterator[Outcomes]:
    """The outcomes of all jobs, batch by batch. A batch is committed before it is returned.

    Raises CommandError if the database stays unavailable.
    """
    for start in range(0, count, BATCH_SIZE):
        positions = range(start, min(start + BATCH_SIZE, count))
        yield await _send_batch(dispatch, workspace_id, positions, make_job)


async def _send_batch(
    dispatch: Dispatcher, workspace_id: int, positions: range, make_job: MakeJob
) -> Outcomes:
    """The outcomes of these jobs. Jobs that got a 503 are sent again with the same keys."""
    outcomes: dict[int, Reply | Problem] = {}
    for _ in range(MAX_TRIES):
        waiting = [position for position in positions if position not in outcomes]
        replies = await dispatch.ask_all(workspace_id, [make_job(position) for position in waiting])
        outcomes |= {
            position: reply
            for position, reply in zip(waiting, replies, strict=True)
            if not (isinstance(reply, Problem) and reply.status == 503)
        }
        if len(outcomes) == len(positions):
            return [outcomes[position] for position in positions]
        await asyncio.sleep(RETRY_SECONDS)
    raise CommandError(
        f"The database does not respond. At least {positions.start} lines are done."
        " Run the same command again: no line is processed twice."
    )
