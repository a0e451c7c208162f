"""Endpoints: where a CRM sends its webhooks, with which secrets, and what the events mean.

An endpoint is a record of the directory, so its edits are in the change log. Its secrets and its public path
are not: they are stored encrypted, beside it.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any

import orjson

from app.contract.endpoints import FETCHED_FORMS, FORM_KINDS, SIGNED_FORMS
from app.directory.editing import DirectoryEdit, edit_directory
from app.directory.records import UNCONDITIONAL, Make, Precondition
from app.errors import NotFound, refused_at
from app.ids import uuid7
from app.secrets import SecretBox, fingerprint
from app.store.clocks import read_now
from app.store.connection.pool import Connection, Pool, transaction
from app.store.crm import endpoint_hours, inbox
from app.store.crm import endpoints as store
from app.store.crm.endpoint_hours import Hour
from app.store.crm.endpoints import StoredPath, StoredSecret
from app.store.crm.inbox import Backlog
from app.store.directory import records
from app.store.directory.records import Record
from app.store.forms import fetches
from app.store.forms.fetches import StoredToken
from app.values.crm_ids import crm_id_key
from app.webhooks.endpoint_mapping import check_mapping

RESOURCE_TYPE = inbox.RESOURCE_TYPE
PATH, FORM_PATH = "/webhooks/", "/forms/"
BOTH_LIVE = timedelta(days=7)
"""How long the path of a form lives on once it has a new one."""
PARKED_FOR = timedelta(days=30)
"""How long a deleted endpoint of a form keeps what comes."""
MAX_SECRETS = 2
"""A new secret and the one before it. Of three, the oldest goes."""
SIGNED_ADDRESS = frozenset(("hubspot",))
"""The kinds that sign the public address."""
WITHOUT_SECRET = frozenset(("salesforce",)) | (FORM_KINDS - SIGNED_FORMS)
"""The kinds that may have no secret, because their path is known to them alone."""
SOON = timedelta(hours=24)
MIN_HOURS = 12
"""So many hours with deliveries show what is usual."""
MIN_SILENCE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class EndpointFinding:
    """What needs attention, and the span that should be reconciled, or that ends."""

    code: str
    detail: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint as it may be shown."""

    record: Record
    path: str
    former_path: str | None
    former_path_ends_at: datetime | None
    last_handshake_at: datetime | None
    secrets: Sequence[StoredSecret]
    hours: Sequence[Hour]
    backlog: Backlog
    token: StoredToken | None
    findings: Sequence[EndpointFinding]


class Endpoints:
    """Reads and edits endpoints. `base_url` is the public address of the setting, if there is one.

    `edited` is called after each edit with the workspace and the endpoint. In `development` leads may be
    fetched from somewhere else than the form tool.
    """

    def __init__(
        self,
        pool: Pool,
        box: SecretBox,
        base_url: str | None,
        edited: Callable[[int, str], object] = lambda *_: None,
        *,
        development: bool = False,
    ) -> None:
        self._pool = pool
        self._box = box
        self._base_url = base_url
        self._edited = edited
        self._development = development

    async def find(self, workspace_id: int, id_: str) -> EndpointView:
        """One endpoint. Raises NotFound."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            record = await records.find_record(connection, workspace_id, RESOURCE_TYPE, id_)
            if record is None:
                raise NotFound
            return (await self._views(connection, workspace_id, [record]))[0]

    async def page(self, workspace_id: int, after: str, limit: int) -> list[EndpointView]:
        """The endpoints after `after`, by id."""
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            found = await records.list_records(connection, workspace_id, RESOURCE_TYPE, after, limit)
            return await self._views(connection, workspace_id, found)

    async def write(
        self,
        workspace_id: int,
        actor: str,
        id_: str,
        make: Make,
        on: Precondition = UNCONDITIONAL,
        new_secrets: Sequence[str] = (),
        token: str | None = None,
    ) -> tuple[EndpointView, bool]:
        """Write the body that `make` returns, and say whether the endpoint is new.

        `new_secrets`, the newest first, and `token` are stored only with a new one. Raises
        PreconditionFailed, ValidationFailed, SecretsKeyMissing, and what `make` raises.
        """
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            before = await edit.find(RESOURCE_TYPE, id_)
            on.check(before)
            body = make(before.body if before else None)
            if before is not None and before.body["kind"] != body["kind"]:
                raise refused_at(("kind",), "not_allowed", "cannot be changed")
            check_mapping(body["kind"], body["mapping"])
            if body["options"].get("fetch_url") is not None and not self._development:
                raise refused_at(("options", "fetch_url"), "not_allowed", "is for development only")
            await edit.put(RESOURCE_TYPE, id_, body, before)
            if before is None:
                if not await store.revive_paths(edit.connection, workspace_id, id_):
                    await self._open(edit, id_)
                for secret in reversed(new_secrets):
                    await self._add(edit, id_, secret)
                if token is not None:
                    await self._write_token(edit, id_, body["kind"], token)
            if body["kind"] in FORM_KINDS and body["active"] and not (before and before.body["active"]):
                await inbox.retry_parked(edit.connection, workspace_id, id_)
        self._edited(workspace_id, id_)
        return await self.find(workspace_id, id_), before is None

    async def delete(self, workspace_id: int, actor: str, id_: str, on: Precondition = UNCONDITIONAL) -> None:
        """Delete an endpoint, with its path, its secrets, and what is not processed yet. Raises NotFound.

        That of a form keeps for 30 days what still comes.
        """
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            record = await _found(edit, id_)
            on.check(record)
            await edit.delete(record)
            if record.body["kind"] in FORM_KINDS:
                settings = orjson.dumps(record.body)
                await store.end_paths(edit.connection, workspace_id, id_, PARKED_FOR, settings)
            else:
                await store.delete_endpoint(edit.connection, workspace_id, id_)
                await endpoint_hours.delete_hours(edit.connection, workspace_id, id_)
                await inbox.delete_of_endpoint(edit.connection, workspace_id, id_)
        self._edited(workspace_id, id_)

    async def rotate_path(self, workspace_id: int, actor: str, id_: str) -> EndpointView:
        """Give the endpoint of a form a new path. The one before it lives on for seven days.

        Raises NotFound, SecretsKeyMissing, and ValidationFailed for a webhook of a CRM.
        """
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            record = await _found(edit, id_)
            if record.body["kind"] not in FORM_KINDS:
                raise refused_at(("kind",), "not_allowed", "has a path that cannot be changed")
            await store.end_paths(edit.connection, workspace_id, id_, BOTH_LIVE, None)
            await self._open(edit, id_)
            await edit.log(RESOURCE_TYPE, id_, "put", None, None, "changed the path")
        self._edited(workspace_id, id_)
        return await self.find(workspace_id, id_)

    async def add_secret(self, workspace_id: int, actor: str, id_: str, secret: str) -> StoredSecret:
        """Add a secret. Of three, the oldest goes. A repeat adds nothing.

        Raises NotFound, SecretsKeyMissing.
        """
        mark = fingerprint(secret.encode())
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            await _found(edit, id_)
            for known in await _secrets(edit, id_):
                if known.fingerprint == mark:
                    return known
            await self._add(edit, id_, secret)
            await edit.log(RESOURCE_TYPE, id_, "put", None, None, f"added secret {mark}")
            stored = await _secrets(edit, id_)
            await store.delete_secrets(
                edit.connection, workspace_id, id_, [old.id for old in stored[MAX_SECRETS:]]
            )
        self._edited(workspace_id, id_)
        return stored[0]

    async def delete_secret(self, workspace_id: int, actor: str, id_: str, secret_id: str) -> None:
        """Delete a secret. Raises NotFound."""
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            await _found(edit, id_)
            found = [each for each in await _secrets(edit, id_) if each.id == secret_id]
            if not found:
                raise NotFound
            await store.delete_secrets(edit.connection, workspace_id, id_, [secret_id])
            await edit.log(RESOURCE_TYPE, id_, "put", None, None, f"deleted secret {found[0].fingerprint}")
        self._edited(workspace_id, id_)

    async def set_token(self, workspace_id: int, actor: str, id_: str, token: str) -> StoredToken:
        """Set the token with which leads are fetched. What waits for one is fetched with it.

        Raises NotFound, SecretsKeyMissing, and ValidationFailed for a kind that sends whole leads.
        """
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            record = await _found(edit, id_)
            await self._write_token(edit, id_, record.body["kind"], token)
            await edit.log(RESOURCE_TYPE, id_, "put", None, None, f"set token {fingerprint(token.encode())}")
            return (await fetches.find_tokens(edit.connection, workspace_id, [id_]))[id_]

    async def delete_token(self, workspace_id: int, actor: str, id_: str) -> None:
        """Delete the token. Nothing is fetched until there is another one. Raises NotFound."""
        async with edit_directory(self._pool, workspace_id, actor) as edit:
            await _found(edit, id_)
            deleted = await fetches.delete_token(edit.connection, workspace_id, id_)
            if deleted is None:
                raise NotFound
            await edit.log(RESOURCE_TYPE, id_, "put", None, None, f"deleted token {deleted}")

    async def _write_token(self, edit: DirectoryEdit, id_: str, kind: str, token: str) -> None:
        if kind not in FETCHED_FORMS:
            raise refused_at(("token",), "not_allowed", "is for kinds that send only ids")
        clear = token.encode()
        sealed = self._box.encrypt(clear)
        await fetches.write_token(edit.connection, edit.workspace_id, id_, sealed, fingerprint(clear))

    async def _open(self, edit: DirectoryEdit, id_: str) -> None:
        path = secrets.token_urlsafe(24)
        sealed = self._box.encrypt(path.encode())
        await store.insert_path(edit.connection, edit.workspace_id, id_, path_hash(path), sealed)

    async def _add(self, edit: DirectoryEdit, id_: str, secret: str) -> None:
        clear = secret.encode()
        await store.insert_secret(
            edit.connection,
            edit.workspace_id,
            id_,
            uuid7(),
            self._box.encrypt(clear),
            fingerprint(clear),
        )

    async def _views(
        self, connection: Connection, workspace_id: int, found: Sequence[Record]
    ) -> list[EndpointView]:
        ids = [record.id for record in found]
        now = await read_now(connection, workspace_id)
        paths = await store.find_paths(connection, workspace_id, ids)
        kept = await store.list_secrets(connection, workspace_id, ids)
        hours = await endpoint_hours.list_hours(connection, workspace_id, ids)
        backlogs = await inbox.count_backlogs(connection, workspace_id, ids)
        tokens = await fetches.find_tokens(connection, workspace_id, ids)
        return [
            EndpointView(
                record=record,
                path=self._path(record, paths[record.id][0]),
                former_path=self._path(record, paths[record.id][1]) if paths[record.id][1:] else None,
                former_path_ends_at=paths[record.id][1].ends_at if paths[record.id][1:] else None,
                last_handshake_at=max(
                    (each.last_handshake_at for each in paths[record.id] if each.last_handshake_at),
                    default=None,
                ),
                secrets=kept[record.id],
                hours=hours[record.id],
                backlog=backlogs[record.id],
                token=tokens.get(record.id),
                findings=[
                    *_expiry(record.body, now),
                    *_silence(hours[record.id], record.body, now),
                    *_unrecognized(hours[record.id]),
                    *self._missing(record.body, kept[record.id]),
                    *_fetching(record.body, tokens.get(record.id)),
                    *_failures(backlogs[record.id]),
                ],
            )
            for record in found
        ]

    def _path(self, record: Record, stored: StoredPath) -> str:
        start = FORM_PATH if record.body["kind"] in FORM_KINDS else PATH
        return start + self._box.decrypt(stored.path).decode()

    def _missing(self, body: Mapping[str, Any], kept: Sequence[StoredSecret]) -> list[EndpointFinding]:
        found = []
        if not kept and body["kind"] not in WITHOUT_SECRET:
            detail = "The endpoint has no secret, so it refuses every delivery."
            found.append(EndpointFinding("no_secret", detail))
        if body["kind"] in SIGNED_ADDRESS and not (body["base_url"] or self._base_url):
            detail = "Set base_url or LEAD_ASSIGNMENT_PUBLIC_BASE_URL: this kind signs the public address."
            found.append(EndpointFinding("no_base_url", detail))
        return found


def path_hash(path: str) -> bytes:
    """What the last part of a public path is found by. So much randomness needs no slow hash."""
    return hashlib.sha256(path.encode()).digest()


def system_of(kind: str, organization_id: str | None) -> str:
    """The name under which records of this CRM are known: two organizations do not share ids."""
    return f"{kind}:{crm_id_key(organization_id)}" if organization_id else kind


async def _found(edit: DirectoryEdit, id_: str) -> Record:
    record = await edit.find(RESOURCE_TYPE, id_)
    if record is None:
        raise NotFound
    return record


async def _secrets(edit: DirectoryEdit, id_: str) -> list[StoredSecret]:
    return (await store.list_secrets(edit.connection, edit.workspace_id, [id_]))[id_]


def _expiry(body: Mapping[str, Any], now: datetime) -> list[EndpointFinding]:
    if body["expires_at"] is None:
        return []
    ends = datetime.fromisoformat(body["expires_at"])
    if ends <= now:
        detail = "The CRM's channel has ended. Renew it, then reconcile what changed since."
        return [EndpointFinding("expired", detail, ends, now)]
    if ends - now <= SOON:
        return [EndpointFinding("expires_soon", "The CRM's channel ends soon. Renew it.", now, ends)]
    return []


def _silence(hours: Sequence[Hour], body: Mapping[str, Any], now: datetime) -> list[EndpointFinding]:
    """A silence more than twice as long as any before it."""
    times = [hour.last_at for hour in hours if hour.last_at is not None]
    if len(times) < MIN_HOURS or not body["active"]:
        return []
    longest = max(later - earlier for earlier, later in pairwise(times))
    if now - times[-1] <= max(MIN_SILENCE, 2 * longest):
        return []
    detail = "Nothing has come for far longer than usual. Check the webhook in the CRM, then reconcile."
    return [EndpointFinding("silent", detail, times[-1], now)]


def _unrecognized(hours: Sequence[Hour]) -> list[EndpointFinding]:
    """Genuine deliveries, none of which since some hour told of anything."""
    heard = [hour for hour in hours if hour.deliveries]
    mute = list(takewhile(lambda hour: hour.unrecognized == hour.deliveries, reversed(heard)))
    if not mute:
        return []
    detail = "What comes is genuine, but names no record where this kind of CRM does. Look at what is sent."
    return [EndpointFinding("nothing_recognized", detail, mute[-1].hour, mute[0].last_at)]


def _fetching(body: Mapping[str, Any], token: StoredToken | None) -> list[EndpointFinding]:
    """Why leads cannot be fetched."""
    if body["kind"] not in FETCHED_FORMS:
        return []
    if token is None:
        detail = (
            "The tool sends only ids, and there is no token to fetch leads with. Set one, or upload them."
        )
        return [EndpointFinding("no_token", detail)]
    if token.refused:
        detail = "The tool refuses the token, so no lead is fetched. Set a new one."
        return [EndpointFinding("token_invalid", detail, token.failed_at)]
    if token.code == "not_permitted":
        detail = "The token may not read the leads. Give it the permission that the tool asks for."
        return [EndpointFinding("not_permitted", detail, token.failed_at)]
    if token.code is not None:
        detail = f"Fetching leads fails ({token.code}). It is tried again for 72 hours."
        return [EndpointFinding("fetching_fails", detail, token.failed_at, token.paused_until)]
    return []


def _failures(backlog: Backlog) -> list[EndpointFinding]:
    if not backlog.failed:
        return []
    detail = "Some of what came could not be processed. See the list of failures."
    return [EndpointFinding("failures", detail)]
