"""The leads that were received in a period, as reports about outcomes count them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.store.reports.cuts import Parts, Reading

COUNTED = "lead.excluded IS NULL AND NOT lead.imported AND lead.spam_at IS NULL"
"""Blocked and merged leads, imported ones and spam are in no cohort."""
OWNER_COLUMNS: Mapping[str, str] = {"first": "{t}owner_id", "last": "{t}last_owner_id"}
"""The owner of a lead who is credited, unless it is the one at the time of the event."""
_HELD = """
  SELECT DISTINCT lead_id, owner_id FROM assignment_facts
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
    def by_owner_at_event(self) -> bool:
        """Whether a lead counts for everybody who had it, and an outcome for who had it then."""
        reading = self.reading
        return self.credit == "at_event" and ("owner" in reading.group_by or "owner" in reading.filters)


class Cohort:
    """The parts of a statement about the leads of a cohort, as `lead`: a row for each, or each of its owners.

    `mature` says whether a lead is old enough for its outcomes to be known, `in_time` whether an outcome
    came soon enough. `owner` is the column of the owner at the time, where it is not each owner of the lead.
    """

    def __init__(self, question: CohortQuestion, owner: str = "held.owner_id") -> None:
        self.question = question
        self.at_event = question.by_owner_at_event
        columns = {"owner": owner} if self.at_event else _columns(question.credit)
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
        return f"held AS ({_HELD}\n), " if self.at_event else ""

    @property
    def leads(self) -> str:
        """What comes after FROM."""
        join = "\n    LEFT JOIN held ON held.lead_id = lead.lead_id" if self.at_event else ""
        return f"lead_facts AS lead{join}"

    def once(self, rows: str, flags: str) -> str:
        """These rows, after FROM, with one for each lead in a group: `flags` aggregate the others.

        Only a lead that several of the owners asked for had is there more than once.
        """
        if not self.at_event or "owner" in self.question.reading.group_by:
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

    def credited(self, at: str, owner: str) -> str:
        """The time of an outcome, if its owner is the one of the row."""
        return f"CASE WHEN {owner} IS NOT DISTINCT FROM held.owner_id THEN {at} END" if self.at_event else at


def group_by(names: str, *more: str) -> str:
    """GROUP BY and ORDER BY these names of groups, each with a comma behind it, and further columns."""
    columns = ", ".join([each for each in (names.removesuffix(", "), *more) if each])
    return f"GROUP BY {columns} ORDER BY {columns}" if columns else ""


def _columns(credit: str) -> Mapping[str, str]:
    return {"owner": OWNER_COLUMNS[credit]} if credit in OWNER_COLUMNS else {}
