"""Accounts that stand for others: a chain of successors must end."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.model.accounts import MAX_PARENTS
from app.errors import Fault
from app.store.connection.pool import Connection
from app.store.directory import records

Body = Mapping[str, Any]
Successors = dict[str, str | None]
"""The successor of each account that was read, by id."""


async def read_successors(
    connection: Connection, workspace_id: int, items: Sequence[tuple[str, Body]]
) -> Successors:
    """The successors of all accounts that these name, and of those in turn."""
    found: Successors = {}
    missing = {body["successor"] for _, body in items if body.get("successor") is not None}
    for _ in range(MAX_PARENTS):
        if not missing:
            break
        read = await records.find_records(connection, workspace_id, "accounts", sorted(missing))
        found |= {id_: read[id_].body.get("successor") if id_ in read else None for id_ in missing}
        missing = {following for following in found.values() if following is not None} - found.keys()
    return found


def successor_faults(id_: str, body: Body, successors: Successors) -> list[Fault]:
    """The fault of an account whose chain of successors comes back to it, or is too long to follow."""
    line, at = {id_}, body.get("successor")
    while at is not None and at not in line and len(line) <= MAX_PARENTS:
        line.add(at)
        at = successors.get(at)
    if at is None:
        return []
    text = f"leads back to the account, or over more than {MAX_PARENTS} accounts"
    return [Fault(("successor",), "successor_cycle", text)]
