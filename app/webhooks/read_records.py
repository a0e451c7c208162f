"""Records that somebody read in the CRM because an action asked for them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.errors import DatabaseUnavailable
from app.webhooks.crm_events import CrmEvent, CrmRecord
from app.webhooks.effects import Applied, Effects, EventSource, StoredEvent


@dataclass(frozen=True, slots=True)
class DeliveredRecord:
    """A record as it is in the CRM, or that it is not there any more. `at` is when it was changed last."""

    record: CrmRecord
    fields: Mapping[str, Any]
    at: datetime | None
    deleted: bool = False


async def take_records(
    effects: Effects, workspace_id: int, source: EventSource, read: Sequence[DeliveredRecord]
) -> list[Applied]:
    """Take records, those of one id in their order, and return what became of each.

    Raises ValidationFailed for an endpoint whose mapping cannot be read, and DatabaseUnavailable if a record
    must be sent again. Taking a record again changes nothing.
    """
    source.terms()
    lines: dict[CrmRecord, list[int]] = {}
    for position, each in enumerate(read):
        lines.setdefault(each.record, []).append(position)
    taken: dict[int, Applied] = {}

    async def take(line: Sequence[int]) -> None:
        for position in line:
            taken[position] = await _take(effects, workspace_id, source, read[position])

    await asyncio.gather(*map(take, lines.values()))
    if any(each.result == "retry" for each in taken.values()):
        raise DatabaseUnavailable
    return [taken[position] for position in range(len(read))]


async def _take(effects: Effects, workspace_id: int, source: EventSource, read: DeliveredRecord) -> Applied:
    if not read.deleted:
        return await effects.deliver_record(workspace_id, source, read.record, read.fields, read.at)
    event = CrmEvent("", "deleted", read.record, read.at)
    (applied,) = await effects.apply(workspace_id, [StoredEvent(source, event, datetime.now(UTC))])
    return applied
