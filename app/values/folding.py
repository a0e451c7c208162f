"""Names in the form in which readers compare them, and the data files that hold them."""

import re
import unicodedata
from collections.abc import Iterator
from importlib.resources import files

MAX_NAME_LENGTH = 100
"""No name of a country, state or language is longer."""

_PUNCTUATION = re.compile(r"[^a-z0-9\s]")
_ALIKE = str.maketrans({"ı": "i"})
"""Letters that are told apart in one language only: Turkish writes HIRVATISTAN for Hırvatistan."""
_SPACE_LIKE = str.maketrans(dict.fromkeys("-/_,;()‐‑‒–—", " ") | {"&": " and "})


def fold(text: str) -> str:
    """The text without case, accents, punctuation and a leading article. `saint` is `st`."""
    if text.isascii():
        plain = _PUNCTUATION.sub("", text.translate(_SPACE_LIKE).casefold())
    else:
        decomposed = unicodedata.normalize("NFKD", text.translate(_SPACE_LIKE)).casefold().translate(_ALIKE)
        plain = "".join(filter(_is_kept, decomposed))
    words = plain.split()
    words = ["st" if word == "saint" else word for word in words]
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def _is_kept(letter: str) -> bool:
    """Accents go. The signs of vowels in Indic scripts stay; they have no combining class."""
    if letter.isalnum() or letter.isspace():
        return True
    return unicodedata.category(letter)[0] == "M" and not unicodedata.combining(letter)


def read_rows(name: str) -> Iterator[list[str]]:
    """The rows of a data file of this package: cells separated by tabs. Lines with # are comments."""
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
