"""Suppression lists as administrators see them."""

from app.directory.editing import edit_directory
from app.errors import NotFound
from app.store.connection.pool import Pool, transaction
from app.store.life import suppressions
from app.store.life.suppressions import SuppressionRow

RESOURCE_TYPE = "suppressions"


async def list_suppressions(
    pool: Pool, workspace_id: int, after: str | None, limit: int
) -> list[SuppressionRow]:
    """The entries of all lists, the oldest first, after the one with this id."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await suppressions.list_suppressions(connection, workspace_id, after, limit)


async def delete_suppression(pool: Pool, workspace_id: int, actor: str, id_: str) -> None:
    """Take an entry off its list. The change log does not hold its address or domain.

    Raises NotFound.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        entry = await suppressions.delete_suppression(edit.connection, workspace_id, id_)
        if entry is None:
            raise NotFound()
        before = {"kind": entry.kind, "list": entry.list, "code": entry.code}
        before["assignment_id"] = entry.assignment_id
        await edit.log(RESOURCE_TYPE, id_, "delete", before, None)
