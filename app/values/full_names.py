"""Splits a whole name into first and last name."""

import re

from app.values.folding import fold

_PARTICLES = frozenset(
    (
        "von", "vom", "zu", "zum", "zur", "van", "der", "den", "de", "del", "della", "di", "da", "das", "do",
        "dos", "du", "la", "le", "los", "las", "el", "al", "bin", "ibn", "ter", "ten", "af", "av",
    )
)  # fmt: skip
_FAMILY_FIRST = ("\u3040", "\u9fff"), ("\uac00", "\ud7af")
"""Japanese, Chinese and Korean letters."""
_TITLES = """
mr mrs ms miss mx sir dr prof professor professorin herr herrn frau mme mlle monsieur madame sra srta senor
senora signor signora sig sigra dott dottssa dhr mevr mevrouw drs dipl diplom doktor doctor
"""
_SALUTATIONS = frozenset(_TITLES.split())
_AFTER_A_TITLE = frozenset(
    ("med", "dent", "vet", "rer", "nat", "pol", "phil", "iur", "jur", "habil", "ing", "hc")
)
"""What goes on with a title, as in `Dr. rer. nat.`"""
_DEGREES = frozenset(("jr", "sr", "ii", "iii", "phd", "mba", "esq", "cpa", "msc", "bsc", "llm", "pmp", "cfa"))
_BEHIND_A_COMMA = _DEGREES | {"md", "dds", "ceo", "cto", "cfo", "coo", "cmo", "cio", "iv"}
_REMARK = re.compile(r"\s*\([^()]*\)\s*$")
_PATRONYMIC = re.compile(r".+(?:ович|евич|овна|евна|ична)", re.IGNORECASE)
_SHORTEST_FAMILY = 3
"""Letters of a family name in capitals, at least. Two may be initials."""


def split_full_name(name: str) -> dict[str, str]:
    """`first_name` and `last_name` of a whole name, as far as it has both, without titles and degrees.

    `Lind, Mara` has its parts in the other order, and so have `LIND Mara`, names in East Asian letters, and
    those with a patronymic at the end. A last name begins with a particle such as `von`, or else it is the
    last word. A single word is a first name, and behind a title (`Dr. Lind`) a last name.
    """
    plain, has_title = _without_titles(name)
    before, comma, after = (part.strip() for part in plain.partition(","))
    words = plain.split()
    if comma and before and after:
        first, last = _behind_titles(after), before
    elif len(words) == 1 and has_title:
        first, last = "", words[0]
    else:
        at, family_first = _boundary(words)
        parts = " ".join(words[:at]), " ".join(words[at:])
        first, last = reversed(parts) if family_first else parts
    return {key: value for key, value in (("first_name", first), ("last_name", last)) if value}


def is_certain(name: str) -> bool:
    """Whether the split says all that the name says: two words, or a comma between the parts."""
    return _without_titles(name) == (name.strip(), False) and ("," in name or len(name.split()) <= 2)


def _without_titles(name: str) -> tuple[str, bool]:
    """The name without titles, degrees and remarks, and whether it had a title. Never without any word."""
    parts = [part.strip() for part in (_REMARK.sub("", name) or name).split(",")]
    while len(parts) > 1 and all(_plain(word) in _BEHIND_A_COMMA for word in parts[-1].split()):
        parts.pop()
    whole = ", ".join(parts)
    plain = _behind_titles(whole)
    words = plain.split()
    while len(words) > 2 and _plain(words[-1]) in _DEGREES:
        words.pop()
    return " ".join(words), plain != " ".join(whole.split())


def _behind_titles(name: str) -> str:
    """The name behind the titles at its start."""
    words = name.split()
    titles: list[str] = []
    while len(words) > 1 and _plain(words[0]) in (_SALUTATIONS | _AFTER_A_TITLE if titles else _SALUTATIONS):
        titles.append(words.pop(0))
    return " ".join(words)


def _plain(word: str) -> str:
    return fold(word.replace(".", ""))


def _boundary(words: list[str]) -> tuple[int, bool]:
    """How many words the first part of the name has, and whether that is the family name."""
    if len(words) == 2 and _is_family_first("".join(words)):
        return 1, True
    if len(words) == 3 and _PATRONYMIC.fullmatch(words[2]):
        return 1, True
    capitals = [word.isupper() for word in words]
    at = capitals.index(False) if capitals[:1] == [True] and not all(capitals) else 0
    if at and not any(capitals[at:]) and any(len(word) >= _SHORTEST_FAMILY for word in words[:at]):
        return at, True
    starts = (at for at, word in enumerate(words) if word.casefold() in _PARTICLES)
    return next((at for at in starts if 0 < at < len(words) - 1), max(1, len(words) - 1)), False


def _is_family_first(letters: str) -> bool:
    return all(any(low <= letter <= high for low, high in _FAMILY_FIRST) for letter in letters)
