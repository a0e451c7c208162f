"""What records get from their workspace."""

from collections.abc import Sequence
from typing import Any

from app.directory.editing import DirectoryEdit
from app.store import workspaces

Body = dict[str, Any]


async def with_defaults(edit: DirectoryEdit, resource_type: str, bodies: Sequence[Body]) -> list[Body]:
    """The bodies. Owners without a time zone have that of the workspace."""
    if resource_type != "owners" or all(body.get("timezone") for body in bodies):
        return list(bodies)
    zone = await workspaces.find_time_zone(edit.connection, edit.workspace_id)
    return [{**body, "timezone": body.get("timezone") or zone} for body in bodies]
