"""The rounds of a lead: each begins with an arrival, a request that starts its clocks, and has its moves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.store.reports.fact_rows import Arrival
from app.store.reports.fact_sources import AssignmentRecord, LeadRecord

CLOSED = ("closed", "idle")
"""The ends after which a lead that is decided again is open again."""
OVER = (*CLOSED, "merged", "erased")
"""The ends after which nobody has the lead any more."""


@dataclass(slots=True)
class Round:
    """The decisions from an arrival until the next. `duplicates` are requests that changed nothing."""

    arrival: Arrival
    arrived_at: datetime
    records: list[AssignmentRecord] = field(default_factory=list)
    duplicates: list[AssignmentRecord] = field(default_factory=list)

    @property
    def all(self) -> list[AssignmentRecord]:
        """Every decision."""
        return [*self.records, *self.duplicates]

    @property
    def blocked(self) -> bool:
        """Whether the lead was kept from everybody."""
        return all(each.outcome == "blocked" for each in self.records)

    @property
    def ended_at(self) -> datetime | None:
        """When the lead was closed; None while somebody may have it."""
        last = self.records[-1]
        if last.end_cause not in OVER or any(each.open for each in self.records):
            return None
        return last.ended_at


def rounds_of(lead: LeadRecord, records: Sequence[AssignmentRecord]) -> list[Round]:
    """The rounds of a lead out of its decisions in order."""
    rounds: list[Round] = []
    for record in records:
        if not rounds:
            arrival: Arrival = "imported" if record.cause == "import" else "new"
            at = min(lead.received_at, record.decided_at)
            rounds.append(Round(arrival, at, [record]))
        elif record.existing_kind == "duplicate":
            rounds[-1].duplicates.append(record)
        elif record.cause == "assign":
            rounds.append(Round("reengaged", record.decided_at, [record]))
        elif rounds[-1].records[-1].end_cause in CLOSED:
            rounds.append(Round("reopened", record.decided_at, [record]))
        else:
            rounds[-1].records.append(record)
    return rounds
