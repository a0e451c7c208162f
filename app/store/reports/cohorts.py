"""The leads that were received in a period, as reports about outcomes count them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.reports.credits import FIRST_OR_LAST
from app.store.reports.cuts import Parts, Reading

COUNTED = "lead.excluded IS NULL AND NOT lead.imported AND lead.spam_at IS NULL"
"""Blocked and merged leads, imported ones and spam are in no cohort."""
HELD: Mapping[str, str] = {
    "owner": "held.owner_id",
    "team": "CASE WHEN held.lead_id IS NULL THEN lead.team_id ELSE held.team_id END",
}
"""Who had the lead, by the name of the dimension. A lead that nobody had stands with its first team."""
_HELD = """
  SELECT DISTINCT lead_id{columns} FROM assignment_facts
   WHERE workspace_id = $1 AND decided_at >= $2 AND owner_id IS NOT NULL
     AND arrival IS DISTINCT FROM 'duplicate'"""


@dataclass(frozen=True, slots=True)
class CohortQuestion:
    """Which leads, and which of their outcomes: those within so long after a lead was received.

    `credit` is whose outcomes they are: the owner's `at_event`, or those of the `first` or the `last` owner.
    """

    reading: Reading
    now: datetime
    within: timedelta | None = None
    credit: str = "at_event"

    @property
    def held_by(self) -> Sequence[str]:
        """Whether each owner and team that had a lead counts it: the dimensions of these that are asked for.

        Then an outcome counts for who had the lead at the time.
        """
        if self.credit != "at_event":
            return ()
        asked = (*self.reading.group_by, *self.reading.filters)
        return [name for name in HELD if name in asked]


class Cohort:
    """The parts of a statement about the leads of a cohort, as `lead`: a row for each, or each of its owners.

    `mature` says whether a lead is old enough for its outcomes to be known, `in_time` whether an outcome
    came soon enough. `event` is the table of facts that have the owner and the team at the time, where a row
    is not about each owner of the lead.
    """

    def __init__(self, question: CohortQuestion, event: str = "") -> None:
        self.question = question
        self.held_by = question.held_by
        columns = FIRST_OR_LAST.get(question.credit, {})
        if self.held_by:
            columns = {name: f"{event}.{name}_id" if event else HELD[name] for name in self.held_by}
        self.parts = Parts(question.reading, "received_at", columns, "lead")
        self._within = None
        if question.within is not None:
            self._within = self.parts.add(question.within, "interval")
            self._now = self.parts.add(question.now, "timestamptz")
        self.keys = self.parts.keys
        self.where = f"{self.parts.where} AND {COUNTED}"

    @property
    def held(self) -> str:
        """The CTE of the owners of each lead, with a comma behind it, if there is a row for each."""
        columns = "".join(f", {name}_id" for name in self.held_by)
        return f"held AS ({_HELD.format(columns=columns)}\n), " if self.held_by else ""

    @property
    def leads(self) -> str:
        """What comes after FROM."""
        join = "\n    LEFT JOIN held ON held.lead_id = lead.lead_id" if self.held_by else ""
        return f"lead_facts AS lead{join}"

    def once(self, rows: str, flags: str) -> str:
        """These rows, after FROM, with one for each lead in a group: `flags` aggregate the others.

        Only a lead that several of the owners asked for had is there more than once.
        """
        if set(self.held_by) <= set(self.question.reading.group_by):
            return rows
        names = self.parts.names
        return (
            f"(SELECT {names}lead_id, {flags}, bool_and(mature) AS mature, max(changed_at) AS changed_at"
            f"\n          FROM {rows} GROUP BY {names}lead_id) AS {rows}"
        )

    @property
    def grouping(self) -> str:
        """GROUP BY the groups, in their order."""
        return group_by(self.parts.names)

    @property
    def mature(self) -> str:
        """Whether the window of a lead is over."""
        return f"(lead.received_at <= {self._now} - {self._within})" if self._within else "true"

    def in_time(self, at: str, received_at: str = "lead.received_at") -> str:
        """Whether something happened, and within the window."""
        if self._within is None:
            return f"({at} IS NOT NULL)"
        return f"coalesce({at} - {received_at} <= {self._within}, false)"

    def credited(self, at: str, holder: str) -> str:
        """The time of an outcome, if those of the row had the lead then. `holder` goes before the columns."""
        had = " AND ".join(f"{holder}{name} IS NOT DISTINCT FROM {HELD[name]}" for name in self.held_by)
        return f"CASE WHEN {had} THEN {at} END" if had else at


def group_by(names: str, *more: str) -> str:
    """GROUP BY and ORDER BY these names of groups, each with a comma behind it, and further columns."""
    columns = ", ".join([each for each in (names.removesuffix(", "), *more) if each])
    return f"GROUP BY {columns} ORDER BY {columns}" if columns else ""
