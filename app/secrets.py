"""Secrets of others that must be used again, and so are encrypted instead of hashed.

The key comes from the environment and never reaches the database. With several keys, for a rotation, the
first one encrypts and each of them decrypts.
"""

import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.errors import SecretsKeyMissing, SecretUnreadable

FINGERPRINT_LENGTH = 16


class SecretBox:
    """Encrypts and decrypts with the keys of this installation: `SecretBox(settings.secrets_keys())`."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are Fernet keys, the newest first. Raises ValueError for a text that is none."""
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def encrypt(self, clear: bytes) -> bytes:
        """The secret as it may be stored. Raises SecretsKeyMissing when there is no key."""
        return self._keys().encrypt(clear)

    def decrypt(self, stored: bytes) -> bytes:
        """The secret as it was. Raises SecretsKeyMissing, or SecretUnreadable when no key fits."""
        try:
            return self._keys().decrypt(stored)
        except InvalidToken:
            raise SecretUnreadable from None

    def renew(self, stored: bytes) -> bytes:
        """The same secret, encrypted with the newest key. Raises like `decrypt`."""
        try:
            return self._keys().rotate(stored)
        except InvalidToken:
            raise SecretUnreadable from None

    def _keys(self) -> MultiFernet:
        if self._fernet is None:
            raise SecretsKeyMissing
        return self._fernet


def fingerprint(secret: bytes) -> str:
    """What tells one secret from another and may be shown: the start of its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret).hexdigest()[:FINGERPRINT_LENGTH]


def new_key() -> str:
    """A new key for `LEAD_ASSIGNMENT_SECRETS_KEY`: 256 random bits."""
    return Fernet.generate_key().decode()
