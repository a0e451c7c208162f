"""Fetches leads of which a form tool told only the ids, endpoint by endpoint.

What to fetch is leased from the inbox, and what was fetched is put there, to be decided like any other lead.
Nothing is changed in between, so a process may be killed at any time: the lease ends, and another process
asks again. While the tool cannot be asked, only its own endpoint rests.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx2
import structlog

from app.errors import SecretsKeyMissing, SecretUnreadable
from app.forms.fetch.base import TEMPORARY, Ask, Class, Failed, FetchKind
from app.forms.fetch.linkedin import LinkedInLeads
from app.forms.fetch.meta import MetaLeads
from app.forms.mapping import form_map
from app.forms.stored import from_bytes, to_bytes
from app.forms.vendors.base import Delivery, FormTerms, Unreadable
from app.logs import to_json
from app.outbox.safe_http import AddressRefused, Document, SafeHttp, TooLarge
from app.secrets import SecretBox
from app.store.connection.pool import Connection, Pool, transaction
from app.store.crm import endpoints, failures
from app.store.crm.endpoints import StoredSecret
from app.store.directory import records as directory
from app.store.forms import fetches, records
from app.store.forms.fetches import StoredToken, ToFetch
from app.store.forms.records import FormRecord
from app.webhooks.endpoints import RESOURCE_TYPE

ASK_SECONDS: Final = 5.0
MAX_LEAD_BYTES: Final = 256 * 1024
AT_ONCE: Final = 10
"""Leads of one endpoint that are asked for at the same time. After a failure it is one."""
LEASE: Final = timedelta(seconds=15)
"""How long a process may take to fetch what it has leased. It asks at most twice for each lead."""
GIVE_UP_AFTER: Final = timedelta(hours=72)
NOT_FETCHED: Final = "not_fetched"
JITTER: Final = 0.25
_FIRST_PAUSE: Final[Mapping[Class, float]] = {
    "rate_limited": 60.0, "unavailable": 5.0, "unexpected": 60.0, "not_permitted": 600.0,
}  # fmt: skip
_LONGEST_PAUSE: Final = 1800.0
_LONGEST_WAIT: Final = 6 * 3600.0
"""However long a tool wants to be left alone, it is asked again after so many seconds."""

Count = Callable[[str, str], None]
"""Counts an attempt by the kind of its endpoint and what became of it."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Endpoint:
    workspace_id: int
    id: str
    kind: str
    terms: FormTerms
    token: StoredToken
    secret: StoredSecret | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What became of one attempt: the lead, or why there is none."""

    leased: ToFetch
    lead: Delivery | None = None
    failed: Failed | None = None


class Fetcher:
    """Fetches what is due. One for each process."""

    def __init__(
        self,
        pool: Pool,
        http: SafeHttp,
        box: SecretBox,
        count: Count,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._pool = pool
        self._http = http
        self._box = box
        self._count = count
        self._spread = spread
        self._kinds: Mapping[str, FetchKind] = {"meta": MetaLeads(), "linkedin": LinkedInLeads()}

    async def fetch_all(self, workspace_id: int, endpoint_id: str) -> None:
        """Fetch what is due for an endpoint until nothing is, or until it has to rest."""
        while await self._fetch_some(workspace_id, endpoint_id):
            pass

    async def _fetch_some(self, workspace_id: int, endpoint_id: str) -> bool:
        """Fetch a few leads. Returns whether there may be more."""
        found = await self._leased(workspace_id, endpoint_id)
        if found is None:
            return False
        endpoint, leased = found
        ask = self._asking(endpoint)
        told = await asyncio.gather(*(self._fetched(endpoint, ask, each) for each in leased))
        return await self._noted(endpoint, told)

    async def _leased(self, workspace_id: int, endpoint_id: str) -> tuple[_Endpoint, list[ToFetch]] | None:
        async with transaction(self._pool, workspace_id) as connection:
            if endpoint_id not in await fetches.list_due_endpoints(connection, workspace_id):
                return None
            record = await directory.find_record(connection, workspace_id, RESOURCE_TYPE, endpoint_id)
            token = (await fetches.find_tokens(connection, workspace_id, [endpoint_id])).get(endpoint_id)
            if record is None or token is None or record.body["kind"] not in self._kinds:
                return None
            limit = 1 if token.failures else AT_ONCE
            secrets = await endpoints.list_secrets(connection, workspace_id, [endpoint_id])
            leased = await fetches.take(connection, workspace_id, endpoint_id, limit, LEASE)
            erased = await self._erased(connection, workspace_id, endpoint_id, leased)
            # The inbox knows what comes about a person who was erased.
            await failures.retry(connection, workspace_id, [each.id for each in erased])
        wanted = [each for each in leased if each not in erased]
        if not leased:
            return None
        terms = FormTerms((), form_map(record.body["mapping"]), record.body["options"])
        secret = next(iter(secrets.get(endpoint_id, ())), None)
        return _Endpoint(workspace_id, endpoint_id, record.body["kind"], terms, token, secret), wanted

    async def _erased(
        self, connection: Connection, workspace_id: int, endpoint_id: str, leased: Sequence[ToFetch]
    ) -> list[ToFetch]:
        names = {FormRecord(endpoint_id, bytes.fromhex(each.record_id)): each for each in leased}
        known = await records.find_leads(connection, workspace_id, list(names))
        return [names[record] for record, before in known.items() if before.lead_id is None]

    def _asking(self, endpoint: _Endpoint) -> Ask:
        """What asks the tool of an endpoint."""
        kind = self._kinds[endpoint.kind]
        base = kind.host
        if self._http.allowed.development:
            base = endpoint.terms.options.get("fetch_url") or base

        async def ask(path: str, headers: Mapping[str, str]) -> Document:
            try:
                token = self._box.decrypt(endpoint.token.token)
                secret = self._box.decrypt(endpoint.secret.secret) if endpoint.secret is not None else None
                sent = {**headers, "Accept": "application/json", "Authorization": f"Bearer {token.decode()}"}
                address = base.rstrip("/") + kind.proven(path, token, secret)
                return await self._http.get(address, sent, ASK_SECONDS, max_bytes=MAX_LEAD_BYTES)
            except (TimeoutError, OSError, httpx2.HTTPError, AddressRefused):
                raise Failed("unavailable") from None
            except (TooLarge, SecretsKeyMissing, SecretUnreadable):
                raise Failed("unexpected") from None

        return ask

    async def _fetched(self, endpoint: _Endpoint, ask: Ask, leased: ToFetch) -> _Told:
        told = from_bytes(leased.event)
        try:
            kind = self._kinds[endpoint.kind]
            cache_key = (endpoint.workspace_id, endpoint.id)
            return _Told(leased, lead=await kind.fetch(ask, told, endpoint.terms, cache_key))
        except Failed as failed:
            return _Told(leased, failed=failed)
        except Unreadable:
            return _Told(leased, failed=Failed("unexpected"))
        except Exception as error:
            log.error("fetched lead not read", **to_json(error))
            return _Told(leased, failed=Failed("unexpected"))

    async def _noted(self, endpoint: _Endpoint, told: Sequence[_Told]) -> bool:
        """Store what became of attempts. Returns whether the endpoint can go on."""
        workspace_id, id_ = endpoint.workspace_id, endpoint.id
        failed = [each.failed for each in told if each.failed is not None]
        answered = any(each.lead is not None for each in told)
        pausing = _pausing(failed, answered)
        gave_up = 0
        async with transaction(self._pool, workspace_id) as connection:
            for each in sorted(told, key=lambda each: each.leased.id):
                if each.lead is not None:
                    await fetches.complete(connection, workspace_id, each.leased, to_bytes(each.lead))
                elif each.failed is not None and each.failed.code == "lead_not_found":
                    await fetches.fail(connection, workspace_id, each.leased.id, each.failed.code)
                elif each.failed is not None:
                    wait = self._row_wait(each.failed, each.leased.tries)
                    await fetches.postpone(connection, workspace_id, each.leased.id, wait)
            if pausing is not None:
                pause = self._pause(pausing, endpoint.token.failures)
                await fetches.note_failure(
                    connection,
                    workspace_id,
                    id_,
                    endpoint.token.fingerprint,
                    pausing.code,
                    pause,
                    refused=pausing.code == "token_invalid",
                )
            elif told:
                await fetches.note_success(connection, workspace_id, id_, endpoint.token.fingerprint)
            if failed:
                gave_up = await fetches.give_up(connection, workspace_id, id_, GIVE_UP_AFTER, NOT_FETCHED)
        for each in told:
            self._count(endpoint.kind, each.failed.code if each.failed is not None else "fetched")
        for _ in range(gave_up):
            self._count(endpoint.kind, NOT_FETCHED)
        return pausing is None

    def _row_wait(self, failed: Failed, tries: int) -> float:
        """How long this lead waits; where the endpoint rests as a whole, no longer than that."""
        if failed.code in ("rate_limited", "token_invalid", "not_permitted"):
            return 0.0
        return self._pause(failed, max(0, tries - 1))

    def _pause(self, failed: Failed, failures: int) -> float:
        """As long as the tool wants, else longer and longer; never in step with others.

        A tool that wants to be asked at once, and fails each time, is left alone longer and longer too.
        """
        first = _FIRST_PAUSE.get(failed.code, 60.0)
        pause = min(first * 2.0 ** min(failures, 16), _LONGEST_PAUSE)
        if failed.wait is None:
            return pause * self._spread(1 - JITTER, 1 + JITTER)
        asked = min(failed.wait, _LONGEST_WAIT)
        return max(asked, min(2.0 ** min(failures, 16), pause)) * self._spread(1.0, 1 + JITTER)


def _pausing(failed: Sequence[Failed], answered: bool) -> Failed | None:
    """Why the endpoint rests, or None if only single leads failed."""
    for code in ("token_invalid", "rate_limited", "not_permitted"):
        found = [each for each in failed if each.code == code]
        if found:
            return max(found, key=lambda each: each.wait or 0.0)
    if answered:
        return None
    return next((each for each in failed if each.code in TEMPORARY), None)
