"""`rejections`: what owners give back, why, and what was refunded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.pace import in_order, paced
from app.reports.dimensions import DIMENSIONS
from app.reports.groups import Key, group_columns, key_of, newest_change, sort_key, sorted_keys
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import offers as store
from app.store.reports.cuts import NONE

REASON = "reason"
_COUNTS = ("rejected", "refunded", "after_touch", "disputed", "overturned", "other_refunds")
_COLUMNS = (
    Column("given", "count", "Leads that owners were given. For a reason, those of all reasons and of none."),
    Column("rejected", "count", "Of these, given back with a reason of the plan."),
    Column("rejection", "rate", "Rejected, of given."),
    Column("share", "rate", "Of all rejections of the answer, those of this row."),
    Column("refunded", "count", "Rejections for which the owner got their turn back."),
    Column("refund", "rate", "Refunded, of rejected."),
    Column("after_touch", "count", "Rejections after the first touch."),
    Column("disputed", "count", "Rejections that somebody disputed."),
    Column("overturned", "count", "Of these, those that were overturned; their refund is taken back."),
    Column(
        "other_refunds", "count", "Turns given back without a rejection: for spam, a merge or a take-away."
    ),
)


async def _answer(connection: Connection, question: Question) -> Result:
    by_event = question.by == "event"
    names = question.group_by or (REASON,)
    wanted = question.filters.get(REASON)
    # Without a reason a lead was not rejected, and must still be counted.
    reading = replace(
        question.reading,
        group_by=(*(name for name in names if name != REASON), REASON),
        filters={name: values for name, values in question.filters.items() if name != REASON},
    )
    counted = await store.count_rejections(connection, reading, by_event=by_event)
    rows = await _rows(counted, names, wanted, by_event=by_event)
    return Result(
        Table([*_named(names), *_COLUMNS], rows, _totals(counted, wanted, by_event=by_event)),
        by="event" if by_event else "cohort",
        credit="owner",
        notes=["What was rejected in the period, whenever it was given."] if by_event else [],
        changed_at=await newest_change(counted),
    )


def _named(names: Sequence[str]) -> list[Column]:
    texts = {REASON: "The reason of the rejection, by its name in the plan."}
    return [Column(each.name, each.unit, texts.get(each.name, each.text)) for each in group_columns(names)]


async def _rows(
    counted: Sequence[Row],
    names: Sequence[str],
    wanted: Sequence[str] | None,
    *,
    by_event: bool,
) -> list[dict[str, Any]]:
    """A row for each group; groups by reason are those of rejections alone."""
    others = [name for name in names if name != REASON]
    given: Counter[Key] = Counter()
    found: dict[Key, Counter[str]] = {}
    async for row in paced(counted):
        given[key_of(row, others)] += row["given"]
        if REASON in names and not row["rejected"]:
            continue
        counts = found.setdefault(key_of(row, names), Counter())
        counts.update(_counts(row, wanted))
    all_ = sum(counts["rejected"] for counts in found.values())
    rows = []
    async for key in paced(await sorted_keys(found)):
        group = dict(zip(names, key, strict=True))
        if REASON in names and not _is_wanted(group[REASON], wanted):
            continue
        of = given[key_of(group, others)]
        rows.append({**group, **_cells(found[key], of, all_, by_event=by_event)})
    if REASON in names:
        return await in_order(rows, lambda row: (sort_key(key_of(row, others)), -row["rejected"]))
    return rows


def _totals(counted: Sequence[Row], wanted: Sequence[str] | None, *, by_event: bool) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for row in counted:
        counts.update(_counts(row, wanted))
    given = sum(row["given"] for row in counted)
    return _cells(counts, given, counts["rejected"], by_event=by_event)


def _counts(row: Row, wanted: Sequence[str] | None) -> dict[str, int]:
    if not _is_wanted(row[REASON], wanted):
        return {}
    return {name: row[name] for name in _COUNTS}


def _is_wanted(reason: str | None, wanted: Iterable[str] | None) -> bool:
    return wanted is None or (NONE if reason is None else reason) in wanted


def _cells(counts: Mapping[str, int], given: int, all_: int, *, by_event: bool) -> dict[str, Any]:
    rejected = counts["rejected"]
    return {
        "given": None if by_event else given,
        "rejection": None if by_event else Rate(rejected, given),
        "share": Rate(rejected, all_),
        "refund": Rate(counts["refunded"], rejected),
        **{name: counts[name] for name in _COUNTS},
    }


REJECTIONS = Report(
    name="rejections",
    question="What do owners give back, why, and how many turns were refunded?",
    definition=(
        "A rejection is an assignment that its owner gave back with a reason of the plan. It belongs to the "
        "day on which the lead was given to the owner, and by event to the day on which they gave it back. "
        "A refund is a turn that the owner has back now; a dispute that overturns the rejection takes it "
        "again. Without `group_by` there is a row for each reason."
    ),
    numerator="Assignments that ended with a rejection.",
    denominator="All assignments to an owner, claims among them, without imports. By event there is no rate.",
    answer=_answer,
    by=("cohort", "event"),
    dimensions=(*DIMENSIONS, REASON),
    for_owner=True,
)
