"""Edits that are asked for with a key: done once, and answered the same however often they are asked for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.directory.editing import DirectoryEdit, edit_directory
from app.errors import IdempotencyMismatch, Problem
from app.store.connection.pool import Connection, Pool, transaction
from app.store.path import facts, idempotency
from app.store.path.idempotency import Answer, IdempotencyKey

Told = TypeVar("Told")
Act = Callable[[DirectoryEdit], Awaitable[Told]]
"""What is done behind the gate."""
Ready = Callable[[], Awaitable[Act[Told]]]
"""What takes long and is done before, away from the gate. Gives the rest."""

_NO_PASSES = 2**62
"""Behind every pass there will be: nothing of the journal is read."""


async def once(
    pool: Pool,
    workspace_id: int,
    actor: str,
    key: IdempotencyKey | None,
    ready: Ready[Told],
    show: Callable[[Told], Answer],
) -> Answer:
    """Do an edit and `show` what came of it; a key that stands for its answer already does nothing more.

    The answer is kept in the transaction of the edit, so there is never one without the other. Raises
    IdempotencyMismatch for a key that came with another body, and what the edit raises, which is not kept.
    """
    earlier = await _answered(pool, workspace_id, key)
    if earlier is not None:
        return earlier
    try:
        act = await ready()
    except Problem:
        # What stands in the way may be this same request, which came to its end meanwhile.
        earlier = await _answered(pool, workspace_id, key)
        if earlier is None:
            raise
        return earlier
    async with edit_directory(pool, workspace_id, actor) as edit:
        answer = await _earlier(edit.connection, workspace_id, key)
        if answer is None:
            answer = show(await act(edit))
            if key is not None:
                await idempotency.store_response(edit.connection, workspace_id, key, answer, edit.now)
        return answer


async def _answered(pool: Pool, workspace_id: int, key: IdempotencyKey | None) -> Answer | None:
    """What was answered to this key, as far as can be seen without the gate."""
    if key is None:
        return None
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await _earlier(connection, workspace_id, key)


async def _earlier(connection: Connection, workspace_id: int, key: IdempotencyKey | None) -> Answer | None:
    if key is None:
        return None
    found = await facts.read_facts(connection, workspace_id, _NO_PASSES, [key.text], [])
    earlier = found.replays.get(key.text)
    if earlier is None or found.time - earlier.at > key.holds:
        return None
    if earlier.body_hash != key.body_hash:
        raise IdempotencyMismatch("this Idempotency-Key was used with another body")
    return Answer(earlier.status, (earlier.answer or "").encode(), replayed=True)
