"""What leads bring in, for each lead and each buyer, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
from app.reports.groups import Key, group_cells, group_columns, newest, newest_change, sorted_keys
from app.reports.money import by_currency, currencies_of, per, shown
from app.reports.report import Question, Report
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import revenue

MAX_CAMPAIGNS = 100
_NOTHING: Mapping[str, Any] = {
    "revenue": Decimal(),
    "deals": 0,
    "buyers": 0,
    "pipeline": Decimal(),
    "opportunities": 0,
}
_COLUMNS = (
    Column(
        "currency", "name", "The currency of the amounts. Amounts of different currencies are never added."
    ),
    LEADS,
    IMMATURE,
    Column("revenue", "money", "Won deals, less refunds and reversed deals."),
    Column("revenue_per_lead", "money", "Revenue for each lead, also for those that bought nothing."),
    Column("deals", "count", "Deals that are won."),
    Column("buyers", "count", "Leads with a deal that is won."),
    Column("revenue_per_buyer", "money", "Revenue for each buyer."),
    Column(
        "pipeline", "money", "Deals that were opened, by their last amount, even if they were lost later."
    ),
    Column("opportunities", "count", "Deals that were opened."),
    Column("pipeline_per_lead", "money", "Pipeline for each lead."),
    Column("spend", "money", "What was spent on the days of the period."),
    Column("assigned_leads", "count", "Leads of the period that had an owner, young ones too."),
    Column("qualified_leads", "count", "Leads of the period that are qualified, young ones too."),
    Column("cost_per_assigned_lead", "money", "Spend for each of the assigned leads."),
    Column("cost_per_qualified_lead", "money", "Spend for each of the qualified leads."),
)
_OF_LEADS = frozenset(
    (
        *("leads", "immature", "revenue_per_lead", "pipeline_per_lead", "assigned_leads", "qualified_leads"),
        *("cost_per_assigned_lead", "cost_per_qualified_lead"),
    )
)
"""Columns that only a cohort has."""


@dataclass(slots=True)
class _Found:
    """Leads by group, sales and spend by group and currency.

    `spend` is None if it cannot be split so, and empty if none was uploaded.
    """

    leads: Mapping[Key, Row] = field(default_factory=dict)
    sales: Mapping[tuple[Key, str], Row] = field(default_factory=dict)
    spend: Mapping[tuple[Key, str], Decimal] | None = None
    changed_at: datetime | None = None

    def row(self, key: Key, currency: str | None) -> dict[str, Any]:
        """The cells of a group in a currency."""
        sold: Any = self.sales.get((key, currency or ""), _NOTHING)
        lead: Any = self.leads.get(key) or dict.fromkeys(("leads", "immature", "assigned", "qualified"), 0)
        cells = {name: sold[name] for name in _NOTHING}
        cells |= {
            "currency": shown(currency),
            "leads": lead["leads"],
            "immature": lead["immature"],
            "revenue_per_lead": per(sold["revenue"], lead["leads"]),
            "revenue_per_buyer": per(sold["revenue"], sold["buyers"]),
            "pipeline_per_lead": per(sold["pipeline"], lead["leads"]),
            "assigned_leads": lead["assigned"],
            "qualified_leads": lead["qualified"],
        }
        if self.spend and currency is not None:
            spent = cells["spend"] = self.spend.get((key, currency), Decimal())
            cells["cost_per_assigned_lead"] = per(spent, lead["assigned"])
            cells["cost_per_qualified_lead"] = per(spent, lead["qualified"])
        return cells


async def answer(connection: Connection, question: Question) -> Result:
    """Answer by cohort, or by the date of the sales."""
    found, whole = await _find(connection, question)
    currencies = currencies_of(whole.sales, whole.spend or {}, found.sales)
    keys = await sorted_keys(
        [*found.leads, *(key for key, _ in found.sales), *(key for key, _ in found.spend or {})]
    )
    columns = [each for each in _COLUMNS if question.by != EVENT or each.name not in _OF_LEADS]
    totals = [whole.row((), currency) for currency in currencies]
    rows = [
        {**group_cells(question, key), **found.row(key, currency)}
        async for key in paced(keys)
        for currency in currencies
    ]
    table = Table(
        (*group_columns(question.group_by), *columns),
        rows if question.group_by else totals,
        total_rows=totals if question.group_by else (),
    )
    details: dict[str, Any] = {}
    if question.group_by:
        details["totals"] = (await Table(columns, totals).to_json())["rows"]
    if whole.spend is not None:
        period = question.period
        details["campaigns_without_leads"] = await revenue.list_spent_campaigns(
            connection, question.workspace_id, period.first, period.last, MAX_CAMPAIGNS
        )
    lead = whole.leads.get(())
    return Result(
        table,
        by=question.by or COHORT,
        credit=question.credit,
        method="exact",
        details=details,
        notes=notes_of(question),
        not_available={} if found.spend else {"spend": _NO_SPEND if found.spend is None else _NOT_UPLOADED},
        changed_at=newest(lead["changed_at"] if lead is not None else None, whole.changed_at),
    )


_NO_SPEND = "Spend is known by campaign and day only, so it cannot be split or filtered by anything else."

_NOT_UPLOADED = "No spend was uploaded for these days and campaigns."


async def _find(connection: Connection, question: Question) -> tuple[_Found, _Found]:
    """What there is for each group, and for all together."""
    asked = cohort_question(question)
    cohorts = [asked, ungrouped(asked)] if question.group_by else [asked]
    found = [_Found() for _ in cohorts]
    if question.by != EVENT:
        by_key, total = await by_group(lambda each: revenue.count_leads(connection, each), asked)
        found[0].leads = by_key
        found[-1].leads = {(): total} if total is not None else {}
    for each, cohort in zip(found, cohorts, strict=True):
        reading = cohort.reading
        rows = (
            await revenue.sum_sales_of_period(connection, reading, question.credit)
            if question.by == EVENT
            else await revenue.sum_sales(connection, cohort)
        )
        each.sales = by_currency(rows, reading.group_by)
        if question.by == EVENT:
            each.changed_at = await newest_change(rows)
        if revenue.SPEND_GROUPS.issuperset((*reading.group_by, *reading.filters)):
            period = question.period
            spent = await revenue.sum_spend(connection, reading, period.first, period.last)
            each.spend = {k: row["spend"] for k, row in by_currency(spent, reading.group_by).items()}
            each.changed_at = newest(each.changed_at, *(row["changed_at"] for row in spent))
    return found[0], found[-1]


REVENUE = Report(
    name="revenue",
    question="What does a lead bring in, what does a buyer, and what does a lead cost us?",
    definition="What the leads of the period brought in within `within`, one row for each currency. Each"
    " deal counts once, by its last amount, also if it was reported for a lead that was merged into another"
    " one. A refund is negative, and a deal that was reversed brings nothing. Spend is what was uploaded for"
    " the days of the period. `by=event` counts what was sold in the period, to any lead.",
    numerator="Revenue, pipeline or spend, in one currency.",
    denominator="Leads received in the period, those that bought nothing too, without blocked, merged and"
    " imported ones and spam; buyers; assigned or qualified leads.",
    answer=answer,
    by=(COHORT, EVENT),
    credits=CREDITS,
    windowed=True,
)
"""Revenue and pipeline for each lead, and the cost of a lead."""
