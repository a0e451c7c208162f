"""Ids of CRM records. Salesforce writes one id in 15 characters, or in 18 that tell upper from lower case."""

import re

_SHORT = re.compile(r"[A-Za-z0-9]{15}")
_LONG = re.compile(r"([A-Za-z0-9]{15})([A-Za-z0-5]{3})")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_PART = 5
"""Each of the three last characters tells the case of five."""


def crm_id_key(id_: str) -> str:
    """The id as it is compared: a Salesforce id of 18 characters in its form of 15, any other unchanged.

    An id of 18 characters that lost its case on the way, for example in upper case, gets it back.
    """
    long = _LONG.fullmatch(id_)
    if long is None:
        return id_
    short, suffix = long[1], long[2].upper()
    if case_suffix(short) == suffix:
        return short
    letters = "".join(filter(str.isalpha, short))
    restored = _restore_case(short, suffix) if letters.isupper() or letters.islower() else None
    return restored or id_


def case_suffix(short: str) -> str:
    """The three characters that tell which of these 15 are in upper case."""
    parts = (short[start : start + _PART] for start in range(0, len(short), _PART))
    return "".join(_LETTERS[sum(each.isupper() << at for at, each in enumerate(part))] for part in parts)


def _restore_case(short: str, suffix: str) -> str | None:
    bits = [_LETTERS.index(each) >> at & 1 for each in suffix for at in range(_PART)]
    restored = "".join(
        each.upper() if upper else each.lower() for each, upper in zip(short, bits, strict=True)
    )
    return restored if case_suffix(restored) == suffix else None


def salesforce_id(id_: str) -> str:
    """The form of 18 characters, which no system that ignores case confuses; any other id unchanged."""
    short = crm_id_key(id_)
    return short + case_suffix(short) if _SHORT.fullmatch(short) else id_
