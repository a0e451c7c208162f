"""What a CRM event does: it is read by the mapping of its endpoint, and handed to dispatch as a job.

Applying an event again changes nothing, so the inbox may apply it once more after a crash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from app.webhooks.crm_events import CrmEvent

WAIT_FOR_LEAD = timedelta(minutes=10)
"""How long an event waits for its record to become known."""
WAIT_FOR_RECORD = timedelta(minutes=15)
"""How long an event waits for a record that must be read."""


@dataclass(frozen=True, slots=True)
class EventSource:
    """The endpoint that an event came by.

    `system` tells the records of two organizations apart: the kind, and the organization if there is one.
    `mapping` is what the endpoint was given, without defaults. `actors` are the ids of our own users and
    apps in the CRM.
    """

    endpoint_id: str
    kind: str
    system: str
    mapping: Mapping[str, Any] = field(default_factory=dict)
    actors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of the inbox, with the time when it was stored."""

    source: EventSource
    event: CrmEvent
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an event.

    - `done`:    it is done with; `code` says why it did nothing, if it did nothing.
    - `wait`:    it waits for its record; apply it again after `seconds`, before later events of the record.
    - `failed`:  its mapping or its data are at fault, as `code` says; it can be applied again.
    - `retry`:   the database or the service was not available; apply it again with backoff.
    """

    result: Literal["done", "wait", "failed", "retry"]
    code: str | None = None
    seconds: float = 0.0
    lead_id: str | None = None


class Effects:
    """Applies events of the inbox: `await Effects(pool, dispatch).apply(workspace_id, events)`."""

    async def apply(self, workspace_id: int, events: Sequence[StoredEvent]) -> list[Applied]:
        """Apply events in their order, and return what became of each.

        Of one record there is at most one in a call.
        """
        raise NotImplementedError
