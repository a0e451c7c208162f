"""What a report is, and what it is asked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.reports.dimensions import DIMENSIONS
from app.reports.periods import DEFAULT_DAYS, Period
from app.reports.tables import Result
from app.store.connection.pool import Connection, Pool
from app.store.reports.cuts import Reading


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know.

    - `now` is the time of the workspace: what is not over until then is still open.
    - `within` is how long after a lead was received its outcomes count.
    - `by` and `credit` are words of the report. An empty `by` leaves the choice to the report.
    - `owner_id` is the owner that the caller is bound to: they get only what is theirs.
    """

    workspace_id: int
    period: Period
    now: datetime
    group_by: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    within: timedelta | None = None
    by: str = ""
    credit: str = ""
    owner_id: str | None = None

    @property
    def reading(self) -> Reading:
        """What is read for it."""
        period = self.period
        return Reading(self.workspace_id, period.start, period.end, period.zone, self.group_by, self.filters)


@dataclass(frozen=True, slots=True)
class Report:
    """One report: its name, its words, what it may be asked, and how it is made.

    - `question` is what it answers, in the words of RevOps.
    - `by` and `credits` are the words that `by` and `credit` may be; the first credit is the default.
    - `days` is the length of its period if no first day is given.
    - `within` is its default; a `windowed` report has none, and may be given one.
    - `dimensions` are what it can group and filter by.
    - `for_owner` says that a key which is bound to an owner may ask it; the question is then filtered by
      that owner.
    - `scopes` are those of which a key needs one.
    - `prepare` brings facts up to date that only this report reads.
    """

    name: str
    question: str
    definition: str
    numerator: str
    denominator: str
    answer: Callable[[Connection, Question], Awaitable[Result]]
    by: Sequence[str] = ()
    credits: Sequence[str] = ()
    within: timedelta | None = None
    windowed: bool = False
    days: int = DEFAULT_DAYS
    dimensions: Sequence[str] = tuple(DIMENSIONS)
    for_owner: bool = False
    scopes: Sequence[str] = ("ops", "reports")
    prepare: Callable[[Pool, int], Awaitable[None]] | None = None
