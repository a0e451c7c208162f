"""API keys: `la_<env>_<id>_<secret>_<check>`.

The id finds the key. Only the caller has the secret (256 random bits). The checksum reveals a mistyped key
without a query, and lets a secret scanner recognize a key.
"""

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field

from app.rates import UNLIMITED, Rates

SCOPES = frozenset(
    (
        "assign", "events", "claim", "leads:read", "directory:write",
        "plan:write", "plan:approve", "privacy", "reports", "reports:owners", "ops", "console:links",
        "admin",
    )
)  # fmt: skip
"""The scopes of keys. `admin` includes all others."""
DEVELOPMENT_KEY = "dev-key"
"""The key of the development workspace. It works in development only, from and at a loopback address."""

_FORM = re.compile(r"la_([a-z]{1,12})_([a-z2-7]{16})_([a-z2-7]{52})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Key:
    """A key in its parts. `repr` does not show the secret."""

    env: str
    id: str
    secret: str = field(repr=False)

    def text(self) -> str:
        """The key as the caller sends it; to be shown once, when it is issued."""
        body = f"la_{self.env}_{self.id}_{self.secret}"
        return f"{body}_{_check(body)}"

    def secret_hash(self) -> bytes:
        """What is stored instead of the secret: its SHA-256. So much randomness needs no slow hash."""
        return hashlib.sha256(self.secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the store knows it: never its secret, only the SHA-256 of it.

    `source` is the system that uses it; keys with the same source share the ids of their events.
    """

    id: str
    workspace_id: int
    secret_hash: bytes
    scopes: frozenset[str]
    owner_id: str | None
    revoked: bool
    source: str | None = None
    rates: Rates = UNLIMITED


def issue(env: str) -> Key:
    """A new key; `env` is a lower-case word that says where it belongs, such as `live` or `dev`."""
    return Key(env, _random(10), _random(32))


def parse(text: str) -> Key | None:
    """The key in its parts, or None when the text cannot be a key."""
    found = _FORM.fullmatch(text)
    if found is None or _check(text[: found.start(4) - 1]) != found[4]:
        return None
    return Key(found[1], found[2], found[3])


def _random(count: int) -> str:
    return base64.b32encode(secrets.token_bytes(count)).decode().rstrip("=").lower()


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
