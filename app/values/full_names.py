"""Splits a whole name into first and last name."""

_PARTICLES = frozenset(
    (
        "von", "vom", "zu", "zum", "zur", "van", "der", "den", "de", "del", "della", "di", "da", "das", "do",
        "dos", "du", "la", "le", "los", "las", "el", "al", "bin", "ibn", "ter", "ten", "af", "av",
    )
)  # fmt: skip
_FAMILY_FIRST = ("\u3040", "\u9fff"), ("\uac00", "\ud7af")
"""Japanese, Chinese and Korean letters."""


def split_full_name(name: str) -> dict[str, str]:
    """`first_name` and `last_name` of a whole name, as far as it has both.

    `Lind, Mara` has its parts in the other order, and so have names in East Asian letters. A last name begins
    with a particle such as `von`, or else it is the last word; a single word is a first name.
    """
    before, comma, after = (part.strip() for part in name.partition(","))
    words = name.split()
    if comma and before and after:
        first, last = after, before
    elif len(words) == 2 and _is_family_first(name):
        last, first = words
    else:
        starts = (at for at, word in enumerate(words) if word.casefold() in _PARTICLES)
        at = next((at for at in starts if 0 < at < len(words) - 1), max(1, len(words) - 1))
        first, last = " ".join(words[:at]), " ".join(words[at:])
    return {key: value for key, value in (("first_name", first), ("last_name", last)) if value}


def is_certain(name: str) -> bool:
    """Whether the split says all that the name says: two words, or a comma between the parts."""
    return "," in name or len(name.split()) <= 2


def _is_family_first(name: str) -> bool:
    letters = [letter for letter in name if not letter.isspace()]
    return all(any(low <= letter <= high for low, high in _FAMILY_FIRST) for letter in letters)
