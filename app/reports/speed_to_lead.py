"""`speed-to-lead`: how soon a person answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.pace import paced
from app.reports.groups import Key, group_cells, group_columns, key_of, sorted_keys
from app.reports.report import Question, Report
from app.reports.samples import Samples
from app.reports.statistics import EXACT, Rate, histogram, value_of
from app.reports.tables import Column, Result, Table
from app.reports.working import WorkedUntil
from app.store.connection.pool import Connection
from app.store.path.snapshot import read_directory
from app.store.reports import speed_to_lead as store
from app.store.reports.credits import RESPONSE

HISTOGRAM = (60, 300, 900, 1800, 3600, 4 * 3600, 86400)
MINUTES = (5, 15, 60)
MAX_LISTED = 100
MAX_WAITING = 200_000
"""The working time of more leads that wait is not computed."""
_TIMES = {
    "response": "from the arrival of the lead to the first touch by a person, no matter who had the lead",
    "response_working": "the same, in the working time of the first owner",
    "owner_response": "from an owner's assignment to that owner's first touch",
    "owner_response_working": "the same, in the owner's working time",
    "accept": "from the arrival to the first acceptance; a touch or a claim accepts",
    "accept_working": "the same, in the working time of the first owner",
    "reached": "from the arrival to the first conversation",
    "reached_working": "the same, in the working time of the first owner",
}
_OWNER = "owner_response"
"""The clock that runs for each owner from when they were given the lead."""
_TOO_MANY = "more leads wait than working time is computed for"
_COUNTS = (
    Column("leads", "count", "Arrivals that a person should answer."),
    Column("touched", "rate", "Touched by a person until now, of all."),
    *(
        Column(
            f"within_{minutes}m",
            "rate",
            f"Touched within {minutes} minutes, of those that arrived at least {minutes} minutes ago.",
        )
        for minutes in MINUTES
    ),
    Column("touched_early", "count", "Touched before they arrived; they count as touched after 0 seconds."),
    Column("day_only", "count", "Touched at a time of which only the day is known; in no time below."),
    Column("automated", "count", "With an automatic answer: by a bot, a sequence or an integration."),
    Column("automated_median", "seconds", "From the arrival to the first automatic answer, if there is one."),
)


async def _answer(connection: Connection, question: Question) -> Result:
    columns = RESPONSE[question.credit]
    counts = await store.count_arrivals(connection, question.reading, columns, question.now)
    total = next(row for row in counts if row["is_total"])
    binned = total["leads"] > EXACT
    samples, not_available = await _samples(connection, question, columns, binned=binned)
    rows = await _rows(question, counts, samples)
    early = (
        await store.list_early(connection, question.reading, columns, MAX_LISTED) if total["early"] else []
    )
    times = await samples["response"].total()
    values = {value_of(int(each)): n for each, n in times.values.items()} if binned else times.values
    details: dict[str, Any] = {
        "histogram": histogram(values, HISTOGRAM),
        "untouched": sum(times.waiting.values()),
        "touched_early_lead_ids": early,
    }
    return Result(
        table=Table(_columns(question), rows, await _cells(total, samples, None)),
        credit=question.credit,
        method="binned" if binned else "exact",
        details=details,
        not_available=not_available,
        changed_at=total["changed_at"],
    )


async def _samples(
    connection: Connection, question: Question, columns: Mapping[str, str], *, binned: bool
) -> tuple[dict[str, Samples], dict[str, str]]:
    """The samples of all clocks by name, and those that cannot be told."""
    samples: dict[str, Samples] = {}
    left_out: dict[str, str] = {}
    reading, now = question.reading, question.now
    for clock in (*store.CLOCKS, _OWNER):
        wall, working = Samples(binned=binned), Samples(binned=binned)
        times = await (
            store.count_owner_times(connection, reading, now, binned=binned)
            if clock == _OWNER
            else store.count_times(connection, reading, columns, clock, now, binned=binned)
        )
        async for row in paced(times):
            _add(row, question, wall, working)
        samples[clock] = wall
        if clock == store.AUTOMATED:
            continue
        count = sum(row["count"] for row in times if row["waits"])
        if count > (0 if binned else MAX_WAITING):
            left_out[f"{clock}_working"] = _TOO_MANY
            continue
        samples[f"{clock}_working"] = working
        if count:
            waiting = await (
                store.list_owners_waiting(connection, reading, now)
                if clock == _OWNER
                else store.list_waiting(connection, reading, columns, clock, now)
            )
            await _add_waiting(connection, question, waiting, working)
    return samples, left_out


def _add(row: Mapping[str, Any], question: Question, wall: Samples, working: Samples) -> None:
    key = key_of(row, question.group_by)
    wall.add(key, row["seconds"], waits=row["waits"], count=row["count"])
    if not row["waits"] and row["working"] is not None:
        working.add(key, row["working"], waits=False, count=row["count"])


async def _add_waiting(
    connection: Connection, question: Question, waiting: Sequence[Mapping[str, Any]], working: Samples
) -> None:
    """Add how long the owners of leads that wait have worked since."""
    earliest: dict[str, Any] = {}
    async for row in paced(waiting):
        owner_id, start = row["whose"], row["start"]
        if owner_id is not None:
            earliest[owner_id] = min(start, earliest.get(owner_id, start))
    directory = await read_directory(connection, question.workspace_id, 0)
    worked = WorkedUntil(directory, earliest, question.now)
    async for row in paced(waiting):
        seconds = worked.seconds(row["whose"], row["start"], row["end"])
        working.add(key_of(row, question.group_by), seconds, waits=True)


async def _rows(
    question: Question, counts: Sequence[Mapping[str, Any]], samples: Mapping[str, Samples]
) -> list[dict[str, Any]]:
    if not question.group_by:
        return []
    found = {key_of(row, question.group_by): row for row in counts if not row["is_total"]}
    keys = found.keys() | samples["owner_response"].keys()
    return [
        {
            **group_cells(question, key),
            **await _cells(found.get(key, _NO_ARRIVALS), samples, key),
        }
        async for key in paced(sorted_keys(keys))
    ]


_NO_ARRIVALS: Mapping[str, int] = dict.fromkeys(
    (
        *("leads", "touched", "early", "day_only", "automated"),
        *(f"{name}_{minutes}" for name in ("old", "within") for minutes in MINUTES),
    ),
    0,
)
"""The counts of a group that leads did not arrive at, but were given to later."""


async def _cells(
    counts: Mapping[str, Any], samples: Mapping[str, Samples], key: Key | None
) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "leads": counts["leads"],
        "touched": Rate(counts["touched"], counts["leads"]),
        "touched_early": counts["early"],
        "day_only": counts["day_only"],
        "automated": counts["automated"],
    }
    for minutes in MINUTES:
        cells[f"within_{minutes}m"] = Rate(counts[f"within_{minutes}"], counts[f"old_{minutes}"])
    for name, sample in samples.items():
        found = sample.of(key) if key is not None else await sample.total()
        cells |= await sample.quantiles(name, found)
    return cells


def _columns(question: Question) -> list[Column]:
    names = group_columns(question.group_by)
    times = [
        Column(f"{clock}_{quantile}", "seconds", f"The {words} time {text}.")
        for clock, text in _TIMES.items()
        for quantile, words in (
            ("median", "median"),
            ("p90", "90th percentile of the"),
            ("p99", "99th percentile of the"),
        )
    ]
    return [*names, *_COUNTS, *times]


SPEED_TO_LEAD = Report(
    name="speed-to-lead",
    question="How soon does a person answer a lead?",
    definition=(
        "The time from the arrival of a lead to the first touch by a person: a try to reach it, or a "
        "conversation. Leads that nobody touched yet are in the sample: percentiles are estimated by "
        "Kaplan and Meier, and are `not_reached` while too few are touched. What a bot, a sequence or an "
        "integration does is no touch. A lead that comes again, or is opened again, counts again."
    ),
    numerator="Arrivals that a person touched, within a time.",
    denominator=(
        "Arrivals in the period that went to an owner or a queue, and for `within_…` are old enough. Without "
        "duplicates, blocked and merged leads, imports, and leads that only an automated path got."
    ),
    answer=_answer,
    credits=("first", "at_event"),
    for_owner=True,
)
