"""Many records as lines of JSON. An invalid line does not affect the others."""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from app.contract.directory import parse_id, parse_record
from app.contract.faults import problem_document
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import ProblemDetails, ResponseModel
from app.contract.strict_json import parse
from app.contract.types import RecordModel
from app.directory.bulk import Item, slice_of, upsert
from app.directory.editing import KeptSnapshot
from app.errors import Problem, refused_at
from app.pace import Pace
from app.store.connection.pool import Pool

MEDIA = ("application/x-ndjson", "application/ndjson")
LIMITS = BodyLimits(size=8192 * KIB, seconds=60)
MAX_LINE_BYTES = 256 * KIB
MAX_LINES = 100_000
MAX_ERRORS_LISTED = 100
"""All errors are counted, but only this many are listed."""

Read = TypeVar("Read")


class LineError(ResponseModel):
    """The problem of one line."""

    line: int
    problem: ProblemDetails


class BulkResult(ResponseModel):
    """How many lines were created, updated, left unchanged or invalid."""

    created: int
    updated: int
    unchanged: int
    errors_total: int
    errors: list[LineError]


@dataclass(slots=True)
class Tally:
    """The outcomes of the lines so far."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(self, line: int, outcome: str | Problem) -> None:
        """Counts one line."""
        if not isinstance(outcome, Problem):
            self.counts[outcome] += 1
            return
        self.counts["errors"] += 1
        if len(self.errors) < MAX_ERRORS_LISTED:
            self.errors.append({"line": line, "problem": problem_document(outcome)})

    def to_json(self) -> dict[str, Any]:
        """The outcomes as a `BulkResult`."""
        counted = {name: self.counts[name] for name in ("created", "updated", "unchanged")}
        errors = sorted(self.errors, key=lambda error: int(error["line"]))
        return {**counted, "errors_total": self.counts["errors"], "errors": errors}


async def write_lines(
    pool: Pool,
    workspace_id: int,
    actor: str,
    resource_type: str,
    model: type[RecordModel],
    raw: bytes,
    written: Callable[[int, Item], object] | None = None,
) -> Tally:
    """Writes all valid lines, slice by slice. Each slice is committed on its own.

    `written` is called with the number and the record of each line that is stored.

    Raises ValidationFailed for too many lines.
    """
    tally, kept = Tally(), KeptSnapshot()
    check_lines(raw)
    async for batch in read_lines(raw, partial(_record, model=model), slice_of(resource_type)):
        good = [(number, item) for number, item in batch if not isinstance(item, Problem)]
        for number, item in batch:
            if isinstance(item, Problem):
                tally.add(number, item)
        if good:
            items = [item for _, item in good]
            outcomes = await upsert(pool, workspace_id, actor, resource_type, items, kept)
            for (number, item), outcome in zip(good, outcomes, strict=True):
                tally.add(number, outcome)
                if written is not None and not isinstance(outcome, Problem):
                    written(number, item)
    return tally


def check_lines(raw: bytes) -> None:
    """Raises ValidationFailed for too many lines."""
    if raw.count(b"\n") >= MAX_LINES and raw.split(b"\n", MAX_LINES)[-1].strip():
        raise refused_at((), "too_many_items", f"must have at most {MAX_LINES} lines")


async def read_lines(
    raw: bytes, item_of: Callable[[Any], Read], size: int
) -> AsyncIterator[list[tuple[int, Read | Problem]]]:
    """Reads the lines in slices: the number of each, and its item or its problem.

    `item_of` makes an item of the JSON in a line. It may raise a Problem.
    """
    batch: list[tuple[int, Read | Problem]] = []
    pace = Pace()
    for number, line in enumerate(_lines(raw), 1):
        if line.strip():
            batch.append((number, _item(line, item_of)))
        if len(batch) == size:
            yield batch
            batch = []
        await pace.rest()
    if batch:
        yield batch


def _lines(raw: bytes) -> Iterator[bytes]:
    """The lines one by one: to split a large body at once would hold up everything else.

    Programs put a byte order mark before the first one.
    """
    start = len(BOM_UTF8) if raw.startswith(BOM_UTF8) else 0
    while (end := raw.find(b"\n", start)) >= 0:
        yield raw[start:end]
        start = end + 1
    yield raw[start:]


def _item(line: bytes, item_of: Callable[[Any], Read]) -> Read | Problem:
    if len(line) > MAX_LINE_BYTES:
        return refused_at((), "too_long", f"must be at most {MAX_LINE_BYTES} bytes")
    try:
        return item_of(parse(line, LIMITS))
    except Problem as problem:
        return problem


def _record(sent: Any, model: type[RecordModel]) -> Item:
    if not isinstance(sent, dict):
        raise refused_at((), "wrong_type", "must be an object")
    if not isinstance(sent.get("id"), str):
        raise refused_at(("id",), "required", "is required and must be a string")
    return parse_id(sent.pop("id")), parse_record(model, sent)
