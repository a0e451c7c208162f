"""Writing what a file holds to the directory, slice by slice."""

from collections.abc import Callable

from app.cli.files.rows import Lines
from app.contract.directory import AccountInput, CalendarInput, OwnerInput, TeamInput
from app.contract.ndjson import Tally, write_lines
from app.contract.types import RecordModel
from app.directory.bulk import slice_of
from app.store.connection.pool import Pool

ACTOR = "import"
KINDS: dict[str, type[RecordModel]] = {
    "owners": OwnerInput,
    "teams": TeamInput,
    "calendars": CalendarInput,
    "accounts": AccountInput,
}


async def load(
    pool: Pool, workspace_id: int, resource_type: str, lines: Lines, progress: Callable[[int], object]
) -> Tally:
    """Write records; each slice is durable by itself, and `progress` is told how many lines it had.

    Errors bear the numbers the lines have in the file.
    """
    whole, size = Tally(), slice_of(resource_type)
    for number, fault in lines.faults:
        whole.add(number, fault)
    for start in range(0, len(lines), size):
        part = lines.good[start : start + size]
        raw = b"\n".join(line for _, line in part)
        tally = await write_lines(pool, workspace_id, ACTOR, resource_type, KINDS[resource_type], raw)
        whole.counts.update(tally.counts)
        whole.errors += [{**error, "line": part[error["line"] - 1][0]} for error in tally.errors]
        progress(len(part))
    return whole
