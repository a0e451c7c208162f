"""Who looks at a page: what the key may do, whose it is, and in which zone times are shown."""

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends
from starlette.requests import Request

from app.api.http.auth import Caller
from app.console.sessions import Session

ZONE_COOKIE = "lead_assignment_zone"
MAX_ZONE = 64


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person in front of a page.

    `zone` is that of the browser; without a script, that of the workspace. `csrf` is what forms send.
    """

    caller: Caller
    workspace: str
    label: str
    workspace_zone: ZoneInfo
    zone: ZoneInfo
    csrf: str

    @property
    def owner_id(self) -> str | None:
        """The owner that the key is bound to."""
        return self.caller.owner_id

    def may(self, *scopes: str) -> bool:
        """Whether the key has one of these scopes."""
        return any(map(self.caller.may, scopes))


def viewer_with(session: Session, request: Request) -> Viewer:
    """The viewer of a request with this session."""
    home = _zone(session.stored.timezone) or ZoneInfo("UTC")
    return Viewer(
        caller=session.caller,
        workspace=session.stored.workspace,
        label=session.stored.label,
        workspace_zone=home,
        zone=_zone(request.cookies.get(ZONE_COOKIE, "")) or home,
        csrf=session.token.csrf(),
    )


async def viewer_of(request: Request) -> Viewer:
    """The viewer of a request to a page that needs a session."""
    viewer = request.scope["viewer"]
    assert isinstance(viewer, Viewer)  # noqa: S101 - the route sets it before its endpoint runs
    return viewer


ViewerParameter = Annotated[Viewer, Depends(viewer_of)]


def _zone(name: str) -> ZoneInfo | None:
    """The zone of this IANA name. What a cookie holds is never read as a path."""
    if not name or len(name) > MAX_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
