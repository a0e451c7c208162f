"""How many leads say where they came from."""

from typing import Any

from app.pace import paced
from app.reports.cohorts import by_group, cohort_question
from app.reports.groups import group_cells, group_columns, newest, sorted_keys
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import attribution

_RATES = (
    ("complete", "complete", "Share of the leads with a source, a campaign and a channel."),
    ("with_source", "with_source", "Share of the leads with a `source` or `utm.source`."),
    ("with_campaign", "with_campaign", "Share of the leads with a `campaign` or `utm.campaign`."),
    ("with_channel", "with_channel", "Share of the leads with a channel, sent or found."),
    ("unassigned", "unassigned", "Share of the leads whose tags or referrer no rule takes: `Unassigned`."),
    ("nothing_sent", "silent", "Share of the leads that say nothing about a channel."),
    (
        "conflicting_tags",
        "conflicting",
        "Share of the leads whose source, campaign, channel, click id or referrer says another origin.",
    ),
)
_COLUMNS = (
    Column("leads", "count", "Leads received in the period."),
    *(Column(name, "rate", text) for name, _, text in _RATES),
)


async def answer(connection: Connection, question: Question) -> Result:
    """Answer for the leads that were received in the period."""
    rows, whole = await by_group(
        lambda asked: attribution.count_attributed(connection, asked), cohort_question(question)
    )
    table = Table(
        (*group_columns(question.group_by), *_COLUMNS),
        [{**group_cells(question, key), **_cells(rows[key])} async for key in paced(await sorted_keys(rows))],
        _cells(whole) if whole is not None else None,
    )
    changed = newest(whole["changed_at"] if whole is not None else None)
    return Result(table, changed_at=changed)


def _cells(row: Row) -> dict[str, Any]:
    return {"leads": row["leads"], **{name: Rate(row[count], row["leads"]) for name, count, _ in _RATES}}


ATTRIBUTION = Report(
    name="attribution",
    question="Of how many leads do we know where they came from?",
    definition="Of the leads received in the period, the share with a source, a campaign, a channel"
    " or all three; and the share whose tags, click ids and referrer disagree. By owner and team, a"
    " lead counts for each that had it.",
    numerator="Leads with a source, with a campaign, with a channel, with all three; leads of which a tag"
    " contradicts the source or the campaign.",
    denominator="Leads received in the period, without blocked, merged and imported ones and spam. A"
    " duplicate is no further lead.",
    answer=answer,
)
"""Attribution: source, campaign and channel."""
