"""The names by which accounts are found, for accounts that were stored before there were names."""

from dataclasses import astuple

from app.directory.editing import EDIT_LIMITS
from app.intake.accounts import name_keys_of_account
from app.store.connection.pool import Pool, transaction
from app.store.directory import accounts

SLICE = 500
"""Accounts that get their names under one workspace lock."""


async def name_slice(pool: Pool, workspace_id: int) -> bool:
    """Add the names of the next accounts. Returns whether there may be more.

    The lock keeps edits away, so that no name is added after its account has another one.
    """
    async with transaction(pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
        found = await accounts.list_unnamed(connection, workspace_id, SLICE)
        names = {each.id: [astuple(key) for key in name_keys_of_account(each)] for each in found}
        await accounts.insert_account_names(connection, workspace_id, names)
        more = len(found) == SLICE
        await accounts.note_named(connection, workspace_id, found[-1].id if more else None)
    return more
