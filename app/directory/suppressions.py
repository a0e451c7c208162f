"""Suppression lists as administrators see and edit them. The change log holds counts, and no address."""

from collections.abc import Collection, Mapping

from app.directory.editing import KeptSnapshot, edit_directory
from app.engine.model.lead_keys import SuppressionKey
from app.errors import NotFound
from app.store.connection.pool import Pool, transaction
from app.store.life import suppressions
from app.store.life.suppressions import AddedCounts, ListCount, SuppressionRow
from app.store.life.taken_back import take_back_suppressed
from app.store.privacy.kept_hashes import rotate_suppression_key

RESOURCE_TYPE = "suppressions"
KEYS = "suppression_keys"
SLICE = 500
"""The entries that are written under one workspace lock."""


async def list_suppressions(
    pool: Pool, workspace_id: int, after: str | None, limit: int, list_: str | None = None
) -> list[SuppressionRow]:
    """The entries of all lists, or of one, the oldest first, after the one with this id."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await suppressions.list_suppressions(connection, workspace_id, after, limit, list_)


async def count_suppressions(pool: Pool, workspace_id: int) -> list[ListCount]:
    """How many entries each list has, by kind."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await suppressions.count_suppressions(connection, workspace_id)


async def add_suppressions(
    pool: Pool, workspace_id: int, actor: str, by_list: Mapping[str, Collection[SuppressionKey]]
) -> AddedCounts:
    """Add entries to lists, slice by slice. An entry that is there gets the newest key, if it has another.

    The change log has one line for each list: a version of the directory for every slice would make each
    process read the directory again that often.
    """
    total, kept = AddedCounts(0, 0, 0), KeptSnapshot()
    for list_, keys in by_list.items():
        every, logged = list(keys), False
        for start in range(0, len(every), SLICE):
            async with edit_directory(pool, workspace_id, actor, kept) as edit:
                some = every[start : start + SLICE]
                added = await suppressions.add_suppressions(
                    edit.connection, workspace_id, list_, some, actor, edit.now
                )
                await take_back_suppressed(edit.connection, workspace_id, some, edit.now)
                if not logged and (added.created or added.updated):
                    await edit.log(RESOURCE_TYPE, list_, "put", None, {"entries": len(every)})
                    logged = True
            total = AddedCounts(*map(sum, zip(total, added, strict=True)))
    return total


async def remove_suppressions(
    pool: Pool, workspace_id: int, actor: str, list_: str, keys: Collection[SuppressionKey], reason: str
) -> int:
    """Take entries off a list, those of rejects too. Returns how many it had."""
    removed, every, kept = 0, list(keys), KeptSnapshot()
    for start in range(0, len(every), SLICE):
        async with edit_directory(pool, workspace_id, actor, kept) as edit:
            gone = await suppressions.remove_suppressions(
                edit.connection, workspace_id, list_, every[start : start + SLICE]
            )
            if gone and not removed:
                await edit.log(RESOURCE_TYPE, list_, "delete", {"entries": len(every)}, None, reason)
        removed += gone
    return removed


async def delete_suppression(pool: Pool, workspace_id: int, actor: str, id_: str, reason: str) -> None:
    """Take an entry off its list.

    Raises NotFound.
    """
    async with edit_directory(pool, workspace_id, actor) as edit:
        entry = await suppressions.delete_suppression(edit.connection, workspace_id, id_)
        if entry is None:
            raise NotFound()
        before = {"kind": entry.kind, "list": entry.list, "code": entry.code}
        before["assignment_id"] = entry.assignment_id
        await edit.log(RESOURCE_TYPE, id_, "delete", before, None, reason)


async def rotate_key(pool: Pool, workspace_id: int, actor: str) -> list[int]:
    """Make a new key. Entries keep theirs until they are added again. Returns the numbers of the keys."""
    async with edit_directory(pool, workspace_id, actor) as edit:
        keys = await rotate_suppression_key(edit.connection, workspace_id, edit.now)
        found = [key.id for key in keys]
        await edit.log(KEYS, str(found[0]), "put", None, {"key_ids": found})
    return found
