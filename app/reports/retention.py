"""How many customers are saved, renew, buy more or leave, and the revenue of that."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.pace import paced
from app.reports.cohorts import (
    COHORT,
    CREDITS,
    EVENT,
    IMMATURE,
    LEADS,
    by_group,
    cohort_question,
    notes_of,
    ungrouped,
)
from app.reports.groups import Key, group_cells, group_columns, key_of, newest, newest_change, sorted_keys
from app.reports.money import by_currency, currencies_of, shown
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import retention
from app.store.reports.retention import TYPES

_CURRENCY = Column(
    "currency", "name", "The currency of the amounts, which are never added across currencies."
)
_MONEY = (
    *(Column(f"{type_}_revenue", "money", f"The amounts of `{type_}`.") for type_ in TYPES),
    Column("retention_revenue", "money", "Revenue influenced: saved, renewed and expanded, less churned."),
)
_COLUMNS = (
    _CURRENCY,
    LEADS,
    IMMATURE,
    *(Column(type_, "rate", f"Share of the leads with `{type_}`.") for type_ in TYPES),
    Column("save_rate", "rate", "Of the leads that were saved or churned, those that were saved and stayed."),
    *_MONEY,
)
_ACTIVITY = (
    _CURRENCY,
    *(Column(type_, "count", f"Events of the type `{type_}`, by the currency they name.") for type_ in TYPES),
    *_MONEY,
)
Amounts = Mapping[tuple[Key, str], Row]


async def answer(connection: Connection, question: Question) -> Result:
    """Answer by cohort, or by the date of the events."""
    if question.by == EVENT:
        return await _activity(connection, question)
    asked = cohort_question(question)
    leads, whole = await by_group(lambda each: retention.count_outcomes(connection, each), asked)
    total = by_currency(await retention.sum_amounts(connection, ungrouped(asked)), ())
    amounts = (
        total
        if not question.group_by
        else by_currency(await retention.sum_amounts(connection, asked), question.group_by)
    )
    currencies = currencies_of(total, amounts)
    totals = [
        _cells(whole, total.get(((), each or ""))) | {"currency": shown(each)} for each in currencies if whole
    ]
    rows = [
        {
            **group_cells(question, key),
            **_cells(leads[key], amounts.get((key, each or ""))),
            "currency": shown(each),
        }
        async for key in paced(await sorted_keys(leads))
        for each in currencies
    ]
    return Result(
        Table(
            (*group_columns(question.group_by), *_COLUMNS),
            rows if question.group_by else totals,
            total_rows=totals if question.group_by else (),
        ),
        by=COHORT,
        credit=question.credit,
        method="exact",
        details={"totals": (await Table(_COLUMNS, totals).to_json())["rows"]} if question.group_by else {},
        notes=notes_of(question),
        changed_at=newest(whole["changed_at"] if whole is not None else None),
    )


def _cells(lead: Row, amounts: Row | None) -> dict[str, Any]:
    return {
        "leads": lead["leads"],
        "immature": lead["immature"],
        **{type_: Rate(lead[type_], lead["leads"]) for type_ in TYPES},
        "save_rate": Rate(lead["kept"], lead["at_risk"]),
        **_money(amounts),
    }


def _money(amounts: Row | None) -> dict[str, Decimal]:
    cells = {
        f"{type_}_revenue": amounts[f"{type_}_revenue"] if amounts is not None else Decimal()
        for type_ in TYPES
    }
    return {**cells, "retention_revenue": sum(cells.values(), Decimal())}


async def _activity(connection: Connection, question: Question) -> Result:
    reading = question.reading
    whole = await retention.count_events(connection, replace(reading, group_by=()), question.credit)
    found = await retention.count_events(connection, reading, question.credit) if question.group_by else whole
    totals = [_events(row) for row in whole]
    rows = [{**group_cells(question, key_of(row, question.group_by)), **_events(row)} for row in found]
    return Result(
        Table(
            (*group_columns(question.group_by), *_ACTIVITY),
            rows,
            total_rows=totals if question.group_by else (),
        ),
        by=EVENT,
        credit=question.credit,
        details={"totals": (await Table(_ACTIVITY, totals).to_json())["rows"]} if question.group_by else {},
        notes=notes_of(question),
        changed_at=await newest_change(whole),
    )


def _events(row: Row) -> dict[str, Any]:
    return {"currency": shown(row["currency"]), **{type_: row[type_] for type_ in TYPES}, **_money(row)}


RETENTION = Report(
    name="retention",
    question="How many customers do we save, renew and grow, how many leave, and what is that worth?",
    definition="Of the leads received in the period, the share with a `saved`, `renewed`, `expanded` or"
    " `churned` event within `within`; filter by `lead_type` or `account_status` for customers only. What a"
    " customer who left had paid is negative. `by=event` counts what happened in the period, of any lead.",
    numerator="Leads with the event in time; amounts of the events, in one currency.",
    denominator="Leads received in the period that are at least `within` old, without blocked, merged and"
    " imported ones and spam; for `save_rate` those of them that were saved or churned.",
    answer=answer,
    by=(COHORT, EVENT),
    credits=CREDITS,
    windowed=True,
    for_owner=True,
)
"""Saves, renewals, expansions and churn."""
