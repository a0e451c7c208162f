"""Single comparisons of a field, and which of them imply or exclude each other.

`implies` and `excludes` answer yes only when it is certain for every lead. A missing field makes every
comparison false, so a comparison that holds also says that the field is there.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

from app.engine.conditions.comparisons import BOUNDS, index_key
from app.plan.language.conditions import Leaf
from app.plan.language.fields import Kind
from app.plan.language.occurrences import Occurrences
from app.values.states import is_within, tails_of

_SEVERAL = ("language", "state")
"""Fields of which one lead may have two values: it speaks two languages, and `CA` is also `US-CA`.

A state has several names, so what holds for its code says nothing about comparisons of text.
"""
_POSITIVE = {"eq", "prefix", "contains"}
_NUMBERS = (Kind.INTEGER, Kind.NUMBER)
_LOWER, _UPPER = ("gt", "gte"), ("lt", "lte")


class Atom(NamedTuple):
    """One comparison with one value.

    `eq`, `prefix` and `contains` hold a folded text or a number; a boolean is ("bool", value). `other` is
    `ne` and `not_in`: the types and the values that it refuses. `none` holds comparisons of which none is
    true. `same` stands for any comparison or condition that only equals itself.
    """

    field: str
    operator: str
    operand: Any
    kind: Kind = Kind.ANY


def atoms_of(leaf: Leaf, field: str) -> frozenset[Atom]:
    """The atoms of a comparison. It is true when one of them is."""
    operator, operand = leaf.operator, leaf.operand
    if operator == "exists":
        present = Atom(field, "exists", True, leaf.kind)
        return frozenset((present if operand else negation((present,)),))
    if isinstance(operand, Occurrences):
        return frozenset((Atom(field, "count", operand, leaf.kind),))
    operands = operand if isinstance(operand, tuple) else (operand,)
    if isinstance(operands[0], bool):
        return frozenset((Atom(field, "eq", ("bool", (operator == "eq") is operands[0]), leaf.kind),))
    if isinstance(operands[0], (datetime, timedelta)) or operator == "matches":
        known = operator in BOUNDS or operator == "matches"
        return frozenset((Atom(field, operator if known else f"at {operator}", operands[0], leaf.kind),))
    if operator in ("ne", "not_in"):
        if leaf.kind in _NUMBERS and any(isinstance(each, str) for each in operands):
            # A range is refused by every number and range that overlaps with it.
            return frozenset((Atom(field, "same", (operator, frozenset(operands)), leaf.kind),))
        return frozenset((Atom(field, "other", _refused(operands), leaf.kind),))
    return frozenset(atom_of(leaf, field, each) for each in operands)


def atom_of(leaf: Leaf, field: str, value: object) -> Atom:
    """The atom of one value of `eq`, `in`, `prefix` or `contains`."""
    operator = "eq" if leaf.operator == "in" else leaf.operator
    key = ("bool", value) if isinstance(value, bool) else index_key(value)
    return Atom(field, operator, key, leaf.kind)


def negation(atoms: Iterable[Atom]) -> Atom:
    """The atom that is true when none of these is. All of them are of the same field."""
    each = frozenset(atoms)
    first = next(iter(each))
    if len(each) == 1 and first.operator == "none" and isinstance(first.operand, frozenset):
        inner: Atom = next(iter(first.operand))
        if inner.operator == "exists":
            return inner
    return Atom(first.field, "none", each, first.kind)


def _refused(operands: tuple[object, ...]) -> tuple[frozenset[str], frozenset[object]]:
    return frozenset(_type(each) for each in operands), frozenset(index_key(each) for each in operands)


def _type(value: object) -> str:
    return "text" if isinstance(value, str) else "number" if isinstance(value, (int, float)) else "bool"


def implies(one: Atom, other: Atom) -> bool:
    """Whether every lead with the one has the other. Both are of the same field."""
    if one == other:
        return True
    if other.operator == "none":
        if one.operator != "none":
            return all(excludes(one, each) for each in other.operand)
        if other.operand <= one.operand or _only_equal(one.operand):
            return bool(other.operand <= one.operand)
        return all(any(implies(each, wider) for wider in one.operand) for each in other.operand)
    if one.operator == "none" or "same" in (one.operator, other.operator):
        return False
    if other.operator == "exists":
        return True
    implied = _IMPLIED.get(one.operator)
    return implied is not None and implied(one, other)


@lru_cache(maxsize=10_000)
def _only_equal(atoms: frozenset[Atom]) -> bool:
    """Whether nothing but the same value implies one of these."""
    return all(atom.operator == "eq" for atom in atoms)


def excludes(one: Atom, other: Atom) -> bool:
    """Whether no lead has both. Both are of the same field."""
    if other.operator == "none":
        return one.operator != "none" and any(implies(one, each) for each in other.operand)
    if one.operator == "none":
        return excludes(other, one)
    if "same" in (one.operator, other.operator):
        return False
    if one.field in _SEVERAL and {one.operator, other.operator} <= _POSITIVE:
        return one.operator == other.operator == "eq" and not may_share_values((one,), (other,))
    if one.operator == "eq":
        return _holds(other, one.operand) is False
    if other.operator == "eq":
        return _holds(one, other.operand) is False
    if one.operator == other.operator == "prefix":
        first, second = str(one.operand), str(other.operand)
        return not (first.startswith(second) or second.startswith(first))
    if one.operator == other.operator == "count":
        return _counts(one, other, contained=False)
    return _apart(one, other)


def _holds(atom: Atom, value: Any) -> bool | None:
    """Whether an atom holds for this value of the field. None when that is not certain."""
    alike = isinstance(value, tuple) == isinstance(atom.operand, tuple)
    match atom.operator:
        case "eq":
            same_type = alike and isinstance(value, str) == isinstance(atom.operand, str)
            return value == atom.operand if same_type else None
        case "exists":
            return True
        case "prefix" | "contains" if atom.field == "state":
            return None
        case "prefix":
            return value.startswith(str(atom.operand)) if isinstance(value, str) else None
        case "contains":
            both = isinstance(value, str) and isinstance(atom.operand, str)
            return atom.operand in value if both else None
        case "other":
            types, refused = atom.operand
            if atom.field in _SEVERAL and value not in refused:
                return None
            return value not in refused if _type(value) in types else None
        case "gt" | "gte" | "lt" | "lte" if _number(value) and _number(atom.operand):
            return BOUNDS[atom.operator](value, atom.operand)
    return None


def may_share_values(some: Iterable[Atom], others: Iterable[Atom]) -> bool:
    """Whether one lead may have a value of both, which are different values of one field."""
    keys = [{key for atom in each for key in _shared_keys(atom)} for each in (some, others)]
    return not keys[0].isdisjoint(keys[1])


def _shared_keys(atom: Atom) -> Iterable[object]:
    if atom.field == "language":
        return ("any",)
    # A bare code without a country is that code in every country.
    return tails_of(str(atom.operand)) if atom.field == "state" else (atom.operand,)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _of_value(one: Atom, other: Atom) -> bool:
    if one.field == "state" and other.operator == "eq":
        return is_within(str(one.operand), str(other.operand))
    return _holds(other, one.operand) is True


def _of_prefix(one: Atom, other: Atom) -> bool:
    prefix = str(one.operand)
    if other.operator == "prefix":
        return prefix.startswith(str(other.operand))
    if other.operator == "other":
        return _refuses(other, lambda text: not text.startswith(prefix))
    return other.operator == "contains" and isinstance(other.operand, str) and other.operand in prefix


def _of_text(one: Atom, other: Atom) -> bool:
    """What a part of the text tells. In a field of any type it could also be an item of a list."""
    text = one.operand
    if one.kind is not Kind.STRING or not isinstance(text, str):
        return False
    if other.operator == "other":
        return _refuses(other, lambda each: text not in each)
    return other.operator == "contains" and isinstance(other.operand, str) and other.operand in text


def _refuses(other: Atom, no_match: Callable[[str], bool]) -> bool:
    types, refused = other.operand
    if other.field in _SEVERAL:
        return False
    return "text" in types and all(no_match(each) for each in refused if isinstance(each, str))


def _of_bound(one: Atom, other: Atom) -> bool:
    if other.operator == "other" and _number(one.operand):
        types, refused = other.operand
        compare = BOUNDS[one.operator]
        return "number" in types and not any(_number(each) and compare(each, one.operand) for each in refused)
    side = _LOWER if one.operator in _LOWER else _UPPER
    if other.operator not in side or not _comparable(one.operand, other.operand):
        return False
    if one.operand == other.operand:
        return one.operator == other.operator or len(one.operator) < len(other.operator)
    return BOUNDS[side[0]](one.operand, other.operand)


def _comparable(one: Any, other: Any) -> bool:
    return (_number(one) and _number(other)) or (
        type(one) is type(other) and isinstance(one, (datetime, timedelta))
    )


def _of_refusal(one: Atom, other: Atom) -> bool:
    if other.operator != "other":
        return False
    (types, refused), (more_types, fewer) = one.operand, other.operand
    return bool(types <= more_types and fewer <= refused)


def _apart(one: Atom, other: Atom) -> bool:
    """Whether two bounds leave nothing between them."""
    low, high = (one, other) if one.operator in _LOWER else (other, one)
    if low.operator not in _LOWER or high.operator not in _UPPER:
        return False
    if not _comparable(low.operand, high.operand):
        return False
    if low.operand == high.operand:
        return (low.operator, high.operator) != ("gte", "lte")
    return bool(low.operand > high.operand)


def _of_count(one: Atom, other: Atom) -> bool:
    return _counts(one, other, contained=True)


def _counts(one: Atom, other: Atom, *, contained: bool) -> bool:
    """Compare how often something happened. Both must count the same things."""
    if other.operator != "count":
        return False
    first, second = one.operand, other.operand
    if not isinstance(first, Occurrences) or not isinstance(second, Occurrences):
        return False
    if (_folded(first.name), first.within) != (_folded(second.name), second.within):
        return False
    (low, high), (lowest, highest) = _range(first), _range(second)
    return (lowest <= low and high <= highest) if contained else (high < lowest or highest < low)


def _folded(name: str | None) -> str | None:
    return None if name is None else name.casefold()


def _range(counted: Occurrences) -> tuple[float, float]:
    low, high = 0.0, inf
    for operator, limit in counted.bounds:
        if operator in ("eq", "gt", "gte"):
            low = max(low, limit + (operator == "gt"))
        if operator in ("eq", "lt", "lte"):
            high = min(high, limit - (operator == "lt"))
    return low, high


_IMPLIED: dict[str, Callable[[Atom, Atom], bool]] = {
    "eq": _of_value,
    "prefix": _of_prefix,
    "contains": _of_text,
    "other": _of_refusal,
    "count": _of_count,
    **dict.fromkeys((*_LOWER, *_UPPER), _of_bound),
}
"""What an operator tells about the same field."""
