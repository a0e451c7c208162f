"""`experience`: how people take our follow-up."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.reports.groups import newest_change, table_of
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result
from app.store.connection.pool import Connection, Row
from app.store.reports import experience as store
from app.store.reports.credits import FIRST_OR_LAST

_COLUMNS = (
    Column("leads", "count", "Leads of the period."),
    Column("followed_up", "count", "Of these, followed up; with `within`, long enough ago."),
    Column("unsubscribed", "rate", "Unsubscribed after the first follow-up, of followed up."),
    Column("complained", "rate", "Complained after the first follow-up, of followed up."),
    Column("unsubscribed_or_complained", "rate", "Either, of followed up."),
    Column("automated", "count", "Followed up by machines alone."),
    Column("automated_unsubscribed", "rate", "Unsubscribed, of those."),
    Column("automated_complained", "rate", "Complained, of those."),
    Column("by_person", "count", "Followed up by a person, or by a person too."),
    Column("by_person_unsubscribed", "rate", "Unsubscribed, of those."),
    Column("by_person_complained", "rate", "Complained, of those."),
    Column("unsubscribed_otherwise", "count", "Unsubscribed before a follow-up, or without one."),
    Column("complained_otherwise", "count", "Complained before a follow-up, or without one."),
    Column("immature", "count", "Followed up more recently than `within`. In no rate."),
)
_PLAIN = ("leads", "followed_up", "automated", "by_person", "unsubscribed_otherwise", "complained_otherwise",
          "immature")  # fmt: skip


async def _answer(connection: Connection, question: Question) -> Result:
    columns = FIRST_OR_LAST[question.credit]
    counted = await store.count_answers(connection, question.reading, columns, question.within, question.now)
    closed = await store.count_closed(connection, question.reading, columns, question.within, question.now)
    of_all = sum(row["followed_up"] for row in counted if row["is_total"])
    return Result(
        await table_of(question, _COLUMNS, counted, _cells),
        credit=question.credit,
        details={f"by_{kind}": _closed(closed, kind, of_all) for kind in ("channel", "topic")},
        changed_at=await newest_change(counted),
    )


def _closed(closed: Sequence[Row], kind: str, of_all: int) -> list[dict[str, Any]]:
    """The leads that closed each channel, or each topic, of all that were followed up."""
    return [
        {
            kind: row["name"],
            "unsubscribed": Rate(row["unsubscribed"], of_all).to_json(),
            "complained": Rate(row["complained"], of_all).to_json(),
        }
        for row in closed
        if row["kind"] == kind
    ]


def _cells(row: Row) -> Mapping[str, Any]:
    all_, automated, person = row["followed_up"], row["automated"], row["by_person"]
    return {
        **{name: row[name] for name in _PLAIN},
        "unsubscribed": Rate(row["unsubscribed"], all_),
        "complained": Rate(row["complained"], all_),
        "unsubscribed_or_complained": Rate(row["either_one"], all_),
        "automated_unsubscribed": Rate(row["automated_unsubscribed"], automated),
        "automated_complained": Rate(row["automated_complained"], automated),
        "by_person_unsubscribed": Rate(row["unsubscribed"] - row["automated_unsubscribed"], person),
        "by_person_complained": Rate(row["complained"] - row["automated_complained"], person),
    }


EXPERIENCE = Report(
    name="experience",
    question="Do people unsubscribe or complain after we follow up?",
    definition=(
        "A follow-up is what an assignment sets off: a sequence that starts, a try of a person, a "
        "conversation, or an automatic answer. The first one of a lead counts. Unsubscribing and complaining "
        "are the events `unsubscribed` and `complained`, the first of each lead, after that follow-up; with "
        "`within`, so long after it at most. A person who closes a channel or a topic in their preferences "
        "(`PUT /leads/{id}/preferences`) unsubscribes too. `by_channel` and `by_topic` count the leads that "
        "closed each: without a channel, `unsubscribed` closes e-mail, text messages and chat, and "
        "`complained` all."
    ),
    numerator="Leads that unsubscribed, or complained, after their first follow-up.",
    denominator=(
        "Leads received in the period that were followed up, without merged and blocked ones, spam and "
        "imports."
    ),
    answer=_answer,
    credits=("first", "last"),
    windowed=True,
    for_owner=True,
)
