"""`speed-to-lead`: how soon a person answers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.pace import paced
from app.reports.groups import Key, group_cells, group_columns, key_of, newest_change, sorted_keys
from app.reports.report import Question, Report
from app.reports.samples import Samples
from app.reports.statistics import Rate, histogram, value_of
from app.reports.tables import Column, Result, Table
from app.reports.working import WorkedUntil
from app.store.connection.pool import Connection, Row
from app.store.path.snapshot import read_directory
from app.store.reports import speed_to_lead as store
from app.store.reports.credits import RESPONSE
from app.store.reports.times import EXACT

HISTOGRAM = (60, 300, 900, 1800, 3600, 4 * 3600, 86400)
MAX_LISTED = 100
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
_CLOCKS = [f"{clock}{part}" for clock in (*store.CLOCKS, store.OWNER) for part in ("", store.WORKING)]
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
        for minutes in store.MINUTES
    ),
    Column("touched_early", "count", "Touched before they arrived; they count as touched after 0 seconds."),
    Column("day_only", "count", "Touched at a time of which only the day is known; in no time below."),
    Column("automated", "count", "With an automatic answer: by a bot, a sequence or an integration."),
    Column("automated_median", "seconds", "From the arrival to the first automatic answer, if there is one."),
)


async def _answer(connection: Connection, question: Question) -> Result:
    reading, columns = question.reading, RESPONSE[question.credit]
    binned = await store.count_up_to(connection, reading, columns, EXACT + 1) > EXACT
    arrivals = await store.count_arrivals(connection, reading, columns, question.now, binned=binned)
    given = await store.count_owner_times(connection, reading, question.now, binned=binned)
    counts, samples = await _counted(question, (*arrivals, *given), binned=binned)
    total = sum(counts.values(), Counter())
    not_available = await _add_all_waiting(connection, question, columns, samples, binned=binned)
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
        table=Table(
            _columns(question),
            await _rows(question, counts, samples),
            await _cells(total, samples, None),
        ),
        credit=question.credit,
        method="binned" if binned else "exact",
        details=details,
        not_available=not_available,
        changed_at=await newest_change(row for row in arrivals if row["clock"] == "flags"),
    )


async def _counted(
    question: Question, rows: Iterable[Row], *, binned: bool
) -> tuple[dict[Key, Counter[str]], dict[str, Samples]]:
    """The counts of each group, and the samples of all clocks by name, as far as these have stopped."""
    counts: dict[Key, Counter[str]] = {}
    samples = {name: Samples(binned=binned) for name in (*_CLOCKS, store.AUTOMATED)}
    async for row in paced(rows):
        key, clock, value, count = key_of(row, question.group_by), row["clock"], row["value"], row["count"]
        if clock == "flags":
            found = counts.setdefault(key, Counter())
            found["leads"] += count
            found.update({name: count for bit, name in enumerate(store.FLAGS) if value >> bit & 1})
        elif value is not None:
            waits = value < 0
            samples[clock].add(key, -1 - value if waits else value, waits=waits, count=count)
    return counts, samples


async def _add_all_waiting(
    connection: Connection,
    question: Question,
    columns: Mapping[str, str],
    samples: dict[str, Samples],
    *,
    binned: bool,
) -> dict[str, str]:
    """Add the working time of leads that wait. Where that cannot be told, the sample goes; returns those."""
    left_out: dict[str, str] = {}
    reading, now = question.reading, question.now
    for clock in (*store.CLOCKS, store.OWNER):
        working = f"{clock}{store.WORKING}"
        count = sum((await samples[clock].total()).waiting.values())
        if count > (0 if binned else store.MAX_WAITING):
            del samples[working]
            left_out[working] = _TOO_MANY
        elif count:
            waiting = await (
                store.list_owners_waiting(connection, reading, now)
                if clock == store.OWNER
                else store.list_waiting(connection, reading, columns, clock, now)
            )
            await _add_waiting(connection, question, waiting, samples[working])
    return left_out


async def _add_waiting(
    connection: Connection, question: Question, waiting: Sequence[Row], working: Samples
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
    question: Question, counts: Mapping[Key, Counter[str]], samples: Mapping[str, Samples]
) -> list[dict[str, Any]]:
    if not question.group_by:
        return []
    # Leads may have been given to a group that they did not arrive at.
    keys = counts.keys() | samples[store.OWNER].keys()
    return [
        {**group_cells(question, key), **await _cells(counts.get(key, Counter()), samples, key)}
        async for key in paced(await sorted_keys(keys))
    ]


async def _cells(counts: Counter[str], samples: Mapping[str, Samples], key: Key | None) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "leads": counts["leads"],
        "touched": Rate(counts["touched"], counts["leads"]),
        "touched_early": counts["early"],
        "day_only": counts["day_only"],
        "automated": counts["automated"],
    }
    for minutes in store.MINUTES:
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
