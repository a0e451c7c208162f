"""`contact`: how many leads people try to reach, and how many they reach."""

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
    Column("worked", "rate", "Tried or reached by a person, of all."),
    Column("reached", "rate", "Reached by a person, of all."),
    Column("reachable", "count", "All but those with an invalid contact that nobody reached."),
    Column("reached_of_reachable", "rate", "Reached, of reachable."),
    Column("tries_median", "number", "The median of tries until the lead was reached."),
    Column("tries_p90", "number", "The 90th percentile of that."),
    Column("tries_leads", "count", "The sample of both: leads that were tried and then reached."),
    Column("came_back", "count", "Reached without a try: they called."),
    Column("automated_only", "count", "Contacted by a bot, a sequence or an integration alone. Not worked."),
    Column("unowned", "count", "Leads that nobody has owned so far."),
    Column("immature", "count", "Leads that are younger than `within`. In no rate."),
)
_PLAIN = ("leads", "reachable", "tries_median", "tries_p90", "tries_leads", "came_back", "automated_only",
          "unowned", "immature")  # fmt: skip


async def _answer(connection: Connection, question: Question) -> Result:
    columns = credits.CONTACT[question.credit]
    counted = await store.count_contacts(connection, question.reading, columns, question.within, question.now)
    table = await table_of(question, _COLUMNS, counted, _cells)
    return Result(table, credit=question.credit, method="exact", changed_at=await newest_change(counted))


def _cells(row: Row) -> Mapping[str, Any]:
    leads = row["leads"]
    return {
        **{name: row[name] for name in _PLAIN},
        "worked": Rate(row["worked"], leads),
        "reached": Rate(row["reached"], leads),
        "reached_of_reachable": Rate(row["reached"], row["reachable"]),
    }


CONTACT = Report(
    name="contact",
    question="How many of our leads does a person try to reach, and how many do we reach?",
    definition=(
        "A try is the event `first_touch` of a person, each time that it is reported. Reached is the event "
        "`reached` of a person. What a bot, a sequence or an integration does is neither. A lead with "
        "`invalid_contact` that nobody reached is not reachable. Tries until reached are those up to the "
        "first conversation. At the event, the credit goes to the person who reached the lead, else to the "
        "one who tried first, else to its last owner."
    ),
    numerator="Leads that a person tried to reach or reached; leads that a person reached.",
    denominator="Leads received in the period, without merged and blocked ones, spam and imports.",
    answer=_answer,
    credits=("at_event", "first", "last"),
    windowed=True,
    for_owner=True,
)
