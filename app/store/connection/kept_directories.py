"""The directories that a process has read, so that the next reader reads only what was changed since."""

from collections import OrderedDict
from datetime import datetime

from app.engine.model.directory import Directory

MAX_OWNERS = 50_000
"""How many owners all kept directories have at most, beside the one that was kept last."""


class KeptDirectories:
    """The newest directory of each workspace, with the time of its last change.

    A database that lost its last commits numbers others the same: so a directory is that of its number only
    if the time is the same, too.
    """

    def __init__(self, max_owners: int = MAX_OWNERS) -> None:
        self._max_owners = max_owners
        self._kept: OrderedDict[int, tuple[Directory, datetime]] = OrderedDict()
        self._owners = 0

    def find(self, workspace_id: int) -> tuple[Directory, datetime] | None:
        """What is kept of a workspace."""
        found = self._kept.get(workspace_id)
        if found is not None:
            self._kept.move_to_end(workspace_id)
        return found

    def keep(self, workspace_id: int, directory: Directory, at: datetime) -> None:
        """Keep a directory. Those that were not asked for longest make room."""
        before = self._kept.pop(workspace_id, None)
        if before is not None:
            self._owners -= len(before[0].owners)
        while self._kept and self._owners + len(directory.owners) > self._max_owners:
            _, (gone, _) = self._kept.popitem(last=False)
            self._owners -= len(gone.owners)
        self._kept[workspace_id] = (directory, at)
        self._owners += len(directory.owners)
