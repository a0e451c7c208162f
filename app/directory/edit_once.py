"""Edits with an idempotency key: each is done once, and repeats get the same response."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.directory.editing import DirectoryEdit, edit_directory
from app.errors import IdempotencyMismatch, Problem
from app.store.connection.pool import Connection, Pool, transaction
from app.store.path import facts, idempotency
from app.store.path.idempotency import IdempotencyKey, Reply

Result = TypeVar("Result")
Edit = Callable[[DirectoryEdit], Awaitable[Result]]
"""The edit itself, under the workspace lock."""
PrepareEdit = Callable[[], Awaitable[Edit[Result]]]
"""The slow part, before the lock. It returns the edit."""

_NO_ENTRIES = 2**62
"""A number after every journal entry, so that none is read."""


async def once(
    pool: Pool,
    workspace_id: int,
    actor: str,
    key: IdempotencyKey | None,
    prepare: PrepareEdit[Result],
    to_reply: Callable[[Result], Reply],
) -> Reply:
    """Do an edit once per key. `to_reply` makes the reply from its result; repeats get the stored reply.

    The reply is stored in the transaction of the edit. Raises IdempotencyMismatch for a key that was used
    with another body, and whatever the edit raises. Errors are not stored.
    """
    earlier = await _find_reply(pool, workspace_id, key)
    if earlier is not None:
        return earlier
    try:
        change = await prepare()
    except Problem:
        # The problem may be this same request, which another call has just completed.
        earlier = await _find_reply(pool, workspace_id, key)
        if earlier is None:
            raise
        return earlier
    async with edit_directory(pool, workspace_id, actor) as edit:
        reply = await _read_reply(edit.connection, workspace_id, key)
        if reply is None:
            reply = to_reply(await change(edit))
            if key is not None:
                await idempotency.store_response(edit.connection, workspace_id, key, reply, edit.now)
        return reply


async def _find_reply(pool: Pool, workspace_id: int, key: IdempotencyKey | None) -> Reply | None:
    """The stored reply for this key, read without the lock."""
    if key is None:
        return None
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await _read_reply(connection, workspace_id, key)


async def _read_reply(connection: Connection, workspace_id: int, key: IdempotencyKey | None) -> Reply | None:
    if key is None:
        return None
    found = await facts.read_facts(connection, workspace_id, _NO_ENTRIES, [key.text], [])
    earlier = found.replays.get(key.text)
    if earlier is None or found.time - earlier.at > key.holds:
        return None
    if earlier.body_hash != key.body_hash:
        raise IdempotencyMismatch()
    return Reply(earlier.status, (earlier.body or "").encode(), replayed=True)
