"""How alike two names of companies are.

Words are compared with words, so that the order does not matter. A word counts by its length, and little if
many names have it. A typing error is forgiven in long words: at most one edit (Damerau and Levenshtein, with
neighboring letters exchanged) in words of five letters, two from nine letters on.
"""

from collections.abc import Sequence

from app.values.company_names import GENERIC, CompanyName

EQUAL = 1.0
REORDERED = 0.98
PART = 0.8
"""The most for names of which one has a word more that tells companies apart: `Wasser` and `SA Wasser`."""
OTHER = 0.7
"""The most for names that both have such a word: `Marathon Oil` and `Marathon Petroleum`."""
FAMILY = 0.84
"""The most for names that differ only in words such as `Group`, and share nothing but one short word."""
_GENERIC_WEIGHT = 0.25
_FULL_LENGTH = 6
_ONE_EDIT, _TWO_EDITS = 5, 9
_EDIT_COST = 1.5
_WELL_KNOWN = 7
"""A word of so many letters says enough alone."""


def comparable(one: CompanyName, other: CompanyName) -> bool:
    """Whether both are in scripts that can be compared."""
    return one.foreign == other.foreign


def name_score(one: CompanyName, other: CompanyName) -> float:
    """From 0, nothing in common, to 1, the same name."""
    if one.key == other.key:
        return EQUAL
    if _same_words(one, other):
        return REORDERED
    if not comparable(one, other):
        return 0.0
    return round(_by_words(one.tokens(), other.tokens()), 2)


def shares_word(one: CompanyName, other: CompanyName) -> bool:
    """Whether they have a word in common that tells companies apart."""
    return bool((set(one.words) & set(other.words)) - GENERIC)


def _same_words(one: CompanyName, other: CompanyName) -> bool:
    """Whether they have the same words in another order, or with a legal form at the other end."""
    sides = ({frozenset(each.words), frozenset(each.all_words)} for each in (one, other))
    return bool(next(sides) & next(sides))


def _by_words(one: Sequence[str], other: Sequence[str]) -> float:
    left, matched, shared = list(other), 0.0, 0.0
    here: list[str] = []
    for word in one:
        if word in left:
            left.remove(word)
            matched += _weight(word)
            shared += _weight(word) if word not in GENERIC else 0
        else:
            here.append(word)
    for word in list(here):
        best = max(left, key=lambda each: (_likeness(word, each), each), default=None)
        likeness = _likeness(word, best) if best is not None else 0.0
        if best is not None and likeness:
            here.remove(word)
            left.remove(best)
            part = likeness * (_weight(word) + _weight(best)) / 2
            matched, shared = matched + part, shared + part
    whole = sum(map(_weight, one)) + sum(map(_weight, other))
    return min(2 * matched / whole if whole else 0.0, _limit(one, here, left, shared))


def _limit(one: Sequence[str], here: Sequence[str], there: Sequence[str], shared: float) -> float:
    """How alike they can be at most, by the words that only one of them has, here and there."""
    own, others = (any(word not in GENERIC for word in words) for words in (here, there))
    if own and others:
        return OTHER
    if own or others or not shared or (here and there):
        return PART
    alone = [word for word in one if word not in GENERIC and word not in here]
    if (here or there) and len(alone) == 1 and len(alone[0]) < _WELL_KNOWN:
        return FAMILY
    return EQUAL


def _weight(word: str) -> float:
    length = min(len(word) if word.isascii() else 3 * len(word), _FULL_LENGTH) / _FULL_LENGTH
    return length * (_GENERIC_WEIGHT if word in GENERIC else 1)


def _likeness(one: str, other: str) -> float:
    """How alike two words are that are not equal; 0 if they are different words."""
    shorter, longer = sorted((len(one), len(other)))
    allowed = 2 if shorter >= _TWO_EDITS else 1 if shorter >= _ONE_EDIT else 0
    if longer - shorter > allowed or one[0] != other[0] or one in GENERIC or other in GENERIC:
        return 0.0
    edits = _edits(one, other, allowed)
    return 0.0 if edits > allowed else 1 - _EDIT_COST * edits / longer


def _edits(one: str, other: str, most: int) -> int:
    """The edits between two words: optimal string alignment. More than `most` are not counted."""
    if any(letter.isdigit() for letter in one + other):
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        earlier, before, row = before, row, [at]
        for place, there in enumerate(other, 1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != there))
            if earlier and place > 1 and letter == other[place - 2] and one[at - 2] == there:
                cost = min(cost, earlier[place - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
