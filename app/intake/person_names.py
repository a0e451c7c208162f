"""Names of people: whether two of them can belong to one person."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.values.transliteration import LETTERS

_PLACEHOLDER_WORDS = """
admin administrator anonym anonymous asdf contact customer company dummy empty example firma first firstname
headquarter headquarters hq info kein keine kontakt kunde last lastname lead mustermann name nachname nil
nobody none null office owner person prospect purchasing qwerty reception sales self someone support team
test tester testing tbc tbd unbekannt undefined unknown user vertrieb vorname x xx xxx xxxx yyy zentrale
"""
_PLACEHOLDERS = frozenset(_PLACEHOLDER_WORDS.split())
_NOBODY = frozenset(("john doe", "jane doe", "max mustermann", "erika mustermann", "joe bloggs", "foo bar"))
_TITLE_WORDS = """
dr prof professor mr mrs ms miss mx sir herr frau hr fr sig signora mme mlle m.a dipl ing mba phd jr sr
"""
_TITLES = frozenset(_TITLE_WORDS.split())
_APART = (
    (frozenset(("jr",)), frozenset(("sr",))),
    (
        frozenset(("mr", "sir", "herr", "hr", "sig")),
        frozenset(("mrs", "ms", "miss", "frau", "fr", "signora", "mme", "mlle")),
    ),
)
"""Titles of which one person has those of one side only."""
_INITIALS_WITHOUT_DOTS = 1
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_SPELLING_PAIRS = """
shch=sch tsch=ch sch=sh tch=ch kh=h ph=f ie=e ij=y iy=y ii=y yy=y ia=ya ja=ya iu=yu ju=yu j=y i=y w=v ck=k
c=k tz=ts x=ks aa=a ae=a oe=o ue=u ff=v f=v
"""
_SPELLINGS = [pair.split("=") for pair in _SPELLING_PAIRS.split()]
"""Spellings of one sound in different transliterations, applied in order to both names."""
_DOUBLED = re.compile(r"(.)\1")
_WORD = re.compile(r"[^\W\d_]+(?:['’`.][^\W\d_]+)*\.?")
_APOSTROPHES = re.compile(r"['’`]")


@dataclass(frozen=True, slots=True)
class PersonName:
    """A given and a family name, both whole, each as its words in a form that can be compared.

    `written` is the family name in Latin letters as it is written; empty if it is not.
    """

    given: frozenset[str]
    family: frozenset[str]
    written: frozenset[str] = frozenset()


def person_name(values: Mapping[str, Any]) -> PersonName | None:
    """The name of a lead. None when it cannot contradict another one.

    That is a name of one word, with an initial, or one that names nobody, such as `Sales` or `n/a`.
    """
    first, last = (_words(values.get(name)) for name in ("first_name", "last_name"))
    if not first or not last:
        first, last = _split(str(values.get("last_name") or values.get("first_name") or ""))
    if not first or not last or any(map(_says_nothing, (first, last))):
        return None
    given, family = (frozenset(map(_folded, words)) for words in (first, last))
    written = frozenset(map(_plain, last))
    return PersonName(
        given, family, written if all(_without_accents(word).isascii() for word in last) else frozenset()
    )


def is_placeholder(values: Mapping[str, Any]) -> bool:
    """Whether the whole name of a lead is one that stands for no name, such as `John Doe` or `n/a`."""
    first, last = values.get("first_name"), values.get("last_name")
    parts = [part for part in (first, last) if isinstance(part, str)]
    words = " ".join(parts).casefold().split()
    if not words:
        return False
    if all((plain := word.strip(".-/*")) in _PLACEHOLDERS or plain in ("n/a", "") for word in words):
        return True
    return " ".join(words) in _NOBODY


def contradict(one: PersonName | None, other: PersonName | None) -> bool:
    """Whether the names cannot belong to one person, whatever their order, case, accents or spelling.

    Scripts that cannot be compared, such as Chinese and Latin, do not contradict.
    """
    if one is None or other is None:
        return False
    pairs = ((one.family, other.family), (one.family, other.given), (other.family, one.given))
    return not any(_same(*pair) for pair in pairs)


def are_written_apart(one: PersonName | None, other: PersonName | None) -> bool:
    """Whether two family names sound alike and are not one: `Novak` and `Nowak`, both in Latin letters.

    In another script both are written in one way, so there they may be one name.
    """
    if one is None or other is None or not one.written or not other.written:
        return False
    sounds = ({word.replace("w", "v") for word in each.written} for each in (one, other))
    return one.written != other.written and next(sounds) == next(sounds)


def are_titled_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the titles of two leads are those of two people: a junior and a senior, `Herr` and `Frau`."""
    mine, theirs = _titles(one), _titles(other)
    return any(
        (not mine.isdisjoint(left) and not theirs.isdisjoint(right))
        or (not mine.isdisjoint(right) and not theirs.isdisjoint(left))
        for left, right in _APART
    )


def _titles(values: Mapping[str, Any]) -> frozenset[str]:
    names = (values.get(name) for name in ("first_name", "last_name"))
    words = (word for name in names if isinstance(name, str) for word in _WORD.findall(name.casefold()))
    return frozenset(word.strip(".") for word in words) & _TITLES


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether they are equal: whole, written as one word, or one as a part of a double name."""
    if one <= other or other <= one or _joined(one) & _joined(other):
        return True
    return _is_latin(one) != _is_latin(other)


def _joined(words: frozenset[str]) -> set[str]:
    """The words written together, in both orders of a double name."""
    ordered = sorted(words)
    return {"".join(ordered), "".join(reversed(ordered))}


def _is_latin(words: frozenset[str]) -> bool:
    return all(word.isascii() for word in words)


def _words(name: object) -> list[str]:
    """The words of a name, without titles. An initial keeps its dot."""
    if not isinstance(name, str) or re.search(r"[/@]", name):
        return []
    words = _WORD.findall(unicodedata.normalize("NFC", name).casefold())
    return [word for word in words if word.strip(".") not in _TITLES]


def _split(name: str) -> tuple[list[str], list[str]]:
    """A whole name in one field: the family name is its last word, or the words before a comma."""
    before, comma, after = name.partition(",")
    if comma:
        return _words(after), _words(before)
    words = _words(name)
    return words[:-1], words[-1:]


def _says_nothing(words: list[str]) -> bool:
    plain = [word.strip(".") for word in words]
    # One letter is a whole name only in scripts where letters are words.
    initials = all((len(word) <= _INITIALS_WITHOUT_DOTS and word < "\u2e80") or "." in word for word in words)
    return initials or "".join(plain) in _PLACEHOLDERS or any(word in _PLACEHOLDERS for word in plain)


def _folded(word: str) -> str:
    """The word without accents, transliterated, with one spelling for each sound."""
    plain = _plain(word)
    for written, sound in _SPELLINGS:
        plain = plain.replace(written, sound)
    return _DOUBLED.sub(r"\1", plain)


def _plain(word: str) -> str:
    """The word without accents, transliterated."""
    spelled = word.replace("ου", "ou").replace("ού", "ou").translate(_GERMAN).translate(LETTERS)
    base = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", spelled)).translate(LETTERS)
    return "".join(letter for letter in base if letter.isalnum())


def _without_accents(word: str) -> str:
    base = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", word).translate(_GERMAN))
    return "".join(letter for letter in base if not unicodedata.combining(letter)).replace(".", "")
