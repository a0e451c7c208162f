"""Reads the simple formulas of rule entries: `ISPICKVAL(Rating, "Hot") && NOT(ISBLANK(Phone))`.

The whole grammar of formulas is read, so that the parts of `&&`, `||` and `NOT` can be told apart. A part
that compares no field of the lead with a fixed value is not carried over.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.salesforce.assignment_rules import Criterion
from app.salesforce.errors import NotCarried
from app.salesforce.logic import MAX_DEPTH, Every, Logic, Negation, Some, Test, Uncarried

PLACE = "formula"
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>\d+(?:\.\d+)?|\.\d+)
    |(?P<name>[A-Za-z_$][\w$.:]*)
    |(?P<sign>&&|\|\||<>|!=|==|<=|>=|[!=<>+\-*/^&(),]))""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LEVELS = (
    ("||",),
    ("&&",),
    ("=", "==", "<>", "!=", "<", ">", "<=", ">="),
    ("&", "+", "-"),
    ("*", "/"),
    ("^",),
)
_OPERATIONS = {
    "=": "equals", "==": "equals", "<>": "notEqual", "!=": "notEqual",
    "<": "lessThan", "<=": "lessOrEqual", ">": "greaterThan", ">=": "greaterOrEqual",
}  # fmt: skip
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FUNCTIONS = {"ISPICKVAL": "equals", "CONTAINS": "contains", "BEGINS": "startsWith", "INCLUDES": "includes"}
_OF_USERS = ("$", "user.", "owner.", "createdby.", "lastmodifiedby.", "recordtype.")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a formula: a call, an operation, or a single word. `start` and `end` are its place."""

    kind: str
    head: str
    inside: tuple["_Part", ...]
    start: int
    end: int


def logic_of_formula(text: str) -> Logic:
    """The logic of a formula. What a plan cannot say is `Uncarried`, with its text."""
    plain = _COMMENT.sub(lambda found: " " * len(found[0]), text)
    try:
        return _Translation(plain).logic(_Parsing(plain).read())
    except NotCarried as refused:
        return Uncarried(" ".join(text.split()), PLACE, str(refused))


class _Parsing:
    """Reads a formula into parts. Raises NotCarried where it is malformed."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def read(self) -> _Part:
        found = self._level(0, 0)
        if self._at < len(self._tokens):
            raise NotCarried(f"{self._tokens[self._at].text!r} is out of place in the formula")
        return found

    def _level(self, level: int, depth: int) -> _Part:
        if depth > MAX_DEPTH:
            raise NotCarried("the formula is nested too deep")
        if level == len(_LEVELS):
            return self._unary(depth)
        found = self._level(level + 1, depth)
        while (sign := self._take(*_LEVELS[level])) is not None:
            right = self._level(level + 1, depth)
            found = _Part("operation", sign.text, (found, right), found.start, right.end)
        return found

    def _unary(self, depth: int) -> _Part:
        if depth > MAX_DEPTH:
            raise NotCarried("the formula is nested too deep")
        if (sign := self._take("!", "-", "+")) is not None:
            part = self._unary(depth + 1)
            return _Part("unary", sign.text, (part,), sign.start, part.end)
        if self._take("(") is not None:
            part = self._level(0, depth + 1)
            self._close()
            return part
        return self._word(depth)

    def _word(self, depth: int) -> _Part:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.kind == "sign":
            raise NotCarried("the formula ends too early, or a value is missing")
        self._at += 1
        if token.kind != "name" or self._take("(") is None:
            return _Part(token.kind, token.text, (), token.start, token.end)
        inside: list[_Part] = []
        if (end := self._take(")")) is None:
            inside.append(self._level(0, depth + 1))
            while self._take(",") is not None:
                inside.append(self._level(0, depth + 1))
            end = self._close()
        return _Part("call", token.text.upper(), tuple(inside), token.start, end.end)

    def _close(self) -> _Token:
        end = self._take(")")
        if end is None:
            raise NotCarried("a parenthesis of the formula is not closed")
        return end

    def _take(self, *signs: str) -> _Token | None:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.kind != "sign" or token.text not in signs:
            return None
        self._at += 1
        return token


class _Translation:
    """Turns parts into logic. Numbers the parts that are not carried over."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._uncarried = 0

    def logic(self, part: _Part) -> Logic:
        inside = part.inside
        match part.kind, part.head:
            case ("operation", "&&") | ("call", "AND") if inside:
                return Every(tuple(map(self.logic, inside)))
            case ("operation", "||") | ("call", "OR") if inside:
                return Some(tuple(map(self.logic, inside)))
            case ("unary", "!") | ("call", "NOT") if len(inside) == 1:
                return Negation(self.logic(inside[0]))
        try:
            return self._comparison(part)
        except NotCarried as refused:
            self._uncarried += 1
            text = " ".join(self._text[part.start : part.end].split())
            return Uncarried(text, f"{PLACE}_{self._uncarried}", str(refused))

    def _comparison(self, part: _Part) -> Logic:
        match part:
            case _Part("name", head) if head.upper() in ("TRUE", "FALSE"):
                return Every(()) if head.upper() == "TRUE" else Some(())
            case _Part("name", _):
                return _test(_field(part), "equals", "True")
            case _Part("call", "ISBLANK" | "ISNULL", (inside,)):
                return _test(_field(inside), "equals", "")
            case _Part("call", head, (inside, value)) if head in _FUNCTIONS:
                if _value(value) == "" and head != "ISPICKVAL":
                    raise NotCarried("it looks for an empty text")
                return _test(_field(inside), _FUNCTIONS[head], _value(value))
            case _Part("operation", head, (left, right)) if head in _OPERATIONS:
                if _is_fixed(left):
                    left, right, head = right, left, _TURNED.get(head, head)
                return _test(_field(left), _OPERATIONS[head], _value(right))
        raise NotCarried("it is more than a comparison of a field with a value")


def _test(field: str, operation: str, value: str) -> Test:
    return Test(Criterion(f"Lead.{field}", operation, (value,), value), PLACE)


def _field(part: _Part) -> str:
    """The field of the lead that a part names, directly or as TEXT(field). Raises NotCarried."""
    if part.kind == "call" and part.head in ("TEXT", "TRIM", "LOWER", "UPPER") and len(part.inside) == 1:
        if part.head != "TEXT":
            raise NotCarried(f"it uses {part.head}")
        return _field(part.inside[0])
    if part.kind != "name":
        raise NotCarried("it is more than a comparison of a field with a value")
    if part.head.casefold().startswith(_OF_USERS):
        raise NotCarried(f"{part.head} is not a field of the lead")
    return part.head.removeprefix("Lead.")


def _value(part: _Part) -> str:
    """The fixed value of a part. Raises NotCarried."""
    if part.kind == "text":
        return re.sub(r"\\(.)", r"\1", part.head[1:-1])
    if part.kind == "number":
        return part.head
    if part.kind == "unary" and part.head == "-" and part.inside[0].kind == "number":
        return f"-{part.inside[0].head}"
    if part.kind == "name" and part.head.upper() in _WORDS:
        return _WORDS[part.head.upper()]
    raise NotCarried("it compares a field with something that is not a fixed value")


def _is_fixed(part: _Part) -> bool:
    return part.kind in ("text", "number") or (part.kind == "name" and part.head.upper() in _WORDS)


_WORDS: Mapping[str, str] = {"TRUE": "True", "FALSE": "False", "NULL": ""}


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise NotCarried(f"{text[at:end].split()[0]!r} cannot be read")
        found.append(
            _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup), match.end())
        )
        at = match.end()
    return found
