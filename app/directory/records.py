"""Reading and writing records of the directory, each under the workspace lock, with preconditions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.directory import validation
from app.directory.defaults import with_defaults
from app.directory.editing import ACCOUNTS, DirectoryEdit, edit_directory
from app.directory.record_findings import findings_of
from app.directory.successors import read_successors, successor_faults
from app.errors import NotFound, PreconditionFailed, ValidationFailed
from app.plan.findings import Finding
from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory import records as store
from app.store.directory.records import ChangeRecord, Record
from app.store.leads import bulk_jobs
from app.store.leads.current_leads import find_responses

Make = Callable[[Mapping[str, Any] | None], dict[str, Any]]
"""Makes the new body from the current one, or from None. May raise a Problem."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """A precondition of a write: one of these revisions, the record exists, or it does not."""

    revisions: frozenset[int] | None = None
    exists: bool = False
    absent: bool = False

    def check(self, before: Record | None) -> None:
        """Raises PreconditionFailed."""
        there = before is not None
        wrong = (self.exists and not there) or (self.absent and there)
        if self.revisions is not None:
            wrong = wrong or before is None or before.revision not in self.revisions
        if wrong:
            raise PreconditionFailed()


UNCONDITIONAL = Precondition()


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """A record after a write, whether it is new, and its findings."""

    record: Record
    created: bool
    findings: list[Finding]


async def write(
    pool: Pool,
    workspace_id: int,
    actor: str,
    resource_type: str,
    id_: str,
    make: Make,
    on: Precondition = UNCONDITIONAL,
) -> WrittenRecord:
    """Write the body that `make` returns.

    Raises PreconditionFailed, ValidationFailed, and what `make` raises.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        before = await edit.find(resource_type, id_)
        on.check(before)
        return await keep(edit, resource_type, id_, make(before.body if before else None), before)


async def keep(
    edit: DirectoryEdit, resource_type: str, id_: str, body: dict[str, Any], before: Record | None
) -> WrittenRecord:
    """Store a body if it is valid in this directory.

    Raises ValidationFailed.
    """
    (body,) = await with_defaults(edit, resource_type, [body])
    found = validation.faults(resource_type, body, edit.snapshot.directory)
    if resource_type == ACCOUNTS and body["successor"] is not None:
        successors = await read_successors(edit.connection, edit.workspace_id, [(id_, body)])
        found += successor_faults(id_, body, successors)
    if found:
        raise ValidationFailed(faults=found)
    record = await edit.put(resource_type, id_, body, before)
    (findings,) = await findings_of(
        edit.connection, edit.workspace_id, edit.snapshot.directory, resource_type, [(id_, body)]
    )
    return WrittenRecord(record, before is None, findings)


async def find(pool: Pool, workspace_id: int, resource_type: str, id_: str) -> Record:
    """A record.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        record = await store.find_record(connection, workspace_id, resource_type, id_)
    if record is None:
        raise NotFound()
    return record


async def page(pool: Pool, workspace_id: int, resource_type: str, after: str, limit: int) -> list[Record]:
    """The records after `after`, by id."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await store.list_records(connection, workspace_id, resource_type, after, limit)


async def changes(
    pool: Pool, workspace_id: int, after: int, resource_type: str | None, id_: str | None, limit: int
) -> list[ChangeRecord]:
    """The changes after number `after`, in order.

    Why leads were moved is read where it is stored, with the decision or the job: there it can be erased.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await store.list_changes(connection, workspace_id, after, resource_type, id_, limit)
        reasons = await _reasons(connection, workspace_id, found)
    return [
        replace(each, comment=reason, reason_code=code)
        for each in found
        for reason, code in (reasons.get(each.version, (each.comment, None)),)
    ]


async def _reasons(
    connection: Connection, workspace_id: int, found: Sequence[ChangeRecord]
) -> dict[int, tuple[str | None, str | None]]:
    """Why leads were moved, and the code of the decision, by the number of the change."""
    jobs = {each.version: each.resource_id for each in found if each.resource_type == "jobs"}
    moves = {
        each.version: str(each.after["assignment_id"])
        for each in found
        if each.resource_type == "leads" and each.after is not None and _is_decided(each)
    }
    of_jobs = await bulk_jobs.find_reasons(connection, workspace_id, list(jobs.values())) if jobs else {}
    bodies = await find_responses(connection, workspace_id, list(moves.values()))
    decisions = {id_: orjson.loads(body) for id_, body in bodies.items() if body}
    reasons: dict[int, tuple[str | None, str | None]] = {
        version: (of_jobs.get(id_), None) for version, id_ in jobs.items()
    }
    for version, id_ in moves.items():
        decided = decisions.get(id_, {})
        reasons[version] = (
            decided.get("reassigned", {}).get("reason"),
            decided.get("reason", {}).get("code"),
        )
    return reasons


def _is_decided(change: ChangeRecord) -> bool:
    """Whether a decision moved the lead. A merge decides nothing about the lead that is no more."""
    before, after = change.before or {}, change.after or {}
    return before.get("assignment_id") != after.get("assignment_id")
