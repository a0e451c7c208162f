"""Sign-in links to the console: a link signs one owner in, once, within ten minutes.

Only the hash of a link is stored. What hands one out asks for it at that moment.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import ConsoleLinksOff, NotFound, OwnerInactive
from app.settings import Settings
from app.store import console_sessions
from app.store.connection.pool import Connection
from app.store.directory.records import find_record
from app.tokens import LINK_SECONDS, new_token

CONSOLE_OFF, NO_PUBLIC_URL = "console_off", "no_public_url"
_WHY = {
    CONSOLE_OFF: "The console is off. Unset `LEAD_ASSIGNMENT_CONSOLE` to use it.",
    NO_PUBLIC_URL: "Set `LEAD_ASSIGNMENT_PUBLIC_BASE_URL`: links begin with it.",
}


@dataclass(frozen=True, slots=True)
class ConsoleLink:
    """A sign-in link, which is shown once."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ConsoleLinks:
    """Makes sign-in links that begin with `base_url`. `refusal` says why it makes none, if so."""

    base_url: str | None = None
    refusal: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "ConsoleLinks":
        """As the settings of the service have it. In development links open on the same machine."""
        base = settings.public_base_url
        if base is None and settings.development:
            base = f"http://127.0.0.1:{settings.port}"
        if not settings.console:
            return cls(base, CONSOLE_OFF)
        return cls(base, NO_PUBLIC_URL if base is None else None)

    async def make(self, connection: Connection, workspace_id: int, owner_id: str) -> ConsoleLink:
        """A new link of an owner, in a transaction of this workspace.

        Raises NotFound for an owner that does not exist, OwnerInactive, or ConsoleLinksOff.
        """
        owner = await find_record(connection, workspace_id, "owners", owner_id)
        if owner is None:
            raise NotFound
        if not owner.body.get("active", True):
            raise OwnerInactive
        if self.refusal is not None:
            raise ConsoleLinksOff(_WHY[self.refusal])
        token = new_token(workspace_id)
        ends_at = await console_sessions.make_link(connection, owner_id, token.hash(), LINK_SECONDS)
        return ConsoleLink(f"{self.base_url}/console/link/{token.text()}", ends_at.astimezone(UTC))
