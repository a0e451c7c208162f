"""Where a caller wants a lead to go, looked at before it is decided."""

from collections.abc import Collection

from app.engine.model.decision import Target
from app.engine.model.directory import Directory
from app.errors import Conflict, refused_at


def check_target(
    wanted: Target, exclude: frozenset[str], directory: Directory, queues: Collection[str]
) -> None:
    """Raises Refused for what is not there, or excluded too, and Conflict for an owner who is not active."""
    if wanted.kind == "team" and wanted.name not in directory.teams:
        raise refused_at(("to",), "unknown_team", "names a team that does not exist")
    if wanted.kind == "queue" and wanted.name not in queues:
        raise refused_at(("to",), "unknown_queue", "names a queue that the active plan does not declare")
    if wanted.kind == "owner":
        owner = directory.owners.get(wanted.name)
        if owner is None:
            raise refused_at(("to",), "unknown_owner", "names an owner that does not exist")
        if not owner.active:
            raise Conflict("the wanted owner is not active", code="inactive")
        if owner.id in exclude:
            raise refused_at(("to",), "excluded", "names an owner who is excluded as well")
