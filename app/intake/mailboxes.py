"""What an e-mail address says about the person behind it: shared mailboxes and aliases."""

import re
from functools import cache

from app.intake.lists import read_words

_DIGITS = re.compile(r"[0-9]+$")
_GMAIL = "gmail.com"
_SAME_MAILBOX = {"googlemail.com": _GMAIL}


def email_key(address: str) -> str:
    """The address as it is compared. `googlemail.com` is `gmail.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{_SAME_MAILBOX[domain]}" if domain in _SAME_MAILBOX else address


def email_alias(key: str) -> str:
    """The address that most likely gets the same mail: without the tag, and at Gmail without dots."""
    local, _, domain = key.rpartition("@")
    if "+" not in local and domain != _GMAIL:
        return key
    plain = local.partition("+")[0]
    if domain == _GMAIL:
        plain = plain.replace(".", "")
    return f"{plain}@{domain}" if plain else key


def is_role_address(key: str) -> bool:
    """Whether the address belongs to a role, such as `info@`, which several people may read."""
    local = key.rpartition("@")[0].partition("+")[0]
    roles = _roles()
    return local in roles or _DIGITS.sub("", local).rstrip(".-_") in roles


@cache
def _roles() -> frozenset[str]:
    return read_words("role_names.txt")
