"""Records that somebody read in the CRM because an action asked for them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.errors import DatabaseUnavailable, Overloaded
from app.webhooks.crm_events import CrmEvent, CrmRecord
from app.webhooks.effects import Applied, Effects, EventSource, StoredEvent

AT_ONCE = 4
"""Records of one request that are taken side by side."""


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

    Raises ValidationFailed for an endpoint whose mapping cannot be read; DatabaseUnavailable or Overloaded if
    a record must be sent again. Taking a record again changes nothing.
    """
    source.terms()
    lines: dict[CrmRecord, list[int]] = {}
    for position, each in enumerate(read):
        lines.setdefault(each.record, []).append(position)
    taken: dict[int, Applied] = {}

    async def take(line: Sequence[int]) -> None:
        for position in line:
            taken[position] = await _take(effects, workspace_id, source, read[position])

    # A few at a time: all at once would take every connection that the workspace may have, for long.
    free = asyncio.Semaphore(AT_ONCE)

    async def take_in_turn(line: Sequence[int]) -> None:
        async with free:
            await take(line)

    await asyncio.gather(*map(take_in_turn, lines.values()))
    refused = {each.code for each in taken.values() if each.result == "retry"}
    if refused:
        raise Overloaded if refused == {Overloaded.code} else DatabaseUnavailable
    return [taken[position] for position in range(len(read))]


async def _take(effects: Effects, workspace_id: int, source: EventSource, read: DeliveredRecord) -> Applied:
    if not read.deleted:
        return await effects.deliver_record(workspace_id, source, read.record, read.fields, read.at)
    event = CrmEvent("", "deleted", read.record, read.at)
    (applied,) = await effects.apply(workspace_id, [StoredEvent(source, event, datetime.now(UTC))])
    return applied
