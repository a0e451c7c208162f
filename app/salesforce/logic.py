"""How the parts of an entry are combined, and the filter logic that says so: `1 AND (2 OR NOT 3)`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.salesforce.assignment_rules import Criterion, Entry
from app.salesforce.errors import NotCarried

MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Every:
    """Holds when all parts hold."""

    parts: tuple["Logic", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Holds when one part holds."""

    parts: tuple["Logic", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """Holds when its part does not."""

    part: "Logic"


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison, and its place in the entry."""

    criterion: Criterion
    place: str

    __test__ = False


@dataclass(frozen=True, slots=True)
class Uncarried:
    """A part that a plan cannot say: its text, its place, and the reason."""

    text: str
    place: str
    reason: str


Logic = Every | Some | Negation | Test | Uncarried

_TOKEN = re.compile(r"\s*(?:(\d{1,6})|(and|or|not)(?![a-z_])|(&&|\|\||!)|([()]))", re.IGNORECASE)
_SYMBOLS = {"&&": "and", "||": "or", "!": "not"}


def logic_of_criteria(entry: Entry) -> Logic:
    """The logic of an entry with criteria. Without filter logic, all of them must hold."""
    tests = [Test(each, f"criterion_{number}") for number, each in enumerate(entry.criteria, 1)]
    if not entry.boolean_filter or not tests:
        return Every(tuple(tests))
    try:
        return _Filter(entry.boolean_filter, tests).read()
    except NotCarried as refused:
        return Uncarried(entry.boolean_filter, "logic", str(refused))


def tests_of(logic: Logic) -> Iterator[Test]:
    """Every comparison."""
    match logic:
        case Test():
            yield logic
        case Negation(part):
            yield from tests_of(part)
        case Every(parts) | Some(parts):
            for part in parts:
                yield from tests_of(part)


class _Filter:
    """Reads filter logic. NOT binds closest, then AND, then OR."""

    def __init__(self, text: str, tests: Sequence[Test]) -> None:
        self._tokens = _tokens(text)
        self._tests = tests
        self._at = 0

    def read(self) -> Logic:
        """The whole logic. Raises NotCarried."""
        found = self._either(0)
        if self._at < len(self._tokens):
            raise NotCarried(f"{self._tokens[self._at]!r} is out of place in the filter logic")
        return found

    def _either(self, depth: int) -> Logic:
        if depth > MAX_DEPTH:
            raise NotCarried("the filter logic is nested too deep")
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _both(self, depth: int) -> Logic:
        parts = [self._single(depth)]
        while self._take("and"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _single(self, depth: int) -> Logic:
        if depth > MAX_DEPTH:
            raise NotCarried("the filter logic is nested too deep")
        if self._take("not"):
            return Negation(self._single(depth + 1))
        if self._take("("):
            inside = self._either(depth + 1)
            if not self._take(")"):
                raise NotCarried("a parenthesis of the filter logic is not closed")
            return inside
        if self._at == len(self._tokens):
            raise NotCarried("the filter logic ends too early")
        token = self._tokens[self._at]
        self._at += 1
        if not token.isdecimal() or not 1 <= int(token) <= len(self._tests):
            raise NotCarried(f"{token!r} is out of place in the filter logic")
        return self._tests[int(token) - 1]

    def _take(self, token: str) -> bool:
        found = self._tokens[self._at : self._at + 1] == [token]
        self._at += found
        return found


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotCarried(f"{text[at:end].split()[0]!r} is out of place in the filter logic")
        token = match[0].strip().casefold()
        found.append(_SYMBOLS.get(token, token))
        at = match.end()
    return found
