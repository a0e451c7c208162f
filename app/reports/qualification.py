"""`qualification`: how many leads turn out to be a fit, and why the others do not."""

from collections.abc import Mapping
from typing import Any

from app.reports.groups import newest_change, table_of
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result
from app.store.connection.pool import Connection, Row
from app.store.reports import credits
from app.store.reports import leads as store

_COLUMNS = (
    Column("leads", "count", "Leads of the period; with `within`, those that are old enough."),
    Column("qualified", "rate", "Qualified, of all."),
    Column("disqualified", "rate", "Disqualified and never qualified, of all."),
    Column("undecided", "count", "Neither."),
    Column("qualified_of_decided", "rate", "Qualified, of qualified and disqualified."),
    Column("qualified_of_reached", "rate", "Qualified, of those that a person reached."),
    Column("disqualified_later", "count", "Of the qualified ones, those that were also disqualified."),
    Column("time_median", "seconds", "The median time from the arrival to the first `qualified`."),
    Column("time_p90", "seconds", "The 90th percentile of that. The sample is what was qualified."),
    Column("immature", "count", "Leads that are younger than `within`. In no rate."),
)


async def _answer(connection: Connection, question: Question) -> Result:
    columns = credits.VERDICT[question.credit]
    reading, within = question.reading, question.within
    counted = await store.count_verdicts(connection, reading, columns, within, question.now)
    reasons = await store.count_reasons(connection, reading, columns, within, question.now)
    table = await table_of(question, _COLUMNS, counted, _cells)
    details = {"disqualified_by_reason": [dict(row) for row in reasons]}
    return Result(
        table,
        credit=question.credit,
        method="exact",
        details=details,
        changed_at=await newest_change(counted),
    )


def _cells(row: Row) -> Mapping[str, Any]:
    leads, qualified, disqualified = row["leads"], row["qualified"], row["disqualified"]
    return {
        "leads": leads,
        "qualified": Rate(qualified, leads),
        "disqualified": Rate(disqualified, leads),
        "undecided": leads - qualified - disqualified,
        "qualified_of_decided": Rate(qualified, qualified + disqualified),
        "qualified_of_reached": Rate(row["reached_qualified"], row["reached"]),
        "disqualified_later": row["both_verdicts"],
        "time_median": row["seconds_median"],
        "time_p90": row["seconds_p90"],
        "immature": row["immature"],
    }


QUALIFICATION = Report(
    name="qualification",
    question="How many of our leads are a fit, and why are the others not?",
    definition=(
        "A lead is qualified if `qualified` was ever reported about it, by anybody. It is disqualified if "
        "`disqualified` was reported and `qualified` was not; the reasons are those of the first "
        "`disqualified`. The credit goes to the owner who had the lead at the event, and for a lead without "
        "a verdict to its last owner."
    ),
    numerator="Leads that were qualified; leads that were disqualified and never qualified.",
    denominator="Leads received in the period, without merged and blocked ones, spam and imports.",
    answer=_answer,
    credits=("at_event", "first", "last"),
    windowed=True,
    for_owner=True,
)
