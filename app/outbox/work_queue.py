"""The work queue: actions are leased, executed, and acknowledged.

A lease lasts until its time, whether or not anybody else takes the action afterward. Its token is used for
this one lease only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from app.errors import ActionLeased, ActionNotDead, ActionReplaced, LeaseLost, NotFound, Problem, RestoredCopy
from app.outbox import feed
from app.outbox.settings import now_of
from app.store import installation
from app.store.connection.pool import Pool, transaction
from app.store.life import deliveries
from app.store.life.deliveries import OutboxNow, StoredAction

REPLACING = frozenset(("set_owner",))
"""The types of which only the newest action of a lead may be executed."""
Outcome = StoredAction | Problem
"""What became of one action of a call."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a caller says about an action. Without a token it has not leased it.

    `retry_after` is set when the action was not executed: the seconds until it is offered again.
    """

    id: str
    token: str | None
    retry_after: float | None = None


async def lease(pool: Pool, workspace_id: int, holder: str, limit: int, seconds: float) -> list[StoredAction]:
    """Lease actions, the oldest first; those of one lead go to one holder at a time, and in their order.

    Raises RestoredCopy.
    """
    async with transaction(pool, workspace_id) as connection:
        if not await installation.acts_on(connection):
            raise RestoredCopy()
        at = await now_of(connection, workspace_id)
        until = at.now + timedelta(seconds=seconds)
        return await deliveries.lease(connection, workspace_id, at, limit, str(uuid4()), until, holder)


async def settle(pool: Pool, workspace_id: int, settlements: Sequence[Settlement]) -> list[Outcome]:
    """Acknowledge actions, or give them back. Returns what became of each, in order."""
    ids = [each.id for each in settlements]
    given_back = [each.id for each in settlements if each.retry_after is not None]
    async with transaction(pool, workspace_id) as connection:
        followers = (
            await deliveries.list_followers(connection, workspace_id, given_back) if given_back else []
        )
        found = await deliveries.lock_actions(connection, workspace_id, [*ids, *followers])
        at = await now_of(connection, workspace_id)
        before = {id_: (action.state, action.lease_token) for id_, action in found.items()}
        outcomes = [_settle(each, found, at) for each in settlements]
        changed = [
            action for id_, action in found.items() if before[id_] != (action.state, action.lease_token)
        ]
        await deliveries.update_actions(connection, workspace_id, changed, at.now)
    return outcomes


async def resend(pool: Pool, workspace_id: int, ids: Sequence[str]) -> list[Outcome]:
    """Send dead actions again, each once more. Returns what became of each, in order.

    An action that a later one has replaced stays dead. Raises RestoredCopy.
    """
    async with transaction(pool, workspace_id, lock=True) as connection:
        if not await installation.acts_on(connection):
            raise RestoredCopy()
        # A concurrent lease of a later action of the lead comes before this or after it, never in between.
        others = await deliveries.list_undelivered_of_leads(connection, workspace_id, ids)
        found = await deliveries.lock_actions(connection, workspace_id, [*ids, *others])
        at = await now_of(connection, workspace_id)
        replaceable = [id_ for id_ in ids if id_ in found and found[id_].type in REPLACING]
        replaced = await deliveries.list_replaced(connection, workspace_id, replaceable)
        outcomes = [_resend(found.get(id_), id_ in replaced, at) for id_ in ids]
        sent = [outcome for outcome in outcomes if isinstance(outcome, StoredAction)]
        await deliveries.update_actions(connection, workspace_id, sent, at.now)
        await feed.send_again(connection, workspace_id, [each for each in sent if each.push])
    return outcomes


def _settle(said: Settlement, found: Mapping[str, StoredAction], at: OutboxNow) -> Outcome:
    action = found.get(said.id)
    if action is None:
        return NotFound()
    if said.retry_after is None:
        return _acknowledge(action, said.token, at)
    if not _holds(action, said.token, at):
        return LeaseLost()
    _give_back(action, said.retry_after, at)
    for follower in found.values():
        if _follows(follower, action, said.token):
            _offer(follower)
    return action


def _follows(follower: StoredAction, action: StoredAction, token: str | None) -> bool:
    """Whether this is a later action of the same lead, in the same lease."""
    same = (follower.lead_id, follower.lease_token, follower.state) == (action.lead_id, token, "leased")
    return same and follower.sequence > action.sequence


def _acknowledge(action: StoredAction, token: str | None, at: OutboxNow) -> Outcome:
    """A repeat has the same outcome. Without a token, only what nobody else executes is acknowledged."""
    if action.state in ("acknowledged", "withdrawn") and token in (None, action.lease_token):
        return action
    if token is not None and not _holds(action, token, at):
        return LeaseLost()
    if token is None and action.state == "leased" and not _lapsed(action, at):
        return ActionLeased()
    action.state = "acknowledged"
    action.lease_token = token
    return action


def _give_back(action: StoredAction, retry_after: float, at: OutboxNow) -> None:
    if action.deliveries >= at.max_deliveries and action.cause is None:
        action.state, action.lease_token, action.leased_until = "dead", None, None
        return
    action.available_at = at.now + timedelta(seconds=retry_after)
    _offer(action)


def _offer(action: StoredAction) -> None:
    state = "available" if action.cause is None else "withdrawn"
    action.state, action.lease_token, action.leased_until = state, None, None


def _resend(action: StoredAction | None, replaced: bool, at: OutboxNow) -> Outcome:
    if action is None:
        return NotFound()
    if action.state != "dead":
        return ActionNotDead()
    if replaced:
        return ActionReplaced()
    action.deliveries = at.max_deliveries - 1
    action.available_at = at.now
    _offer(action)
    if action.push:
        action.state = "pushed"
    return action


def _holds(action: StoredAction, token: str | None, at: OutboxNow) -> bool:
    """Whether this lease is the current one, and not over."""
    return action.state == "leased" and action.lease_token == token and not _lapsed(action, at)


def _lapsed(action: StoredAction, at: OutboxNow) -> bool:
    return action.leased_until is None or action.leased_until <= at.now
