"""Whether owners may be compared in a workspace: a record of the directory, `settings/reports`."""

from app.store.connection.pool import Connection
from app.store.directory.settings import SettingsRecord

REPORTS = SettingsRecord("reports", {"owner_comparison": True})


async def compares_owners(connection: Connection, workspace_id: int) -> bool:
    """Whether the workspace lets owners be compared."""
    return bool((await REPORTS.read(connection, workspace_id))["owner_comparison"])
