"""A condition in words.

The words say what the condition does, a missing field included: it makes every comparison false. So `ne`
reads "has a value other than DE", and the opposite of a comparison says that it also holds for leads
without the field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan.language.fields import Kind
from app.plan.language.occurrences import Occurrences
from app.plan.language.operands import Operand, Scalar

MAX_VALUES = 20
"""Of a longer list the rest is counted."""

ALL, ANY = "all of these hold:", "at least one of these holds:"
_NOT_ALL, _NONE = "not all of these hold:", "none of these holds:"
_PLAIN = re.compile(r"[\w.@/+%#-]+")
_ATTRIBUTES = "attributes."
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_ACCOUNT_ATTRIBUTES = "account.attributes."


_JOINED = {ALL: " and ", ANY: " or "}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and below it those that it speaks of."""

    text: str
    parts: tuple["Sentence", ...] = ()

    def lines(self, depth: int = 0) -> list[str]:
        """The sentence and its parts, a line each, indented by two blanks per level."""
        found = [f"{'  ' * depth}{self.text}"]
        for part in self.parts:
            found += part.lines(depth + 1)
        return found

    def on_one_line(self) -> str:
        """The same without levels: parts in brackets where they could be misread."""
        if not self.parts:
            return self.text
        parts = [f"({each.on_one_line()})" if each.parts else each.text for each in self.parts]
        word = _JOINED.get(self.text)
        return word.join(parts) if word is not None else f"{self.text} {'; '.join(parts)}"


@dataclass(frozen=True, slots=True)
class _Phrase:
    """How a comparison reads, and its opposite, which also holds for leads without the field."""

    holds: str
    fails: str


_PHRASES: Mapping[str, _Phrase] = {
    "eq": _Phrase("is {}", "is not {}"),
    "in": _Phrase("is {}", "is not {}"),
    "ne": _Phrase("has a value other than {}", "is {}"),
    "not_in": _Phrase("has a value other than {}", "is {}"),
    "gt": _Phrase("is above {}", "is not above {}"),
    "gte": _Phrase("is at least {}", "is not at least {}"),
    "lt": _Phrase("is below {}", "is not below {}"),
    "lte": _Phrase("is at most {}", "is not at most {}"),
    "prefix": _Phrase("begins with {}", "does not begin with {}"),
    "contains": _Phrase("contains {}", "does not contain {}"),
    "matches": _Phrase("matches the pattern {}", "does not match the pattern {}"),
}
_OF_TIMES: Mapping[str, _Phrase] = {
    "gt": _Phrase("is after {}", "is not after {}"),
    "gte": _Phrase("is at or after {}", "is not at or after {}"),
    "lt": _Phrase("is before {}", "is not before {}"),
    "lte": _Phrase("is at or before {}", "is not at or before {}"),
}
_OF_LISTS: Mapping[str, _Phrase] = {"contains": _Phrase("includes {}", "does not include {}")}
_COUNTS: Mapping[str, str] = {
    "eq": "exactly {}",
    "gt": "more than {}",
    "gte": "at least {}",
    "lt": "fewer than {}",
    "lte": "at most {}",
}


def condition_in_words(node: Node) -> Sentence:
    """What a condition says. Nested conditions become parts of the sentence."""
    match node:
        case Leaf():
            return Sentence(_comparison(node))
        case Not(Leaf() as leaf):
            return Sentence(_opposite(leaf))
        case Not(All(parts)):
            return Sentence(_NOT_ALL, _each(parts))
        case Not(Any(parts)):
            return Sentence(_NONE, _each(parts))
        case Not(part):
            return Sentence("this does not hold:", (condition_in_words(part),))
        case All(parts):
            return Sentence(ALL, _each(parts))
        case Any(parts):
            return Sentence(ANY, _each(parts))


def field_in_words(name: str) -> str:
    """A field of a lead as people say it: `lead_type` is "lead type", `attributes.x` is "attribute x"."""
    if name.startswith(_ATTRIBUTES):
        return f"attribute {name.removeprefix(_ATTRIBUTES)}"
    if name.startswith(_ACCOUNT_ATTRIBUTES):
        return f"account attribute {name.removeprefix(_ACCOUNT_ATTRIBUTES)}"
    return name.replace("_", " ").replace(".", " ")


def values_in_words(values: Sequence[Scalar], word: str = "or") -> str:
    """Values as a list: "DE, AT or CH"."""
    shown = [_value(each) for each in values[:MAX_VALUES]]
    if len(values) > MAX_VALUES:
        shown.append(f"{len(values) - MAX_VALUES} more")
    return joined(shown, word)


def joined(texts: Sequence[str], word: str = "and") -> str:
    """Texts as a list: "email, phone and chat"."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {word} {texts[-1]}"


def duration_in_words(duration: timedelta) -> str:
    """A duration in its largest whole unit up to days: "15 minutes", "14 days"."""
    seconds = int(duration.total_seconds())
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size:,} {unit}{'' if seconds == size else 's'}"
    return "no time"


def _distance(distance: timedelta) -> str:
    if not distance:
        return "now"
    length = duration_in_words(abs(distance))
    return f"in {length}" if distance > timedelta() else f"{length} ago"


def _each(parts: Sequence[Node]) -> tuple[Sentence, ...]:
    return tuple(map(condition_in_words, parts))


def _comparison(leaf: Leaf) -> str:
    name = field_in_words(leaf.field)
    if isinstance(leaf.operand, Occurrences):
        return _occurrences(name, leaf.operand)
    if leaf.operator == "exists":
        return f"{name} is known" if leaf.operand else f"{name} is missing"
    return f"{name} {_phrase(leaf).holds.format(_operand(leaf))}"


def _opposite(leaf: Leaf) -> str:
    name = field_in_words(leaf.field)
    if isinstance(leaf.operand, Occurrences):
        return f"not: {_occurrences(name, leaf.operand)}"
    if leaf.operator == "exists":
        return f"{name} is missing" if leaf.operand else f"{name} is known"
    return f"{name} {_phrase(leaf).fails.format(_operand(leaf))}, or it is missing"


def _phrase(leaf: Leaf) -> _Phrase:
    if leaf.kind in (Kind.STRINGS, Kind.OBJECTS):
        return _OF_LISTS[leaf.operator]
    if isinstance(leaf.operand, (datetime, timedelta)):
        return _OF_TIMES.get(leaf.operator) or _PHRASES[leaf.operator]
    return _PHRASES[leaf.operator]


def _operand(leaf: Leaf) -> str:
    operand: Operand = leaf.operand
    if leaf.operator == "matches":
        return f"“{operand}”"
    if isinstance(operand, tuple):
        return values_in_words(operand)
    return _value(operand) if not isinstance(operand, Occurrences) else ""


def _value(value: Scalar) -> str:
    shown: Mapping[type, Callable[..., str]] = {
        bool: lambda: "yes" if value else "no",
        datetime: lambda: f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC",  # type: ignore[union-attr]
        timedelta: lambda: _distance(value),  # type: ignore[arg-type]
        float: lambda: f"{value:,.15g}",
        int: lambda: f"{value:,}",
    }
    made = shown.get(type(value))
    if made is not None:
        return made()
    text = str(value)
    return text if _PLAIN.fullmatch(text) else f"“{text}”"


def _occurrences(name: str, wanted: Occurrences) -> str:
    bounds = " and ".join(_COUNTS[operator].format(f"{limit:,}") for operator, limit in wanted.bounds)
    one = all(limit == 1 for _, limit in wanted.bounds)
    what = f" {_value(wanted.name)}" if wanted.name is not None else ""
    when = f" within the last {duration_in_words(wanted.within)}" if wanted.within is not None else ""
    return f"{name}{what} happened {bounds} {'time' if one else 'times'}{when}"
