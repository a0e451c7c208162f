"""Sends messages to targets: many targets beside one another, each with a few calls at a time.

A message is leased before it is sent and settled after it, under the lock of its target, so any number of
processes can send. A process that is killed in between leaves a lease that ends, and another one sends the
message again.
"""

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx2

from app.errors import SecretsKeyMissing, SecretUnreadable
from app.outbox.messages import MakeLink, Redact, contents_of, secret_bytes, signed_headers
from app.outbox.retries import Breaker, Outcome, next_attempt, outcome_of
from app.outbox.safe_http import TIMEOUT_SECONDS, AddressRefused, SafeHttp
from app.plan.document.follow_ups import CONSOLE_LINK
from app.secrets import SecretBox
from app.store.connection.pool import Connection, Limits, Pool, transaction
from app.store.life import target_messages, targets
from app.store.life.target_messages import LeasedMessage, Settled
from app.store.life.targets import StoredTarget

LEASE_SECONDS = 30.0
"""After this time a message may be sent by somebody else."""
MARGIN_SECONDS = 5.0
"""A call begins only if it must end this long before its lease does."""
LIMITS = Limits(lock=5000)

Observe = Callable[[str], None]
"""Counts an attempt by its result."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message that is to be sent now. `send_until` is a time of the process's own clock."""

    message: LeasedMessage
    url: str
    content: bytes
    keys: Sequence[bytes]
    send_until: float


@dataclass
class TargetSender:
    """Sends messages.

    `redact` leaves out of actions what nobody may see, `make_link` makes a sign-in link for each attempt, and
    `observe` counts attempts.
    """

    pool: Pool
    http: SafeHttp
    secrets: SecretBox
    redact: Redact
    make_link: MakeLink
    observe: Observe = field(default=lambda _: None)

    async def send_all(self, workspace_id: int, target_id: str) -> None:
        """Send what is due at one target, until nothing is."""
        running: set[asyncio.Task[tuple[LeasedMessage, Outcome]]] = set()
        finished: list[tuple[LeasedMessage, Outcome]] = []
        try:
            while True:
                for attempt in await self._step(workspace_id, target_id, finished):
                    running.add(asyncio.create_task(self._attempt(attempt)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                finished = [task.result() for task in done]
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _step(
        self, workspace_id: int, target_id: str, finished: Sequence[tuple[LeasedMessage, Outcome]]
    ) -> list[Attempt]:
        """Write what became of messages and take the next ones, in one transaction."""
        begun = time.monotonic()
        async with transaction(self.pool, workspace_id, limits=LIMITS) as connection:
            locked = await targets.lock_target(connection, workspace_id, target_id)
            if locked is None:
                return []
            target, now = locked
            await target_messages.settle(
                connection, workspace_id, [_settled(*each, now) for each in finished]
            )
            breaker = await self._move_breaker(connection, workspace_id, target, finished, now)
            await target_messages.free_lapsed(connection, workspace_id, target_id, now)
            leased = await target_messages.count_leased(connection, workspace_id, target_id)
            free = _slots(target, breaker, leased, now)
            if free <= 0:
                return []
            until = now + timedelta(seconds=LEASE_SECONDS)
            taken = await target_messages.lease(
                connection, workspace_id, target_id, now, free, str(uuid4()), until
            )
            send_until = begun + LEASE_SECONDS - TIMEOUT_SECONDS - MARGIN_SECONDS
            return await self._prepare(connection, workspace_id, target, taken, now, send_until)

    async def _prepare(
        self,
        connection: Connection,
        workspace_id: int,
        target: StoredTarget,
        taken: Sequence[LeasedMessage],
        now: datetime,
        send_until: float,
    ) -> list[Attempt]:
        """The attempts for these messages. What is not to be sent any more is withdrawn."""
        if not taken:
            return []
        # A link signs somebody in, so it goes only to targets that name its type, never to those with `*`.
        make_link = self.make_link if CONSOLE_LINK in target.types else None
        contents = await contents_of(connection, workspace_id, taken, self.redact, make_link)
        unsent = [
            (each, found)
            for each in taken
            if isinstance(found := contents.get(each.id, Outcome("withdrawn")), Outcome)
        ]
        await target_messages.settle(connection, workspace_id, [_settled(*each, now) for each in unsent])
        stored = await targets.list_secrets(connection, workspace_id, target.id)
        await targets.note_secrets_used(connection, workspace_id, target.id)
        try:
            texts = [self.secrets.decrypt(each.sealed).decode() for each in stored]
        except (SecretsKeyMissing, SecretUnreadable):
            texts = []
        keys = [key for key in map(secret_bytes, texts) if key is not None]
        return [
            Attempt(each, target.url, content, keys, send_until)
            for each in taken
            if isinstance(content := contents.get(each.id), bytes)
        ]

    async def _move_breaker(
        self,
        connection: Connection,
        workspace_id: int,
        target: StoredTarget,
        finished: Sequence[tuple[LeasedMessage, Outcome]],
        now: datetime,
    ) -> Breaker:
        before = breaker = Breaker(target.failures, target.opened_at, target.open_until)
        for _, outcome in finished:
            breaker = breaker.after(outcome, now, random.uniform)
        if breaker != before:
            await targets.set_breaker(
                connection, workspace_id, target.id, breaker.failures, breaker.opened_at, breaker.open_until
            )
        return breaker

    async def _attempt(self, attempt: Attempt) -> tuple[LeasedMessage, Outcome]:
        """Send one message once, and return what came of it. It raises nothing, unless it is canceled."""
        outcome = await self._outcome_of(attempt)
        self.observe(outcome.result)
        return attempt.message, outcome

    async def _outcome_of(self, attempt: Attempt) -> Outcome:
        if not attempt.keys:
            return Outcome("again", code="secret_unreadable")
        # A process that was stopped for a while must not send what somebody else has sent meanwhile.
        if time.monotonic() > attempt.send_until:
            return Outcome("unsent")
        timestamp = int(datetime.now(UTC).timestamp())
        headers = signed_headers(attempt.message.id, timestamp, attempt.content, attempt.keys)
        try:
            answer = await self.http.post(attempt.url, headers, attempt.content)
        except AddressRefused as refused:
            return Outcome("again", code=refused.code)
        except TimeoutError:
            return Outcome("again", code="timeout")
        except (OSError, httpx2.HTTPError) as error:
            return Outcome("again", code="tls_failed" if _is_of_tls(error) else "connection_failed")
        return outcome_of(answer.status, answer.retry_after)


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _slots(target: StoredTarget, breaker: Breaker, leased: int, now: datetime) -> int:
    """How many more calls the target may get now. After the breaker was open, one shows how it is."""
    if not target.active or (breaker.open_until is not None and breaker.open_until > now):
        return 0
    return (target.max_parallel if breaker.open_until is None else 1) - leased


def _settled(message: LeasedMessage, outcome: Outcome, now: datetime) -> Settled:
    """What is written about a message after an attempt."""
    state, at = outcome.result, message.next_at
    if state == "unsent":
        return Settled(message, "ready", at, message.status, message.code)
    if state == "again":
        following = next_attempt(
            message.attempts, message.first_at or now, now, outcome.retry_after, random.uniform
        )
        if following is None:
            return Settled(message, "dead", at, outcome.status, outcome.code)
        return Settled(message, "ready", following, outcome.status, outcome.code)
    return Settled(message, state, at, outcome.status, outcome.code)
