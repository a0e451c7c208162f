"""Keeping facts: those of leads that changed are made again, in slices, without the workspace lock."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from app.engine.life.working_time import working_time_of
from app.engine.model.directory import Directory
from app.pace import Pace
from app.reports.documents import documents_of
from app.reports.facts import Person, WorkSeconds, facts_of
from app.store.connection.pool import Connection, Limits, Pool, transaction
from app.store.path.snapshot import read_directory
from app.store.reports import fact_cursor, fact_rows, fact_sources
from app.store.reports.fact_cursor import FactCursor
from app.store.reports.fact_rows import Fact
from app.store.reports.fact_sources import Documents, LeadRecord

SLICE = 100
"""So many decisions, and so many events, are looked at in one transaction, at most."""
SLICE_SECONDS = 1.0
"""When it takes longer the next one is smaller: a report may be waiting for it."""
LIMITS = Limits(idle=5000)
"""Between two statements other work may come first."""
CATCH_UP_SECONDS = 5.0
"""How long a report waits for the newest facts. Beyond that it says that it is not complete."""


class FactUpkeep:
    """Makes facts. It keeps the directory of each workspace until that changes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._directories: dict[int, Directory] = {}
        self._sizes: dict[int, int] = {}

    async def make_slice(self, workspace_id: int, *, wait: bool = False) -> bool:
        """Make the facts of some leads that changed. Returns whether there may be more.

        If another process is at it, there is nothing to do, or with `wait` it comes first.
        """
        async with transaction(self._pool, workspace_id, limits=LIMITS) as connection:
            if not await fact_cursor.lock_cursor(connection, workspace_id, wait=wait):
                return False
            cursor = await fact_cursor.read_cursor(connection, workspace_id)
            if not cursor.is_behind:
                return False
            with self._sized(workspace_id) as size:
                new = await fact_cursor.find_new_leads(connection, workspace_id, cursor, size)
                work_seconds = await self._work_seconds(connection, workspace_id)
                await make_facts(connection, workspace_id, new.lead_ids, work_seconds)
            await fact_cursor.move_cursor(connection, workspace_id, new, cursor.now)
            newest = (cursor.newest_decision, cursor.newest_change)
            return newest != (new.decision_number, new.change_number)

    @contextmanager
    def _sized(self, workspace_id: int) -> Iterator[int]:
        """How much to look at. Long plans have long decisions, so the size follows the time it takes."""
        size, began = self._sizes.get(workspace_id, SLICE), time.monotonic()
        try:
            yield size
        finally:
            long = time.monotonic() - began > SLICE_SECONDS
            self._sizes[workspace_id] = max(1, size // 2) if long else min(SLICE, size * 2)

    async def catch_up(self, workspace_id: int, seconds: float) -> FactCursor:
        """Make facts until nothing is missing of what there is now, or for so long.

        Returns how far they are. What arrives meanwhile does not count as new, or a busy workspace would
        never be complete.
        """
        until = time.monotonic() + seconds
        cursor = asked = await self._read_cursor(workspace_id)
        while cursor.is_behind and time.monotonic() < until:
            await self.make_slice(workspace_id, wait=True)
            cursor = (await self._read_cursor(workspace_id)).as_of(asked)
        return cursor

    async def _read_cursor(self, workspace_id: int) -> FactCursor:
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            return await fact_cursor.read_cursor(connection, workspace_id)

    async def _work_seconds(self, connection: Connection, workspace_id: int) -> WorkSeconds:
        version = await fact_cursor.read_directory_version(connection, workspace_id)
        directory = self._directories.get(workspace_id)
        if directory is None or directory.version != version:
            directory = await read_directory(connection, workspace_id, version)
            self._directories[workspace_id] = directory
        return work_seconds_by(directory)


def work_seconds_by(directory: Directory) -> WorkSeconds:
    """The working time of the owners of a directory."""

    def work_seconds(owner_id: str, start: datetime, end: datetime) -> int | None:
        owner = directory.owners.get(owner_id)
        return (
            round(working_time_of(owner).between(start, end).total_seconds()) if owner is not None else None
        )

    return work_seconds


async def make_facts(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str], work_seconds: WorkSeconds
) -> None:
    """Make the facts of these leads, and of all that were merged with them."""
    leads = await fact_sources.find_persons(connection, workspace_id, lead_ids)
    erased = await fact_rows.end_erased(
        connection, workspace_id, [each.id for each in leads if each.state == "erased"]
    )
    leads = [each for each in leads if each.id not in erased]
    pace, facts = Pace(), list[Fact]()
    for person in await _persons(connection, workspace_id, leads):
        documents: dict[str, Documents] = {}
        for each in person.assignments:
            documents[each.id] = documents_of(each)
            await pace.rest()
        facts += facts_of(person, documents, work_seconds)
    ids = [each.id for each in leads]
    await fact_rows.delete_sales(connection, workspace_id, ids)
    await fact_rows.upsert_facts(connection, workspace_id, facts)


async def _persons(connection: Connection, workspace_id: int, leads: Sequence[LeadRecord]) -> list[Person]:
    ids = [each.id for each in leads]
    assignments = await fact_sources.find_assignments(connection, workspace_id, ids)
    of_leads = [each.id for each in assignments]
    events = await fact_sources.find_events(connection, workspace_id, of_leads)
    clocks = await fact_sources.find_sla_clocks(connection, workspace_id, of_leads)
    with_preferences = [each.id for each in leads if each.has_preferences]
    withdrawals = await fact_sources.find_withdrawals(connection, workspace_id, with_preferences)
    by_id = {each.id: each for each in leads}
    root_of = {lead.id: _root_of(lead, by_id) for lead in leads}
    lead_of = {each.id: each.lead_id for each in assignments}
    found: dict[str, tuple[list[Any], ...]] = {}
    found |= {root: ([], [], [], [], []) for root in root_of.values()}
    for lead in leads:
        found[root_of[lead.id]][0].append(lead)
    for assignment in assignments:
        found[root_of[assignment.lead_id]][1].append(assignment)
    for event in events:
        found[root_of[lead_of[event.assignment_id]]][2].append(event)
    for clock in clocks:
        found[root_of[lead_of[clock.assignment_id]]][3].append(clock)
    for withdrawal in withdrawals:
        found[root_of[withdrawal.lead_id]][4].append(withdrawal)
    return [Person(*rows) for rows in found.values()]


def _root_of(lead: LeadRecord, by_id: Mapping[str, LeadRecord]) -> str:
    """The lead that remains of a chain of merges."""
    passed = {lead.id}
    while (into := by_id.get(lead.merged_into or "")) is not None and into.id not in passed:
        lead = into
        passed.add(lead.id)
    return lead.id
