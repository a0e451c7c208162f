"""Sends the leads of a file to the dispatcher of this process, while services go on deciding."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.cli.context import CommandError
from app.cli.files.leads import Entry, LeadFile, LeadLine, LineFault, cell_of
from app.contract.types import Trigger
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import IdempotencyKey, Job, Reply
from app.errors import Problem, refused_at
from app.plan.language.fields import TRIGGERS

BATCH_SIZE = 256
"""The lines of one commit."""
DRY_RUN_BATCH_SIZE = 2048
"""The lines of a dry run whose facts are read at once."""
MAX_TRIES = 5
RETRY_SECONDS = 1.0
_KEY_PREFIX = "\x1ffile\x1f"
"""Starts the idempotency keys of files. No header can hold it, so no caller's key collides."""

Item = TypeVar("Item")
Outcomes = list[Reply | Problem]
MakeJob = Callable[[], Job]
"""Makes the job of a line. Each retry needs a new one."""


class KeyedLine(NamedTuple):
    """A valid line and its idempotency key."""

    line: LeadLine
    key: IdempotencyKey


def check_trigger(trigger: str) -> None:
    """Raises CommandError for an unknown trigger."""
    try:
        TypeAdapter(Trigger).validate_python(trigger)
    except ValidationError:
        known = ", ".join(TRIGGERS)
        raise CommandError(f"Unknown trigger. Use {known}, or your own word that starts with x-.") from None


def with_keys(
    file: LeadFile, entries: Iterable[Entry], *context: str, by_submission: bool = False
) -> Iterator[KeyedLine | LineFault]:
    """The lines with their idempotency keys.

    A line is identified by the id column, or by the id of its submission if that is asked for, or else by its
    content. A line whose id is empty is a fault.
    """
    column = file.options.id_column
    digest_of = file.digests(*context)
    for each in entries:
        if isinstance(each, LineFault):
            yield each
        elif column is None and by_submission and (id_ := each.arrival.values.get("submission_id")):
            # Whatever else it says, the same submission is the same request.
            digest = hashlib.sha256(f"submission\x1f{id_}".encode()).digest()
            yield KeyedLine(each, IdempotencyKey(f"{_KEY_PREFIX}{digest.hex()}", digest))
        elif column is None:
            digest = digest_of(each)
            yield KeyedLine(each, IdempotencyKey(f"{_KEY_PREFIX}{digest.hex()}", digest))
        elif cell := cell_of(each, column):
            name = hashlib.sha256(f"{column}\x1f{cell}".encode()).hexdigest()
            yield KeyedLine(each, IdempotencyKey(f"{_KEY_PREFIX}{name}", each.digest(*context)))
        else:
            problem = refused_at((), "required", f"column {column} is empty")
            yield LineFault(each.line, problem, str(each.arrival.values.get("email", "")))


def batches(items: Iterable[Item], size: int = BATCH_SIZE) -> Iterator[list[Item]]:
    """The items in lists of this size."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


async def send(dispatch: Dispatcher, workspace_id: int, make_jobs: Sequence[MakeJob], done: int) -> Outcomes:
    """The outcomes of a batch, after its commit. Jobs that got a 503 are sent again with the same keys.

    `done` is the number of lines before this batch. Raises CommandError if the database stays unavailable.
    """
    outcomes: dict[int, Reply | Problem] = {}
    waiting = list(range(len(make_jobs)))
    for _ in range(MAX_TRIES):
        replies = await dispatch.ask_all(workspace_id, [make_jobs[position]() for position in waiting])
        outcomes |= dict(zip(waiting, replies, strict=True))
        waiting = [position for position in waiting if _is_unavailable(outcomes[position])]
        if not waiting:
            return [outcomes[position] for position in range(len(make_jobs))]
        await asyncio.sleep(RETRY_SECONDS)
    raise CommandError(
        f"The database does not respond. At least {done} lines are done."
        " Run the same command again: no line is processed twice."
    )


def _is_unavailable(outcome: Reply | Problem) -> bool:
    return isinstance(outcome, Problem) and outcome.status == 503
