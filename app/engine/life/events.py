"""An event as it is reported, and who did it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from app.engine.life.event_table import is_automated
from app.engine.model.directory import Directory, Owner

TOLERANCE = timedelta(minutes=5)
"""The clocks of callers may differ by so much from ours."""
DAY = timedelta(days=1)
EARLIEST, LATEST = timedelta(hours=14), timedelta(hours=12)
"""How long before and after UTC a day begins elsewhere."""


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """What a caller reports. `at` None means now; `day_only` says that only its day is known.

    - `by` is an owner, by id or CRM id, or an integration; None means the owner of the assignment.
    - `via` is how: `phone`, `email`, or one of `AUTOMATED`.
    - `for_at` is the time of a planned meeting, `until` the end of a snooze.
    - `channel` and `topic` are what the person does not want any more; None means all of them.
    - `ref` names the deal. `result` is how a dispute was settled.
    """

    type: str
    id: str | None = None
    at: datetime | None = None
    day_only: bool = False
    by: str | None = None
    via: str | None = None
    reason: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    note: str | None = None
    ref: str | None = None
    for_at: datetime | None = None
    until: datetime | None = None
    result: Literal["upheld", "overturned"] | None = None
    channel: str | None = None
    topic: str | None = None

    def is_after(self, now: datetime) -> bool:
        """Whether it lies in the future. A day may have begun elsewhere before it does in UTC."""
        if self.at is None:
            return False
        return (self.at - EARLIEST if self.day_only else self.at) > now + TOLERANCE

    def precedes(self, start: datetime) -> bool:
        """Whether it happened before `start`, with allowance for clocks and for days without a time."""
        if self.at is None:
            return False
        last = self.at + DAY + LATEST if self.day_only else self.at
        return last < start - TOLERANCE


def actor_of(event: ReportedEvent, present_owner: str | None, directory: Directory) -> Owner | None:
    """The active owner who did it; None for an integration, and for what no human did."""
    if is_automated(event.via):
        return None
    if event.by is None:
        owner = directory.owners.get(present_owner or "")
    else:
        owner = owner_named(event.by, directory)
    return owner if owner is not None and owner.active else None


def owner_named(by: str | None, directory: Directory) -> Owner | None:
    """The owner that an event names in `by`, by id or CRM id; None for an integration."""
    return (directory.owners.get(by) or directory.owner_by_crm_id(by)) if by is not None else None
