"""Editing targets and their secrets, and sending dead messages again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from app.errors import (
    DeliveryNotDead,
    DeliveryReplaced,
    Fault,
    LastSecret,
    NotFound,
    Problem,
    RestoredCopy,
    ValidationFailed,
)
from app.outbox.messages import new_secret, secret_bytes
from app.outbox.retries import DELAYS
from app.outbox.safe_http import AddressRefused, SafeHttp
from app.outbox.work_queue import REPLACING
from app.secrets import SecretBox, fingerprint
from app.store import installation
from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory.records import Record
from app.store.life import target_deliveries, targets
from app.store.life.target_messages import StoredMessage
from app.store.life.targets import StoredTarget, TargetSecret

MAX_SECRETS = 2
"""Each message is signed with so many secrets, so that a receiver can change over from one to the other."""
EDITED = ("url", "types", "active", "max_parallel")

Make = Callable[[Mapping[str, Any] | None], dict[str, Any]]
"""Makes the new settings of a target from the current ones, or from None. May raise a Problem."""


class Precondition(Protocol):
    """What must hold before a write."""

    def check(self, before: Record | None) -> None:
        """Raises PreconditionFailed."""


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """A target with its secrets. `secret` is the one that was made for it now, which nobody sees again."""

    target: StoredTarget
    secrets: Sequence[TargetSecret]
    secret: str | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of one workspace, for one caller."""

    pool: Pool
    http: SafeHttp
    box: SecretBox
    workspace_id: int
    actor: str

    async def write(self, id_: str, make: Make, on: Precondition, secret: str | None) -> ShownTarget:
        """Create or replace a target. `secret` is for a new one, which gets its own if none is given.

        Raises NotFound and others as `make` does, PreconditionFailed, ValidationFailed, SecretsKeyMissing.
        """
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            before = await targets.find_target(connection, self.workspace_id, id_)
        # The name is looked up without a lock. An edit that comes between is noticed.
        body = make(_body(before))
        await self._check_url(body["url"])
        async with transaction(self.pool, self.workspace_id) as connection:
            locked = await targets.lock_target(connection, self.workspace_id, id_)
            current = locked[0] if locked else None
            on.check(_record(current))
            if _body(current) != _body(before):
                body = make(_body(current))
                await self._check_url(body["url"])
            revision = current.revision + 1 if current else 1
            made = await self._first_secret(connection, id_, current, secret)
            if current is None or body != _body(current):
                target = await targets.put_target(
                    connection, self.workspace_id, id_, body, revision, self.actor
                )
            else:
                target = current
            if current is None:
                await self._add(connection, id_, made or secret or "")
            stored = await targets.list_secrets(connection, self.workspace_id, id_)
        return ShownTarget(target, stored, made, current is None)

    async def find(self, id_: str) -> ShownTarget:
        """A target. Raises NotFound."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            return await self._shown(connection, id_)

    async def page(self, after: str, limit: int) -> list[ShownTarget]:
        """The targets after an id."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            found = await targets.list_targets(connection, self.workspace_id, after, limit)
            return [
                ShownTarget(each, await targets.list_secrets(connection, self.workspace_id, each.id))
                for each in found
            ]

    async def delete(self, id_: str, on: Precondition) -> None:
        """Delete a target with its messages. Raises NotFound, PreconditionFailed."""
        async with transaction(self.pool, self.workspace_id) as connection:
            locked = await targets.lock_target(connection, self.workspace_id, id_)
            on.check(_record(locked[0]) if locked else None)
            if not await targets.delete_target(connection, self.workspace_id, id_):
                raise NotFound()

    async def add_secret(self, id_: str, secret: str | None) -> ShownTarget:
        """Add a secret, one of its own if none is given. The oldest of three goes. A repeat adds nothing.

        Raises NotFound, ValidationFailed, SecretsKeyMissing.
        """
        made = None if secret is not None else new_secret()
        _check_secret(secret)
        async with transaction(self.pool, self.workspace_id) as connection:
            if await targets.lock_target(connection, self.workspace_id, id_) is None:
                raise NotFound()
            added = made or secret or ""
            known = await targets.list_secrets(connection, self.workspace_id, id_)
            if fingerprint(added.encode()) not in {each.fingerprint for each in known}:
                await self._add(connection, id_, added)
            for old in (await targets.list_secrets(connection, self.workspace_id, id_))[MAX_SECRETS:]:
                await targets.delete_secret(connection, self.workspace_id, id_, old.id)
            shown = await self._shown(connection, id_)
        return ShownTarget(shown.target, shown.secrets, made)

    async def delete_secret(self, id_: str, secret_id: str) -> None:
        """Delete a secret, but not the last one. Raises NotFound, LastSecret."""
        async with transaction(self.pool, self.workspace_id) as connection:
            await targets.lock_target(connection, self.workspace_id, id_)
            stored = await targets.list_secrets(connection, self.workspace_id, id_)
            if secret_id not in {each.id for each in stored}:
                raise NotFound()
            if len(stored) == 1:
                raise LastSecret()
            await targets.delete_secret(connection, self.workspace_id, id_, secret_id)

    async def deliveries(
        self, id_: str, states: Sequence[str], after: int, limit: int
    ) -> list[StoredMessage]:
        """The messages to a target, of some states, in order. Raises NotFound."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            await self._shown(connection, id_)
            return await target_deliveries.list_messages(
                connection, self.workspace_id, id_, states, after, limit
            )

    async def resend(self, id_: str, ids: Sequence[str]) -> list[StoredMessage | Problem]:
        """Send dead messages once more, in their old order. Returns what became of each.

        A message that a later one has replaced stays dead. Raises NotFound, RestoredCopy.
        """
        async with transaction(self.pool, self.workspace_id) as connection:
            if not await installation.acts_on(connection):
                raise RestoredCopy()
            if await targets.lock_target(connection, self.workspace_id, id_) is None:
                raise NotFound()
            found = await target_deliveries.lock_messages(connection, self.workspace_id, id_, ids)
            replaceable = [each.id for each in found.values() if each.type in REPLACING]
            replaced = await target_deliveries.list_replaced(connection, self.workspace_id, id_, replaceable)
            outcomes = [_again(found.get(each), each in replaced) for each in ids]
            revived = [each for each in outcomes if isinstance(each, StoredMessage)]
            await target_deliveries.revive(connection, self.workspace_id, revived, len(DELAYS))
        return outcomes

    async def _shown(self, connection: Connection, id_: str) -> ShownTarget:
        found = await targets.find_target(connection, self.workspace_id, id_)
        if found is None:
            raise NotFound()
        return ShownTarget(found, await targets.list_secrets(connection, self.workspace_id, id_))

    async def _first_secret(
        self, connection: Connection, id_: str, current: StoredTarget | None, secret: str | None
    ) -> str | None:
        """The secret that a new target is given, if its caller has none. Raises ValidationFailed."""
        if secret is None:
            return None if current else new_secret()
        _check_secret(secret)
        if current is not None:
            known = await targets.list_secrets(connection, self.workspace_id, id_)
            if fingerprint(secret.encode()) not in {each.fingerprint for each in known}:
                raise _refused("secret", "not_allowed", "must be added with POST /targets/{id}/secrets")
        return None

    async def _add(self, connection: Connection, id_: str, secret: str) -> None:
        sealed = self.box.encrypt(secret.encode())
        await targets.add_secret(
            connection, self.workspace_id, id_, str(uuid4()), sealed, fingerprint(secret.encode())
        )

    async def _check_url(self, url: str) -> None:
        try:
            await self.http.check(url)
        except AddressRefused as refused:
            raise _refused("url", refused.code, refused.detail) from None


async def untaken(pool: Pool, workspace_id: int, types: Sequence[str]) -> list[str]:
    """Those of these types that no target takes. For `*` any target is enough."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await targets.list_targets(connection, workspace_id, "", 1000)
    return [each for each in types if not any(each == "*" or target.wants(each) for target in found)]


def _again(message: StoredMessage | None, replaced: bool) -> StoredMessage | Problem:
    if message is None:
        return NotFound()
    if message.state != "dead":
        return DeliveryNotDead()
    return DeliveryReplaced() if replaced else message


def _body(target: StoredTarget | None) -> dict[str, Any] | None:
    return {name: getattr(target, name) for name in EDITED} if target is not None else None


def _record(target: StoredTarget | None) -> Record | None:
    """The target as preconditions see it."""
    if target is None:
        return None
    return Record("targets", target.id, _body(target) or {}, target.revision, target.updated_at)


def _check_secret(secret: str | None) -> None:
    if secret is not None and secret_bytes(secret) is None:
        raise _refused("secret", "invalid_format", "must be whsec_ and 24 to 64 bytes in Base64")


def _refused(field: str, code: str, detail: str) -> ValidationFailed:
    return ValidationFailed(faults=[Fault((field,), code, detail)])
