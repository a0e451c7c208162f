"""Actions and decisions become messages to targets, in the order of their numbers."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from app.outbox.settings import now_of
from app.store.connection.pool import Connection, Pool, transaction
from app.store.life import target_deliveries, target_feed, target_messages, targets
from app.store.life.deliveries import StoredAction
from app.store.life.target_feed import Entry
from app.store.life.target_messages import NewMessage
from app.store.life.targets import StoredTarget

DECISION = "decision.made"
"""The type of messages about decisions. Those about actions have the type of the action."""
ERASE = "erase"
"""The type of the action about a person who was erased. Every target that had data gets it."""
SLICE = 500
"""Actions or decisions that become messages in one transaction."""
EXPIRES_AFTER = timedelta(days=14)
"""A message that was not delivered so long after it was made expires."""


async def feed(pool: Pool, workspace_id: int) -> bool:
    """Make messages of one slice of what is new. Returns whether there may be more."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        cursor = await target_feed.read_cursor(connection, workspace_id)
    if cursor is None or not cursor.is_behind:
        return False
    async with transaction(pool, workspace_id) as connection:
        receivers = await targets.lock_targets(connection, workspace_id)
        cursor = await target_feed.read_cursor(connection, workspace_id, lock=True)
        if cursor is None:
            return False
        # The decision of every action that is seen is seen too, when it is read later.
        actions = await target_feed.list_new_actions(connection, workspace_id, cursor.action_number, SLICE)
        decisions = await target_feed.list_new_decisions(
            connection, workspace_id, cursor.decision_number, SLICE
        )
        if len(decisions) == SLICE:
            actions = []
        await _send(connection, workspace_id, receivers, [*decisions, *actions])
        await target_feed.move_cursor(
            connection,
            workspace_id,
            actions[-1].number if actions else cursor.action_number,
            decisions[-1].number if decisions else cursor.decision_number,
        )
    return SLICE in (len(actions), len(decisions))


async def send_again(connection: Connection, workspace_id: int, actions: Sequence[StoredAction]) -> None:
    """Make messages of actions that no target had taken."""
    entries = [
        Entry(
            each.id,
            each.number or 0,
            each.type,
            each.lead_id,
            each.assignment_id,
            each.state,
            each.created_at,
        )
        for each in actions
    ]
    await _send(connection, workspace_id, await targets.lock_targets(connection, workspace_id), entries)


async def expire(pool: Pool, workspace_id: int) -> bool:
    """Let one slice of old messages expire. Returns whether there may be more."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if not await target_deliveries.any_older(connection, workspace_id, EXPIRES_AFTER):
            return False
    async with transaction(pool, workspace_id) as connection:
        await targets.lock_targets(connection, workspace_id)
        return await target_deliveries.expire(connection, workspace_id, EXPIRES_AFTER, SLICE) == SLICE


async def _send(
    connection: Connection, workspace_id: int, receivers: Sequence[StoredTarget], entries: Iterable[Entry]
) -> None:
    """Make messages for the targets that want them. An action that none wants is dead, and listed."""
    messages: list[NewMessage] = []
    unwanted: list[str] = []
    for entry in sorted(entries, key=lambda entry: entry.created_at):
        if entry.state != "pushed" and entry.type != ERASE:
            continue
        source = "decision" if entry.type == DECISION else "lead" if entry.type == ERASE else "action"
        wanted = [
            NewMessage(each, entry.id, entry.type, entry.lead_id, entry.assignment_id, source)
            for each in await _receivers_of(connection, workspace_id, receivers, entry)
        ]
        messages += wanted
        if not wanted and source == "action":
            unwanted.append(entry.id)
    await target_messages.insert_messages(connection, workspace_id, messages)
    if unwanted:
        at = await now_of(connection, workspace_id)
        await target_feed.bury_unwanted(connection, workspace_id, unwanted, at.now)


async def _receivers_of(
    connection: Connection, workspace_id: int, receivers: Sequence[StoredTarget], entry: Entry
) -> list[str]:
    if entry.type == ERASE:
        return await target_deliveries.list_targets_of_lead(connection, workspace_id, entry.lead_id)
    return [each.id for each in receivers if each.wants(entry.type)]
