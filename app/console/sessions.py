"""Sessions of the console: a random token in a cookie stands for an API key, as long as that key is valid.

Nothing renews a session. It ends after its hours, when somebody signs out, or with its key.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope

from app.api.http.auth import Authentication, Caller, FailureLimit, peer_name
from app.api.http.key_lookups import KeyLookups
from app.errors import NotFound, TooManyFailures, Unauthenticated
from app.keys import DEVELOPMENT_KEY
from app.store import console_sessions as store
from app.store.connection.pool import Pool
from app.store.console_sessions import StoredSession
from app.tokens import Token, new_token, parse_token

COOKIE = "lead_assignment_console"
SESSION_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds, with the caller that it stands for."""

    token: Token
    stored: StoredSession
    caller: Caller


class ConsoleSessions:
    """The sessions as one process knows them. Found ones are cached for seconds, like keys."""

    def __init__(
        self, pool: Pool, authentication: Authentication, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._authentication = authentication
        self._found: KeyLookups[tuple[int, bytes], StoredSession] = KeyLookups(
            lambda tokens: store.find_sessions(pool, tokens, SESSION_SECONDS), clock
        )
        self._unknown = FailureLimit(allowed=30, window=60.0, clock=clock)
        self._links = FailureLimit(allowed=30, window=60.0, clock=clock)

    async def find(self, text: str, scope: Scope) -> Session | None:
        """The session of a cookie, or None if it has ended or its key is not valid any more."""
        token = parse_token(text)
        if token is None:
            return None
        peer = peer_name(scope)
        stored = await self._found.find(
            (token.workspace_id, token.hash()), lambda: self._unknown.wait(peer) > 0
        )
        if stored is None:
            self._unknown.failed(peer)
            return None
        if stored.ends_at.timestamp() <= time.time():
            return None
        caller = await self._authentication.caller_of_key(stored.key_id, scope)
        if caller is None or caller.workspace_id != token.workspace_id:
            return None
        return Session(token, stored, caller)

    async def sign_in(self, key: str, scope: Scope) -> Token:
        """Begin a session for a key. Raises Unauthenticated, or TooManyFailures after too many failures."""
        caller = await self._authentication.check(key, scope)
        return await self._begin(caller)

    async def sign_in_developer(self, scope: Scope) -> Token:
        """Begin a session for `dev-key`, where that works. Raises Unauthenticated elsewhere."""
        caller = await self._authentication.caller_of_key(DEVELOPMENT_KEY, scope)
        if caller is None:
            raise Unauthenticated
        return await self._begin(caller)

    async def sign_in_by_link(self, text: str, scope: Scope) -> Token:
        """Begin a session with a sign-in link, which does not work again.

        Raises NotFound, or TooManyFailures after too many links that do not work.
        """
        peer, link = peer_name(scope), parse_token(text)
        if wait := self._links.wait(peer):
            raise TooManyFailures(retry_after=wait)
        if link is not None:
            token = new_token(link.workspace_id)
            key_id = await store.take_link(
                self._pool, link.workspace_id, link.hash(), token.hash(), SESSION_SECONDS
            )
            if key_id is not None:
                return token
        self._links.failed(peer)
        raise NotFound("This link was used, or is older than ten minutes. Ask for a new one.")

    async def sign_out(self, session: Session) -> None:
        """End a session at once; other processes follow within five seconds."""
        token = session.token
        await store.delete_session(self._pool, token.workspace_id, token.hash())
        self._found.forget((token.workspace_id, token.hash()))

    async def _begin(self, caller: Caller) -> Token:
        token = new_token(caller.workspace_id)
        await store.insert_session(
            self._pool, caller.workspace_id, token.hash(), caller.key_id, SESSION_SECONDS
        )
        return token
