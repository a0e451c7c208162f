"""Many records as lines of JSON: each is checked by itself, and a bad one spoils no other."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic import ValidationError

from app.contract.directory import RecordModel, body_of, id_of
from app.contract.faults import faults_of, problem_document
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import ProblemDetails, ResponseModel
from app.contract.strict_json import parse
from app.directory.bulk import Item, slice_of, upsert
from app.errors import Problem, ValidationFailed, refused_at
from app.store.connection.pool import Pool

MEDIA = ("application/x-ndjson", "application/ndjson")
LIMITS = BodyLimits(size=8192 * KIB, seconds=60)
MAX_LINE_BYTES = 256 * KIB
MAX_LINES = 100_000
MAX_ERRORS_LISTED = 100
"""Errors are counted all, but only so many told."""

Read = tuple[int, Item | Problem]
"""The number of a line, and what is in it or what is wrong with it."""


class LineError(ResponseModel):
    """What is wrong with one line."""

    line: int
    problem: ProblemDetails


class BulkResult(ResponseModel):
    """What became of the lines."""

    created: int
    updated: int
    unchanged: int
    errors_total: int
    errors: list[LineError]


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, line: int, outcome: str | Problem) -> None:
        """Count one line."""
        if not isinstance(outcome, Problem):
            self.counts[outcome] += 1
            return
        self.counts["errors"] += 1
        if len(self.errors) < MAX_ERRORS_LISTED:
            self.errors.append({"line": line, "problem": problem_document(outcome)})

    def told(self) -> dict[str, Any]:
        """The answer."""
        counted = {name: self.counts[name] for name in ("created", "updated", "unchanged")}
        errors = sorted(self.errors, key=lambda error: int(error["line"]))
        return {**counted, "errors_total": self.counts["errors"], "errors": errors}


async def write_lines(
    pool: Pool, workspace_id: int, actor: str, resource_type: str, kind: type[RecordModel], raw: bytes
) -> Tally:
    """Write what can be written, slice by slice; each slice is durable by itself.

    Raises Refused for too many lines.
    """
    tally = Tally()
    lines = raw.split(b"\n", MAX_LINES)
    if len(lines) > MAX_LINES and lines[-1].strip():
        raise ValidationFailed(f"The limit is {MAX_LINES} lines.", code="too_many_items")
    reading = _read(lines, kind)
    while batch := list(islice(reading, slice_of(resource_type))):
        good = [(number, item) for number, item in batch if not isinstance(item, Problem)]
        for number, item in batch:
            if isinstance(item, Problem):
                tally.add(number, item)
        if good:
            outcomes = await upsert(pool, workspace_id, actor, resource_type, [item for _, item in good])
            for (number, _), outcome in zip(good, outcomes, strict=True):
                tally.add(number, outcome)
        # Lines that are all bad wait for nothing, and the process has others to serve.
        await asyncio.sleep(0)
    return tally


def _read(lines: list[bytes], kind: type[RecordModel]) -> Iterator[Read]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _item(line, kind)


def _item(line: bytes, kind: type[RecordModel]) -> Item | Problem:
    if len(line) > MAX_LINE_BYTES:
        return refused_at((), "too_long", f"must be at most {MAX_LINE_BYTES} bytes")
    try:
        sent = parse(line, LIMITS)
        if not isinstance(sent, dict):
            return refused_at((), "wrong_type", "must be an object")
        if not isinstance(sent.get("id"), str):
            return refused_at(("id",), "missing", "is required, as text")
        return id_of(sent.pop("id")), body_of(kind.model_validate(sent))
    except Problem as problem:
        return problem
    except ValidationError as refusal:
        return ValidationFailed(faults=faults_of(refusal.errors(include_input=False, include_url=False)))
