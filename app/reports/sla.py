"""`sla`: how many promises were kept, and by how much the others were missed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.pace import in_order, paced
from app.reports.groups import Key, group_columns, key_of, newest_change, sort_key
from app.reports.report import Question, Report
from app.reports.samples import Samples
from app.reports.statistics import Rate, value_of
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import sla as store
from app.store.reports.credits import PROMISE
from app.store.reports.times import EXACT

MAX_LISTED = 100
_COLUMNS = (
    Column("kind", "name", "What was promised: to `accept`, to `touch`, or to `claim` from a queue."),
    Column("compliance", "rate", "Met, of met and breached."),
    Column("met", "count", "Kept in time, by anybody."),
    Column("met_by_others", "count", "Of these, kept by another person than the owner who was asked."),
    Column("breached", "count", "Due, and kept late or not at all."),
    Column("never_kept", "count", "Of these, not kept until now."),
    Column(
        "still_running",
        "count",
        "Of these, still to be kept: the lead was not closed, nor the owner changed.",
    ),
    Column("open", "count", "Not due yet. In no rate."),
    Column("withdrawn", "count", "No promise any more before it was due. In no rate."),
    Column(
        "missed_by_median",
        "seconds",
        "By how much promises were missed; those never kept by as long as they ran, or more.",
    ),
    Column("missed_by_p90", "seconds", "The 90th percentile of that."),
)
_COUNTED: Mapping[str, Callable[[Row], bool]] = {
    "met": lambda row: row["state"] == "met",
    "met_by_others": lambda row: row["by_others"],
    "breached": lambda row: row["state"] == "breached",
    "never_kept": lambda row: row["state"] == "breached" and row["unkept"],
    "still_running": lambda row: row["state"] == "breached" and row["runs"],
    "open": lambda row: row["state"] == "open",
    "withdrawn": lambda row: row["state"] == "withdrawn",
}
"""Which promises each of the columns counts."""


async def _answer(connection: Connection, question: Question) -> Result:
    of_leads = _of_leads(question)
    columns = PROMISE[question.credit]
    reading, now = question.reading, question.now
    binned = await store.count_up_to(connection, reading, columns, EXACT + 1, of_leads=of_leads) > EXACT
    promises = await store.count_promises(connection, reading, columns, now, of_leads=of_leads, binned=binned)
    rows = await _rows(promises, question.group_by, binned=binned)
    all_ = await _rows(promises, (), binned=binned) if question.group_by else rows
    return Result(
        table=Table(_columns(question), rows, total_rows=all_ if question.group_by else ()),
        by="lead" if of_leads else "owner",
        credit=question.credit,
        method="binned" if binned else "exact",
        details=await _details(
            connection, question, all_, await _least(promises, binned=binned), of_leads=of_leads
        ),
        notes=_notes(question),
        changed_at=await newest_change(promises),
    )


def _of_leads(question: Question) -> bool:
    """Whether the promise to the lead counts, which is the first; else that of each assignment."""
    if question.by:
        return question.by == "lead"
    return "owner" not in question.group_by and "owner" not in question.filters and question.credit == "owner"


def _notes(question: Question) -> list[str]:
    if question.credit == "at_event":
        return ["Each promise is credited to the person who kept it. What nobody kept is in no owner's row."]
    return []


async def _least(promises: Sequence[Row], *, binned: bool) -> timedelta:
    """By at least so much all promises are missed that are listed. They are due for at least as long."""
    late = Counter[int]()
    async for row in paced(promises):
        if row["late"] is not None:
            late[row["late"]] += row["count"]
    listed = 0
    for value in sorted(late, reverse=True):
        listed += late[value]
        if listed >= MAX_LISTED:
            # Times are rounded, to the nearest second.
            return timedelta(seconds=max(value_of(value - 0.5) if binned else value, 1) - 1)
    return timedelta()


async def _details(
    connection: Connection,
    question: Question,
    all_: Sequence[Mapping[str, Any]],
    least: timedelta,
    *,
    of_leads: bool,
) -> dict[str, Any]:
    missed = await store.list_missed(
        connection, question.reading, question.now, least, MAX_LISTED, of_leads=of_leads
    )
    touches = await store.count_touches(connection, question.reading)
    unpromised = await store.count_unpromised(connection, question.reading)
    return {
        "by_kind": [_plain(row) for row in all_] if question.group_by else [],
        "without_sla": [
            {
                **({} if row["is_total"] else {name: row[name] for name in question.group_by}),
                "leads": row["leads"],
            }
            for row in unpromised
        ],
        "missed": [
            {
                "kind": row["kind"],
                "lead_id": row["lead_id"],
                "by_seconds": row["late"],
                "still_running": row["runs"],
            }
            for row in missed
        ],
        "kept_by": [
            {"kind": row["kind"], "owner": row["owner"], "count": row["touches"]}
            for row in touches
            if question.owner_id in (None, row["owner"])
        ],
    }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell.to_json() if isinstance(cell, Rate) else cell for name, cell in row.items()}


async def _rows(promises: Sequence[Row], names: Sequence[str], *, binned: bool) -> list[dict[str, Any]]:
    """A row for each kind of promise in each group."""
    groups = ("kind", *names)
    counts: dict[Key, Counter[str]] = {}
    samples = Samples(binned=binned)
    async for row in paced(promises):
        key, count = key_of(row, groups), row["count"]
        counts.setdefault(key, Counter()).update(
            {name: count for name, counted in _COUNTED.items() if counted(row)}
        )
        if row["late"] is not None:
            samples.add(key, row["late"], waits=row["unkept"], count=count)
    rows = []
    async for key, found in paced(counts.items()):
        late = await samples.quantiles("missed_by", samples.of(key))
        rows.append(
            {
                **dict(zip(groups, key, strict=True)),
                "compliance": Rate(found["met"], found["met"] + found["breached"]),
                **{name: found[name] for name in _COUNTED},
                "missed_by_median": late["missed_by_median"],
                "missed_by_p90": late["missed_by_p90"],
            }
        )
    return await in_order(rows, lambda row: sort_key(key_of(row, (*names, "kind"))))


def _columns(question: Question) -> list[Column]:
    return [*group_columns(question.group_by), *_COLUMNS]


SLA = Report(
    name="sla",
    question="How many of our promises do we keep, and by how much do we miss the others?",
    definition=(
        "A promise is kept if it was done until its due time, in the working time of the owner. By lead, the "
        "promise is the first one to a person, no matter who keeps it and who has the lead then. By owner, "
        "it is the own clock of each assignment."
    ),
    numerator="Promises that were kept in time.",
    denominator=(
        "Promises that were kept in time or breached: due, and kept late or not at all. What is open and not "
        "due, was withdrawn before it was due, or has no SLA is shown beside."
    ),
    answer=_answer,
    by=("lead", "owner"),
    credits=("owner", "at_event"),
    for_owner=True,
)
