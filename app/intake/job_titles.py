"""Seniority and function of a job title, in the languages that forms use. What no word says stays unknown."""

import re
from collections.abc import Container, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from app.intake.lists import read_lines
from app.plan.language.fields import SENIORITIES
from app.values.folding import fold

MAX_TITLE_LENGTH = 150
_ENDINGS = re.compile(r"(?<=\w)(?:[*:_/]\s?-?(?:in|innen|r|e|frau|man)\b|\((?:in|r|e)\))", re.IGNORECASE)
_GENDERS = re.compile(r"\(\s*[mwdfx]\s*(?:[/|,]\s*[mwdfx*]\s*)+\)", re.IGNORECASE)
"""What job titles add in order to name everybody: `Leiter:in`, `(m/w/d)`."""
_ROLES = {
    **dict.fromkeys(("leiter", "leiterin", "leitung", "chef", "chefin", "sjef"), "leiter"),
    **dict.fromkeys(("direktor", "direktorin", "direktør", "directeur"), "direktor"),
    **dict.fromkeys(("manager", "managerin"), "manager"),
    **dict.fromkeys(("assistent", "assistentin", "assistenz"), "assistent"),
    **dict.fromkeys(("berater", "beraterin", "konsult", "konsulent"), "berater"),
    **dict.fromkeys(("ingenieur", "ingenieurin", "ingenjor", "ingenior"), "ingenieur"),
    **dict.fromkeys(("entwickler", "entwicklerin", "utvecklare", "udvikler", "utvikler"), "entwickler"),
}
"""How compound words end, and the word that says the same: `Logistikleiter`, `verkoopdirecteur`."""
_ROLE = re.compile(rf"(?!begleiter)(\w{{3,}}?)({'|'.join(sorted(_ROLES, key=len, reverse=True))})")
_BROAD = ("consulting", "project_management", "general_management")
"""Functions that a more precise one displaces."""


class JobTitle(NamedTuple):
    """What a title says: how senior, and in which function."""

    seniority: str | None
    function: str | None


class _Phrases(NamedTuple):
    """The values of one kind by phrase, and the longest phrase, in words, that begins with a word."""

    values: dict[str, str]
    longest: dict[str, int]


@cache
def _phrases() -> dict[str, _Phrases]:
    found = {kind: _Phrases({}, {}) for kind in ("seniority", "function")}
    for line in read_lines("titles.tab"):
        kind, value, *phrases = line.split("\t")
        values, longest = found[kind]
        for phrase in phrases:
            first, *more = phrase.split()
            values.setdefault(phrase, value)
            longest[first] = max(longest.get(first, 1), 1 + len(more))
    return found


def load_titles() -> None:
    """Read the list now, so that no decision waits for it."""
    _phrases()


@lru_cache(maxsize=4096)
def read_title(title: str) -> JobTitle:
    """What a job title says. A title that is too long says nothing."""
    if len(title) > MAX_TITLE_LENGTH:
        return JobTitle(None, None)
    words = fold(_ENDINGS.sub("", _GENDERS.sub(" ", title)).replace(".", "")).split()
    return JobTitle(_seniority(words), _function(words))


def job_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The fields `seniority` and `function` of a lead, as far as its title says them."""
    title = values.get("title")
    if not isinstance(title, str):
        return {}
    return {name: value for name, value in read_title(title)._asdict().items() if value is not None}


def _found(words: list[str], kind: str) -> Iterator[str]:
    """The values of the phrases in these words. A longer phrase hides the shorter ones in it."""
    (phrases, longest), position = _phrases()[kind], 0
    words = [part for word in words for part in _parts(word, longest)]
    while position < len(words):
        step = 1
        for length in range(longest.get(words[position], 0), 0, -1):
            value = phrases.get(" ".join(words[position : position + length]))
            if value is not None:
                yield value
                step = length
                break
        position += step


def _parts(word: str, known: Container[str]) -> list[str]:
    """A compound word in two, unless the whole is known. Between its parts may stand an `s`."""
    compound = None if word in known else _ROLE.fullmatch(word)
    if compound is None:
        return [word]
    subject = compound[1]
    return [subject if subject in known else subject.removesuffix("s"), _ROLES[compound[2]]]


def _seniority(words: list[str]) -> str | None:
    """The first one of the list that the title has: `Founder and CEO` is an owner."""
    found = set(_found(words, "seniority"))
    return next((each for each in SENIORITIES if each in found), None)


def _function(words: list[str]) -> str | None:
    """The function, if the title has one. Of two equal ones neither is chosen."""
    found = dict.fromkeys(each for each in _found(words, "function") if each != "-")
    precise = [each for each in found if each not in _BROAD]
    broad = [each for each in found if each in _BROAD[:2]]
    for group in (precise, broad, list(found)):
        if group:
            return group[0] if len(group) == 1 else None
    return None
