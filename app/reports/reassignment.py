"""`reassignment`: how often leads change their owner."""

from collections.abc import Mapping
from typing import Any

from app.reports.groups import newest_change, table_of
from app.reports.report import Question, Report
from app.reports.statistics import Rate
from app.reports.tables import Column, Result
from app.store.connection.pool import Connection, Row
from app.store.reports import leads as store
from app.store.reports.credits import FIRST_OR_LAST

_COLUMNS = (
    Column("leads", "count", "Leads that had an owner."),
    Column("reassigned", "rate", "Leads with a move, of all."),
    Column("moves", "count", "How often a lead that had an owner got another one."),
    Column("moves_per_lead", "number", "Moves, by all leads."),
    Column("most_moves", "count", "The most moves of one lead."),
    Column("ping_pong", "rate", "Leads of which a move led back to an earlier owner, of all."),
    Column(
        "cover_moves", "count", "Moves to an owner who covers for another one on leave, and back. No moves."
    ),
    Column("handoffs", "count", "Handoffs of the plan. No moves."),
    Column("claims", "count", "Claims from a queue. No moves."),
)
_PLAIN = ("leads", "moves", "most_moves", "cover_moves", "handoffs", "claims")


async def _answer(connection: Connection, question: Question) -> Result:
    columns = FIRST_OR_LAST[question.credit]
    counted = await store.count_moves(connection, question.reading, columns)
    causes = await store.count_causes(connection, question.reading, columns)
    return Result(
        await table_of(question, _COLUMNS, counted, _cells),
        credit=question.credit,
        details={"moves_by_cause": {row["cause"]: row["moves"] for row in causes}},
        changed_at=await newest_change(counted),
    )


def _cells(row: Row) -> Mapping[str, Any]:
    leads = row["leads"]
    return {
        **{name: row[name] for name in _PLAIN},
        "reassigned": Rate(row["reassigned"], leads),
        "moves_per_lead": row["moves"] / leads if leads else None,
        "ping_pong": Rate(row["ping_pong"], leads),
    }


REASSIGNMENT = Report(
    name="reassignment",
    question="How often does a lead go on to another owner, and does it come back?",
    definition=(
        "A move is a change from one owner to another, for whatever reason: an SLA, a rejection, a person, "
        "the CRM. The first owner is no move, and neither is a claim from a queue. Cover for an owner on "
        "leave and the way back are counted apart, and so are handoffs of the plan. Ping-pong is a move back "
        "to an owner who had the lead earlier. A lead that comes again after it was closed starts from the "
        "beginning."
    ),
    numerator="Leads with at least one move until now; for moves per lead, moves.",
    denominator="Leads received in the period that had an owner, without merged leads and imports.",
    answer=_answer,
    credits=("first", "last"),
    for_owner=True,
)
