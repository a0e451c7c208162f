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
SLIPPED = 0.9
"""The score of names that are the same but for a typing error in the legal form of one."""
FAMILY = 0.84
"""The most for names that differ only in words such as `Group`, and share nothing but one short word."""
_GENERIC_WEIGHT = 0.25
_LONG_FORM = 4
"""From so many letters on, another letter in a legal form is a typing error: `Corp`, but not `Inc`."""
_WORDS = """
ac act agr ai air all app art at ax bar bay bio box by cab cap care carp cars cat city com coop cord
core cork corn corporate corps cot cow crop dc dry eco farm gas go hr hub ic ice inch ink inn is it
lab lad law lc led lid log ltc my net next ng no oak oil on one ox pac part pay pc plan plus pro ram
run saas sap sars sass sea sol space span spar sun tax tea tv us van web win zoo
"""
_WORDS_LIKE_FORMS = frozenset(_WORDS.split())
"""Words that are one letter away from a legal form and mean something themselves."""
_FULL_LENGTH = 6
_ONE_EDIT, _TWO_EDITS = 5, 9
_EDIT_COST = 1.5
_EDIT_COST_ALONE = 1.0
_OTHER_FIRST = 8
"""From so many letters on, a slip in the first letter of a word that stands alone is forgiven."""
_ONE_EDIT_BESIDE, _EDIT_COST_BESIDE = 4, 0.75
"""What is forgiven in a word beside one that both names have."""
_ABBREVIATED = 0.9
_SHORTEST = 3
_VOWELS = frozenset("aeiou")
_WELL_KNOWN = 7
"""A word of so many letters says enough alone."""


def comparable(one: CompanyName, other: CompanyName) -> bool:
    """Whether both are in scripts that can be compared."""
    return one.foreign == other.foreign


def name_score(one: CompanyName, other: CompanyName) -> float:
    """From 0, nothing in common, to 1, the same name."""
    if one.key == other.key:
        return EQUAL
    if _same_words(one, other) or "".join(one.all_words) == "".join(other.all_words):
        return REORDERED
    if not comparable(one, other):
        return 0.0
    score = round(_by_words(one.tokens(), other.tokens()), 2)
    slipped = score < SLIPPED and (_form_slipped(one, other) or _form_slipped(other, one))
    return SLIPPED if slipped else score


def shares_word(one: CompanyName, other: CompanyName) -> bool:
    """Whether they have a word in common that tells companies apart."""
    return bool((set(one.words) & set(other.words)) - GENERIC)


def _same_words(one: CompanyName, other: CompanyName) -> bool:
    """Whether they have the same words in another order, or with a legal form at the other end."""
    sides = ({frozenset(each.words), frozenset(each.all_words)} for each in (one, other))
    return bool(next(sides) & next(sides))


def _form_slipped(one: CompanyName, other: CompanyName) -> bool:
    """Whether only the legal form of one is misspelled: `Visa Icn` is `Visa Inc`.

    What is a word of its own is no misspelling: `Alpha Core` is not `Alpha Corp`.
    """
    slip, form = one.all_words[-1], other.all_words[-1]
    if (
        form == other.words[-1]
        or one.words[:-1] != other.words
        or slip != one.words[-1]
        or slip in _WORDS_LIKE_FORMS
        or slip[:1].isdigit()
    ):
        return False
    if len(slip) == len(form) and len(form) < _LONG_FORM:
        return slip != form and sorted(slip) == sorted(form) and _edits(slip, form, 1) == 1
    return len(form) > 1 and _edits(slip, form, 1) == 1


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
    context = _Context(one, other, shared > 0)
    for word in list(here):
        best = max(left, key=lambda each: (context.likeness(word, each), each), default=None)
        likeness = context.likeness(word, best) if best is not None else 0.0
        if best is not None and likeness:
            here.remove(word)
            left.remove(best)
            part = likeness * (_weight(word) + _weight(best)) / 2
            matched += part
            shared += part if word not in GENERIC and best not in GENERIC else 0
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


class _Context:
    """Two names whose words are compared.

    They are `known` to be near if they share a word that tells companies apart; then more is forgiven in the
    others. They are `alone` if each has one such word, and not the same.
    """

    def __init__(self, one: Sequence[str], other: Sequence[str], known: bool) -> None:
        self._first = (one[0], other[0])
        self._known = known
        apart = ([word for word in each if word not in GENERIC] for each in (one, other))
        self._alone = not known and all(len(words) == 1 for words in apart)

    def likeness(self, one: str, other: str) -> float:
        """How alike two words are that are not equal; 0 if they are different words."""
        short, long = sorted((one, other), key=len)
        if self._known and _abbreviates(short, long, first=(one, other) == self._first):
            return _ABBREVIATED
        shorter, longer = len(short), len(long)
        allowed = 2 if shorter >= _TWO_EDITS else 1 if shorter >= self._least() else 0
        if longer - shorter > allowed or (not self._known and not GENERIC.isdisjoint((one, other))):
            return 0.0
        if one[0] != other[0] and not self._known and (not self._alone or longer < _OTHER_FIRST):
            return 0.0
        edits = _edits(one, other, allowed)
        return 0.0 if edits > allowed else 1 - self._cost(edits, longer) * edits / longer

    def _least(self) -> int:
        return _ONE_EDIT_BESIDE if self._known else _ONE_EDIT

    def _cost(self, edits: int, longer: int) -> float:
        if edits > 1 or (self._alone and longer < _WELL_KNOWN):
            return _EDIT_COST
        return _EDIT_COST_BESIDE if self._known else _EDIT_COST_ALONE if self._alone else _EDIT_COST


def _abbreviates(short: str, word: str, *, first: bool) -> bool:
    """Whether a word is written short: by its beginning, as in `Fin.`, or without vowels, as in `Mfg`.

    Three letters at the start of a name are a name: `PNC` is not short for `PennyMac`.
    """
    if not _SHORTEST <= len(short) <= len(word) - 2 + (word in GENERIC) or not short.isalpha():
        return False
    if word.startswith(short):
        return True
    if word.startswith(short[:-1]) and short[-1] == word[-1] and len(short) > _SHORTEST:
        return True  # `Natl`
    if first and len(short) == _SHORTEST:
        return False
    rest = iter(word)
    ends = short[0] == word[0] and short[-1] == word[-1]
    return ends and _VOWELS.isdisjoint(short[1:-1]) and all(letter in rest for letter in short)


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
