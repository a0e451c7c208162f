"""What a misspelled name was probably meant to be."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

MAX_COMPARED = 5_000
"""Names that a misspelled one is compared with."""
_SHORTEST = 3
_LONG = 8
"""Names of this length may have two typos."""


def closest(word: object, known: Iterable[str]) -> str | None:
    """The known name that this word was probably meant to be, or None.

    It differs only in case and punctuation, or by one typo: a letter too many, too few, another one, or two
    that changed places. A long name may have two typos.
    """
    if not isinstance(word, str):
        return None
    folded = letters_of(word)
    names = [each for each in islice(known, MAX_COMPARED) if each != word]
    same = next((each for each in names if folded and letters_of(each) == folded), None)
    if same is not None or len(folded) < _SHORTEST:
        return same
    near = next((each for each in names if one_typo(folded, letters_of(each))), None)
    if near is not None or len(folded) < _LONG:
        return near
    return next((each for each in names if _two_typos(folded, letters_of(each))), None)


def did_you_mean(word: object, known: Iterable[str], prefix: str = " ") -> str:
    """The question for a finding, with `prefix` before it. Empty without an answer."""
    found = closest(word, known)
    return f"{prefix}Did you mean {found}?" if found is not None else ""


def spelling_or(word: object, known: Iterable[str], remedy: str) -> str:
    """The name that was probably meant, or else to check the spelling; and the other remedy."""
    found = closest(word, known)
    return f" Did you mean {found}? If not, {remedy}." if found else f" Check the spelling, or {remedy}."


def letters_of(name: str) -> str:
    """A name without case and punctuation."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def one_typo(one: str, other: str) -> bool:
    """Whether two words differ by one typo."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    if len(one) > len(other):
        one, other = other, one
    start = next((at for at, letter in enumerate(one) if letter != other[at]), len(one))
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    if one[start + 1 :] == other[start + 1 :]:
        return True
    swapped = one[start : start + 2] == other[start : start + 2][::-1]
    return swapped and one[start + 2 :] == other[start + 2 :]


def _two_typos(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 2:
        return False
    start = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    one, other = one[start:], other[start:]
    repaired = [(one[1:], other), (one, other[1:]), (one[1:], other[1:])]
    if len(one) > 1 and len(other) > 1 and one[:2] == other[1::-1]:
        repaired.append((one[2:], other[2:]))
    return any(left == right or one_typo(left, right) for left, right in repaired)


def keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The keys that an object at this place of the model may have."""
    found: list[Any] = [model]
    for part in location:
        found = [inner for each in found for inner in _inside(each, part)]
    return [
        field.alias or name
        for each in found
        if isinstance(each, type) and issubclass(each, BaseModel)
        for name, field in each.model_fields.items()
    ]


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    """The types of a part of a value of this type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                yield from _plain(field.annotation)
    elif get_origin(annotation) is dict:
        yield from _plain(get_args(annotation)[1])
    elif get_origin(annotation) in (list, tuple) and isinstance(part, int):
        yield from _plain(get_args(annotation)[0])


def _plain(annotation: Any) -> Iterator[Any]:
    """The types of an annotation, without what surrounds them."""
    if get_origin(annotation) is Annotated or type(annotation).__name__ == "SkipValidation":
        yield from _plain(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            yield from _plain(each)
    else:
        yield annotation
