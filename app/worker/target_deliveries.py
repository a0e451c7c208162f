"""Sends actions and decisions to targets.

Sending takes as long as a target takes. So each target has a task of its own in this process, and the duty
only starts these tasks.
"""

import time
from collections.abc import Sequence

from app.directory.console_links import ConsoleLinks
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.hidden_actions import redact_actions
from app.errors import ConsoleLinksOff, NotFound, OwnerInactive
from app.metrics.process import Metrics
from app.outbox import feed
from app.outbox.delivery import TargetSender
from app.outbox.messages import Link, LinkRefusal
from app.outbox.safe_http import SafeHttp
from app.secrets import SecretBox
from app.store.connection.pool import Connection, Pool, transaction
from app.store.life import target_messages
from app.store.life.agenda import Agenda
from app.store.life.deliveries import StoredAction
from app.worker.every import Every
from app.worker.keyed_tasks import KeyedTasks

MAX_TASKS = 200
"""So many targets are sent to at once."""
EXPIRE_EVERY_SECONDS = 60.0
"""How often old messages are looked for."""


class TargetDeliveries:
    """Makes messages of what is new, and keeps a task for each target that something can be sent to."""

    def __init__(self, pool: Pool, sender: TargetSender) -> None:
        self._pool = pool
        self._sender = sender
        self._tasks = KeyedTasks("target", MAX_TASKS, "sending stopped")
        self._expiring = Every(EXPIRE_EVERY_SECONDS)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether the workspace sends at all."""
        return agenda.targets

    async def run(self, agenda: Agenda) -> bool:
        """Make one slice of messages, and start what sends them. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        busy = await feed.feed(self._pool, workspace_id)
        now = time.monotonic()
        if self._expiring.is_time(workspace_id, now):
            if await feed.expire(self._pool, workspace_id):
                return True
            self._expiring.done(workspace_id, now)
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            due = await target_messages.list_due_targets(connection, workspace_id)
        for target_id in due:
            self._tasks.start((workspace_id, target_id), self._sender.send_all)
        return busy

    async def close(self) -> None:
        """Stop sending. What was under way is sent again, by this process or another, after a while."""
        await self._tasks.close()


def sender_of(
    pool: Pool,
    dispatch: Dispatcher,
    http: SafeHttp,
    secrets: SecretBox,
    metrics: Metrics,
    links: ConsoleLinks,
) -> TargetSender:
    """What sends the messages of a process."""

    async def redact(
        connection: Connection, workspace_id: int, actions: Sequence[StoredAction]
    ) -> list[StoredAction]:
        return await redact_actions(connection, dispatch, workspace_id, actions)

    async def link(connection: Connection, workspace_id: int, owner_id: str) -> Link | LinkRefusal:
        try:
            made = await links.make(connection, workspace_id, owner_id)
        except NotFound:
            return "owner_removed"
        except OwnerInactive:
            return "owner_inactive"
        except ConsoleLinksOff:
            return "console_links_off"
        return {"url": made.url, "expires_at": made.expires_at}

    return TargetSender(pool, http, secrets, redact, link, metrics.delivery_attempted)
