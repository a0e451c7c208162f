"""Where a caller wants a lead to go, looked at before it is decided."""

from collections.abc import Collection

from app.engine.model import Directory, Target
from app.problems import Conflict, Fault, Refused


def check_wanted(
    wanted: Target, exclude: frozenset[str], directory: Directory, queues: Collection[str]
) -> None:
    """Raises Refused for what is not there, or excluded too, and Conflict for an owner who is not active."""
    if wanted.kind == "team" and wanted.name not in directory.teams:
        raise fault_in("to", "unknown_team", "names a team that does not exist")
    if wanted.kind == "queue" and wanted.name not in queues:
        raise fault_in("to", "unknown_queue", "names a queue that the active plan does not declare")
    if wanted.kind == "owner":
        owner = directory.owners.get(wanted.name)
        if owner is None:
            raise fault_in("to", "unknown_owner", "names an owner that does not exist")
        if not owner.active:
            raise Conflict("the wanted owner is not active", code="inactive")
        if owner.id in exclude:
            raise fault_in("to", "excluded", "names an owner who is excluded as well")


def fault_in(name: str, code: str, detail: str) -> Refused:
    """One fault of the body, ready to be raised."""
    return Refused(faults=[Fault((name,), code, detail)])
