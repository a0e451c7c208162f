"""What reports about the outcomes of leads share: their question, their words, and rows by group."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from app.pace import paced
from app.reports.groups import Key, key_of
from app.reports.report import Question
from app.reports.tables import Column
from app.store.connection.pool import Row
from app.store.reports.cohorts import CohortQuestion

COHORT, EVENT = "cohort", "event"
CREDITS = ("at_event", "first", "last")
LEADS = Column("leads", "count", "Leads received in the period that are old enough: the denominator.")
IMMATURE = Column("immature", "count", "Leads that are younger than `within`, and so not counted yet.")
NO_WINDOW = "No `within` is given: outcomes count until now, so young leads can still change the numbers."
CREDIT_NOTE = (
    "The row of an owner or a team has the leads they had at any time, and the outcomes while they had them."
    " A lead can be in several rows, so rows need not add up to the total."
)


def cohort_question(question: Question) -> CohortQuestion:
    """The same question, as statements about cohorts take it."""
    return CohortQuestion(question.reading, question.now, question.within, question.credit or "at_event")


def ungrouped(question: CohortQuestion) -> CohortQuestion:
    """The same leads, all together."""
    return replace(question, reading=replace(question.reading, group_by=()))


async def by_group(
    fetch: Callable[[CohortQuestion], Awaitable[Sequence[Row]]], question: CohortQuestion
) -> tuple[dict[Key, Row], Row | None]:
    """The row of each group, and the one of all leads together, each of which counts there once."""
    whole = await fetch(ungrouped(question))
    names = question.reading.group_by
    rows = await fetch(question) if names else []
    return {key_of(row, names): row async for row in paced(rows)}, whole[0] if whole else None


def notes_of(question: Question) -> list[str]:
    """What a reader must know about the leads that are counted."""
    notes = [NO_WINDOW] if question.within is None and question.by != EVENT else []
    if question.by != EVENT and not set(cohort_question(question).held_by).isdisjoint(question.group_by):
        notes.append(CREDIT_NOTE)
    return notes
