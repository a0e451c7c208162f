"""Cells of a column that is matched with `postal`: areas, beginnings and ranges of postal codes.

A cell becomes keys. A postal code has the keys of everything that it belongs to, so that a look-up compares
keys only. British codes divide into area (`E`), district (`E1`), sector (`E1 4`) and unit (`E1 4AB`): the
district `E1` is not the beginning of `E14`. All other codes divide into their beginnings.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.plan.findings import fault, show
from app.values.postal_codes import digits_of, postal_code, without_marks

MAX_ITEMS = 1000
"""The most areas, beginnings and ranges in one cell."""

_ITEMS = re.compile(r"[,;|\n]")
_RANGE = re.compile(r"(.+?)\s*(?:\.\.+|–|-|\bTO\b)\s*(.+)")
_WILDCARDS = re.compile(r"(\d+)([X#?]+)\*?")
_WHOLE = {(5, 4): 5, (3, 4): 7, (4, 3): 7, (5, 3): 8, (2, 3): 5}
"""Digits before and behind the hyphen of whole codes (US, JP, PT, BR, PL), and how many of them count."""
_DISTRICT = re.compile(r"([A-Z]{1,2})(\d{1,2})")
_DISTRICT_LETTERS = "ABCDEFGHJKMNPRSTUVWXY"
"""The letters that may follow the number of a district."""
_ONLY_LETTERED = frozenset(("EC1", "EC2", "EC3", "EC4", "SW1", "W1", "WC1", "WC2"))
"""Districts whose codes all have a letter, such as EC1A and W1K. Sheets name them without it."""
_SECTOR = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?) (\d)")
_OUTWARD = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?")
_UNIT = re.compile(r"(([A-Z]{1,2})\d[A-Z\d]?) (\d)[A-Z]{2}")
_SUFFIX = re.compile(r"[#+*]")
_PART = re.compile(r"(?=.*\d)[A-Z\d]+(?: [A-Z\d]+)?|[A-Z]{1,2}")
_DIGITS, _LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOST_ZERO = 5
"""A code of so many digits, less one, has lost its leading zero: nobody writes beginnings that long."""


@dataclass(frozen=True, slots=True)
class PostalCell:
    """The keys of a cell, each with its rank. The more codes a key stands for, the higher its rank."""

    ranks: tuple[tuple[str, float], ...]


def read_postal_cell(cell: Any, country: str | None) -> PostalCell:
    """Read a cell, which may hold several items, such as `100, 101; 940-941`.

    Raises Faults that quote the item that is not an area, a beginning or a range.
    """
    if type(cell) is str and cell.isascii() and cell.isdigit():  # most are, and tables are long
        return PostalCell((_beginning(cell, cell, digits_of(country)),))
    parts = cell if isinstance(cell, list) else [cell]
    items = [item.strip() for part in parts for item in _ITEMS.split(_text(part)) if item.strip()]
    if not items or len(items) > MAX_ITEMS:
        raise fault("invalid_cell", f"Must have 1 to {MAX_ITEMS} postal codes, beginnings or ranges.")
    ranks: dict[str, float] = {}
    for item in items:
        for key, rank in _item(item, country):
            ranks[key] = min(rank, ranks.get(key, 0.0))
    return PostalCell(tuple(sorted(ranks.items())))


@lru_cache(4096)
def postal_keys(text: str) -> tuple[str, ...]:
    """The keys of a lead's postal code, the most specific first."""
    code = postal_code(text) or text.upper()
    compact = code.replace(" ", "").replace("-", "")
    if compact.isdigit():
        return tuple(_keys_of_digits(compact))
    keys = [f"{compact[:end]}*" for end in range(len(compact), 0, -1)]
    outward = _OUTWARD.fullmatch(code)
    if outward is not None:  # a district alone, which is also the beginning of no other
        return (
            code,
            code.rstrip("0123456789") if code[-1].isdigit() else code[: 2 if code[1].isalpha() else 1],
            *keys,
        )
    unit = _UNIT.fullmatch(code)
    if unit is not None:
        return (code, f"{unit[1]} {unit[3]}", unit[1], unit[2], *keys)
    leading = re.match(r"\d*", compact)
    if leading is not None and leading[0]:  # 1011 AB
        keys += _keys_of_digits(leading[0])
    if " " in code:
        keys += [code[:end] for end in range(len(code), 0, -1)]
    return (*keys, *(compact[:end] for end in range(len(compact), 0, -1)))


class WiderKeys:
    """Finds, among known keys, those that stand for everything that a key stands for, and more.

    A code of digits has dozens of keys. Only those that are formed like a known one are looked at.
    """

    def __init__(self, known: Iterable[str]) -> None:
        split = ((_base(key), key) for key in known)
        self._forms = {(len(base), key[len(base) :]) for base, key in split if base.isdigit()}
        self._of_length: dict[int, list[tuple[int, str]]] = {}

    def of(self, key: str) -> Sequence[str]:
        """Keys of which some may be known; the most specific first."""
        base = _base(key)
        if base.isdigit():
            return [each for each in _behind(key, self._of_digits(base)) if each != base]
        keys: tuple[str, ...] = ()
        if not base.isalpha():
            rest = "AA" if _SECTOR.fullmatch(base) else " 0AA" if _OUTWARD.fullmatch(base) else ""
            keys = postal_keys(base + rest)
        return [each for each in _behind(key, keys) if each.rstrip("*") != base]

    def _of_digits(self, base: str) -> Sequence[str]:
        forms = self._of_length.get(len(base))
        if forms is None:
            # What these keys look like depends on the length alone.
            ends = ((len(_base(each)), each) for each in _keys_of_digits("0" * len(base)))
            found = ((end, each[end:]) for end, each in ends)
            forms = self._of_length[len(base)] = [form for form in found if form in self._forms]
        return [base[:end] + suffix for end, suffix in forms]


def _base(key: str) -> str:
    return key if key.isalnum() else _SUFFIX.split(key)[0]


def _behind(key: str, keys: Sequence[str]) -> Sequence[str]:
    return keys[keys.index(key) + 1 :] if key in keys else keys


def _keys_of_digits(code: str) -> Iterator[str]:
    for end in range(len(code), 0, -1):
        yield code[:end]
        yield f"{code[:end]}#{len(code)}"
        yield from (f"{code[:end]}+{least}" for least in range(end, len(code) + 1))


def _text(part: object) -> str:
    if isinstance(part, bool) or not isinstance(part, (str, int, float)):
        raise fault(
            "invalid_cell", "Must be postal codes, beginnings or ranges, such as 940-941, 02139 or E1."
        )
    return str(int(part)) if isinstance(part, float) and part.is_integer() else str(part)


def _item(item: str, country: str | None) -> Iterator[tuple[str, float]]:
    plain, sign = without_marks(item)
    length = digits_of(country or sign)
    wild = _WILDCARDS.fullmatch(plain.replace(" ", ""))
    if wild is not None:
        yield f"{wild[1]}#{len(wild[1]) + len(wild[2])}", -float(len(wild[1]))
        return
    ends = _RANGE.fullmatch(plain)
    if ends is not None and not _is_whole(ends[1], ends[2]):
        yield from _range(item, without_marks(ends[1])[0], without_marks(ends[2])[0], length)
        return
    if ends is not None:
        plain = f"{ends[1]}{ends[2]}"[: _WHOLE[len(ends[1]), len(ends[2])]]
    key, rank = _beginning(item, plain, length)
    yield key, rank
    if length is None and key in _ONLY_LETTERED:
        yield from ((each, rank) for each in _lettered(key))


def _lettered(district: str) -> Iterator[str]:
    return (district + letter for letter in _DISTRICT_LETTERS)


def _is_whole(first: str, second: str) -> bool:
    return first.isdigit() and second.isdigit() and (len(first), len(second)) in _WHOLE


def _beginning(item: str, plain: str, length: int | None) -> tuple[str, float]:
    star = plain.endswith("*")
    text = plain.rstrip("*").strip()
    compact = text.replace(" ", "")
    if compact.isdigit():
        if length is not None and len(compact) > length:
            raise _unreadable(item)
        lost = length == _LOST_ZERO and len(compact) == length - 1 and not star and compact[0] != "0"
        return ("0" + compact, -float(length or 0)) if lost else (compact, -float(len(compact)))
    whole = postal_code(text) or text
    if length is not None or _PART.fullmatch(whole) is None or len(compact) > 10:
        raise _unreadable(item)
    if star:
        return f"{compact}*", -float(len(compact))
    spaced = _UNIT.fullmatch(whole) or _SECTOR.fullmatch(whole)
    return (whole if spaced else compact), -float(len(compact))


def _range(item: str, first: str, last: str, length: int | None) -> Iterator[tuple[str, float]]:
    low, high = first.replace(" ", ""), last.replace(" ", "")
    between = _DISTRICT.fullmatch(low), _DISTRICT.fullmatch(high)
    if between[0] and between[1] and between[0][1] == between[1][1] and length is None:
        start, end = int(between[0][2]), int(between[1][2])
        rank = _rank(len(low), end - start + 1, 10 ** len(low)) if end >= start else 0.0
        for number in range(start, end + 1):
            district = f"{between[0][1]}{number}"
            yield from ((each, rank) for each in (district, *_lettered(district)))
        if end >= start:
            return
    alphabets = [_alphabet(*pair) for pair in zip(low, high, strict=False)]
    digits = low.isdigit()
    if len(low) != len(high) or None in alphabets or low > high or (length is not None and not digits):
        raise _unreadable(item)
    if length is not None and len(low) > length:
        raise _unreadable(item)
    each = [alphabet for alphabet in alphabets if alphabet is not None]
    rank = _rank(len(low), _place(high, each) - _place(low, each) + 1, math.prod(map(len, each)))
    for beginning in _beginnings(low, high, each):
        yield (f"{beginning}+{len(low)}" if digits else f"{beginning}*"), rank


def _alphabet(first: str, second: str) -> str | None:
    """The characters that may stand here, if both characters are of one kind."""
    return next((each for each in (_DIGITS, _LETTERS) if first in each and second in each), None)


def _place(text: str, alphabets: list[str]) -> int:
    place = 0
    for character, alphabet in zip(text, alphabets, strict=True):
        place = place * len(alphabet) + alphabet.index(character)
    return place


def _rank(length: int, count: int, total: int) -> float:
    """Minus the length of a beginning that would stand for as many codes."""
    return round(length * (math.log(count) / math.log(total) - 1), 6)


def _beginnings(low: str, high: str, alphabets: list[str]) -> Iterator[str]:
    """The fewest beginnings that together stand for everything from `low` to `high`."""
    least = "".join(alphabet[0] for alphabet in alphabets)
    most = "".join(alphabet[-1] for alphabet in alphabets)

    def within(done: str, at_low: bool, at_high: bool) -> Iterator[str]:
        at = len(done)
        bounded_below = at_low and low[at:] != least[at:]
        bounded_above = at_high and high[at:] != most[at:]
        if not bounded_below and not bounded_above:
            yield done
            return
        first = low[at] if bounded_below else alphabets[at][0]
        last = high[at] if bounded_above else alphabets[at][-1]
        alphabet = alphabets[at]
        for each in alphabet[alphabet.index(first) : alphabet.index(last) + 1]:
            yield from within(done + each, bounded_below and each == first, bounded_above and each == last)

    yield from within("", True, True)


def _unreadable(item: str) -> Exception:
    return fault(
        "invalid_cell",
        f"`{show(item)}` is not a postal code, an area (E1), a beginning (021, 96xxx) or a range (940-941).",
    )
