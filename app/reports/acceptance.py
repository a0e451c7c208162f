"""`acceptance`: how many of the leads that owners are offered they take on."""

from collections.abc import Mapping
from typing import Any

from app.reports.groups import newest_change, table_of
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result
from app.store.connection.pool import Connection, Row
from app.store.reports import offers as store

_RESULTS = {
    "accepted": "Accepted, or touched by a person.",
    "rejected": "Given back with a reason, and not accepted before.",
    "timed_out": "Not accepted until a deadline to accept or touch, or taken away by an SLA.",
    "pending": "Still to be answered. In no rate.",
    "withdrawn": "Ended otherwise before an answer: passed on by a person, covered, closed. In no rate.",
}


async def _answer(connection: Connection, question: Question) -> Result:
    of_leads = question.by == "lead"
    counted = await store.count_offers(connection, question.reading, question.now, of_leads=of_leads)
    unit = "leads" if of_leads else "offers"
    columns = [
        Column(unit, "count", "Leads that were offered." if of_leads else "Offers of a lead to an owner."),
        Column("acceptance", "rate", "Accepted, of settled: accepted, rejected and timed out."),
        Column("settled", "count", "Accepted, rejected and timed out."),
        *(Column(name, "count", text) for name, text in _RESULTS.items()),
    ]

    def cells(row: Row) -> Mapping[str, Any]:
        settled = row["accepted"] + row["rejected"] + row["timed_out"]
        rate = Rate(row["accepted"], settled)
        return {
            unit: row["offered"],
            "acceptance": rate,
            "settled": settled,
            **{name: row[name] for name in _RESULTS},
        }

    return Result(
        await table_of(question, columns, counted, cells),
        by="lead" if of_leads else "offer",
        credit="owner",
        changed_at=await newest_change(counted),
    )


ACCEPTANCE = Report(
    name="acceptance",
    question="How many of the leads that they are offered do owners take on?",
    definition=(
        "An offer is an assignment of a lead to an owner that was made in the period; a claim is none, and "
        "neither is an import. Accepting is the event `accepted`, or a touch by a person. What is not "
        "accepted until its deadline counts as declined, and so does what is taken away; what is accepted "
        "late is accepted. By lead, a lead is accepted if any of its owners accepted it, and pending while "
        "one of them may."
    ),
    numerator="Offers, or leads, that were accepted.",
    denominator="Those that are settled: accepted, rejected, timed out or taken away.",
    answer=_answer,
    by=("offer", "lead"),
    for_owner=True,
)
