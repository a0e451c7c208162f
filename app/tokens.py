"""The tokens of the console's sessions and sign-in links."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

LINK_SECONDS = 600

_TOKEN = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})")
_CSRF = b"csrf of the console"


@dataclass(frozen=True, slots=True)
class Token:
    """What a cookie or a link holds: the workspace, and a secret of which the store has the hash."""

    workspace_id: int
    secret: str

    def text(self) -> str:
        """The token as it is sent."""
        return f"{self.workspace_id}.{self.secret}"

    def hash(self) -> bytes:
        """What is stored. So much randomness needs no slow hash."""
        return hashlib.sha256(self.secret.encode()).digest()

    def csrf(self) -> str:
        """What the forms of this session send, and no other site knows."""
        digest = hmac.digest(self.secret.encode(), _CSRF, "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def new_token(workspace_id: int) -> Token:
    """A token with 256 random bits."""
    return Token(workspace_id, secrets.token_urlsafe(32))


def parse_token(text: str) -> Token | None:
    """The token in its parts, or None when the text cannot be one."""
    found = _TOKEN.fullmatch(text)
    return Token(int(found[1]), found[2]) if found else None
