"""How many leads come to a meeting, an opportunity and a purchase, and how long it takes."""

from dataclasses import replace
from typing import Any

from app.pace import paced
from app.reports.cohorts import COHORT, CREDITS, EVENT, IMMATURE, LEADS, by_group, cohort_question, notes_of
from app.reports.groups import Key, group_cells, group_columns, key_of, newest, sorted_keys
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import conversion
from app.store.reports.conversion import STEPS
from app.store.reports.cuts import Reading

_BEFORE = {"meeting": "received", "opportunity": "meeting", "purchase": "opportunity"}
_COLUMNS = (
    LEADS,
    IMMATURE,
    *(Column(step, "rate", f"Share of the leads with a {step}.") for step in STEPS),
    *(
        Column(
            f"lost_before_{step}",
            "rate",
            f"Leakage: of the leads that came to `{before}` or further, the share that came no further.",
        )
        for step, before in _BEFORE.items()
    ),
    *(
        Column(
            f"{step}_{name}_seconds", "seconds", f"{text} time until the {step}, of the leads that have one."
        )
        for step in STEPS
        for name, text in (("median", "Median"), ("p90", "90th percentile of the"))
    ),
)
_ACTIVITY = (
    *(
        (
            Column(many, "count", text),
            Column(f"{one}_leads", "count", "Leads that they are of; a lead counts once in a row."),
        )
        for one, many, text in (
            ("meeting", "meetings", "Meetings in the period."),
            ("opportunity", "opportunities", "Deals that were opened in the period."),
            ("purchase", "purchases", "Deals that were won in the period, less those that were reversed."),
        )
    ),
)
_ACTIVITY_COLUMNS = tuple(column for pair in _ACTIVITY for column in pair)


async def answer(connection: Connection, question: Question) -> Result:
    """Answer by cohort, or by the date of the events."""
    if question.by == EVENT:
        return await _activity(connection, question)

    rows, whole = await by_group(
        lambda asked: conversion.count_conversions(connection, asked), cohort_question(question)
    )
    table = Table(
        (*group_columns(question.group_by), *_COLUMNS),
        [{**group_cells(question, key), **_row(rows[key])} async for key in paced(await sorted_keys(rows))],
        _row(whole) if whole is not None else None,
    )
    changed = newest(whole["changed_at"] if whole is not None else None)
    return Result(
        table, by=COHORT, credit=question.credit, method="exact", notes=notes_of(question), changed_at=changed
    )


def _row(row: Row) -> dict[str, Any]:
    cells: dict[str, Any] = {"leads": row["leads"], "immature": row["immature"]}
    before = row["leads"]
    for step in STEPS:
        cells[step] = Rate(row[step], row["leads"])
        cells[f"lost_before_{step}"] = Rate(before - row[f"{step}_or_later"], before)
        for name in ("median", "p90"):
            seconds = row[f"{step}_{name}"]
            cells[f"{step}_{name}_seconds"] = round(seconds) if seconds is not None else None
        before = row[f"{step}_or_later"]
    return cells


async def _activity(connection: Connection, question: Question) -> Result:
    reading, names = question.reading, question.group_by
    found = await _steps(connection, reading, question.credit) if names else {}
    whole = await _steps(connection, replace(reading, group_by=()), question.credit)
    rows = [{**group_cells(question, key), **found[key]} async for key in paced(await sorted_keys(found))]
    return Result(
        Table((*group_columns(question.group_by), *_ACTIVITY_COLUMNS), rows, whole[()]),
        by=EVENT,
        credit=question.credit,
        notes=notes_of(question),
        changed_at=whole[()]["changed_at"],
    )


async def _steps(connection: Connection, reading: Reading, credit: str) -> dict[Key, dict[str, Any]]:
    """What happened, by group: meetings and deals are counted apart."""
    found: dict[Key, dict[str, Any]] = {}
    names = [each.name for each in _ACTIVITY_COLUMNS]
    async for row in paced(await conversion.count_steps(connection, reading, credit)):
        cells = found.setdefault(
            key_of(row, reading.group_by), {**dict.fromkeys(names, 0), "changed_at": None}
        )
        cells |= {name: cells[name] + int(row[name]) for name in names}
        cells["changed_at"] = newest(cells["changed_at"], row["changed_at"])
    return found


CONVERSION = Report(
    name="conversion",
    question="How many leads come to a meeting, an opportunity and a purchase, how long does it take, and"
    " where do we lose them?",
    definition="Of the leads received in the period, the share with such an event within `within` of being"
    " received. A deal that was reversed within `within` is no purchase. A lead that skipped a step counts as"
    " having passed it, in `lost_before_…` only. `by=event` counts what happened in the period, of any lead.",
    numerator="Leads with the event in time.",
    denominator="Leads received in the period that are at least `within` old, without blocked, merged and"
    " imported ones and spam; a duplicate is no further lead. For `lost_before_…` those that came to the step"
    " before, or further.",
    answer=answer,
    by=(COHORT, EVENT),
    credits=CREDITS,
    windowed=True,
    for_owner=True,
)
"""Conversion: lead to meeting, to opportunity, to purchase."""
