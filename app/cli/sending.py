"""The leads of a file on their way through the path, in this process, beside services that go on deciding."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

from pydantic import TypeAdapter, ValidationError

from app.cli.context import CommandError
from app.cli.files.leads import LeadFile, LeadLine, cell_of
from app.contract.types import Trigger
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Answer, IdempotencyKey, Job
from app.errors import Problem, refused_at
from app.plan.language.fields import TRIGGERS

SLICE = 256
"""Lines that are under way together."""
MAX_TRIES = 5
PAUSE_SECONDS = 1.0
_OURS = "\x1ffile\x1f"
"""Begins the keys of files: it stands in no header, so none is a caller's own."""

Told = list[Answer | Problem]
Make = Callable[[int], Job]
"""Makes the job of a place in the line, anew each time."""


def check_trigger(trigger: str) -> None:
    """Raises Stop for a trigger that leads do not have."""
    try:
        TypeAdapter(Trigger).validate_python(trigger)
    except ValidationError:
        known = ", ".join(TRIGGERS)
        raise CommandError(f"A trigger is one of {known}, or x- and a word of your own.") from None


def keys_of(file: LeadFile, column: str | None, *about: str) -> list[IdempotencyKey]:
    """The keys by which the lines of this file are known when they come again, for seven days.

    A line is known by a column that tells all lines apart, or else by what it says. Lines without anything in
    that column become faults of the file.
    """
    if column is None:
        return [IdempotencyKey(f"{_OURS}{digest.hex()}", digest) for digest in file.digests(*about)]
    if column not in file.columns:
        raise CommandError(f"The file has no column {column!r}; it has {', '.join(map(repr, file.columns))}.")
    keys: list[IdempotencyKey] = []
    good: list[LeadLine] = []
    for each in file.good:
        if cell := cell_of(each, column):
            named = hashlib.sha256(f"{column}\x1f{cell}".encode()).hexdigest()
            keys.append(IdempotencyKey(f"{_OURS}{named}", each.digest(*about)))
            good.append(each)
        else:
            file.faults.append((each.line, refused_at((), "required", f"has nothing in column {column}")))
    file.good = good
    return keys


async def sent(dispatch: Dispatcher, workspace_id: int, count: int, make: Make) -> AsyncIterator[Told]:
    """What became of so many jobs, slice by slice; each slice is durable before it is told.

    Raises Stop when the database stays away.
    """
    for start in range(0, count, SLICE):
        places = range(start, min(start + SLICE, count))
        yield await _until_told(dispatch, workspace_id, places, make)


async def _until_told(dispatch: Dispatcher, workspace_id: int, places: range, make: Make) -> Told:
    """The answers to these jobs; those for which it was too busy are sent again, with their keys."""
    told: dict[int, Answer | Problem] = {}
    for _ in range(MAX_TRIES):
        waiting = [place for place in places if place not in told]
        answers = await dispatch.ask_all(workspace_id, [make(place) for place in waiting])
        told |= {place: each for place, each in zip(waiting, answers, strict=True) if not _later(each)}
        if len(told) == len(places):
            return [told[place] for place in places]
        await asyncio.sleep(PAUSE_SECONDS)
    raise CommandError(
        f"The database does not answer. {places.start} lines or more are done; run the same command again: no"
        " line is done twice."
    )


def _later(told: Answer | Problem) -> bool:
    return isinstance(told, Problem) and told.status == 503
