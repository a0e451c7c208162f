"""Languages: tags and names, in English, in their own language and in a few others.

The form of a language is the first part of its tag: `de-AT` and `de_CH` are `de` (RFC 5646, 2.2.1). A text
such as `en, es` names two.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from app.values.folding import MAX_NAME_LENGTH, fold, read_rows

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")
_SEPARATORS = re.compile(
    r"\s*(?:[,;/|&+\n、，；]\s*(?:(?:and|or|und|oder|et|ou|y|e|o)\s)?|\s(?:and|or|und|oder|et|ou|y|e|o)\s)\s*"
)
_QUALITY = re.compile(r"q\s*=\s*[01](?:\.\d+)?")
MAX_LENGTH = 255

_KINDS = """
american argentine argentinian australian austrian belgian brazilian british canadian central chilean
colombian egyptian european fluent gulf indian international iranian irish latin levantine mexican modern
moroccan native neutral new north northern quebec scottish simplified south southern spoken standard swiss
syrian traditional tunisian uk united us usa western eastern written zealand african kingdom states
"""
_SAME_LANGUAGE = frozenset(_KINDS.split())
"""Words before a language that leave it the same, as in `Brazilian Portuguese`, but not in `No English`."""

ENGLISH_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""The names of common languages, for sentences. Their codes need no look-up in the files."""


@cache
def _codes() -> dict[str, str]:
    """Codes by code and by folded name."""
    found: dict[str, str] = {}
    for code, *names in read_rows("languages.tab"):
        found[code] = code
        found.update(dict.fromkeys(names, code))
    for code, *names in read_rows("language_variants.tab"):
        found.update(dict.fromkeys(names, code))
    return {name: found[code] for name, code in found.items()}


def read_language(text: str) -> str | None:
    """The code of one language, or None if it is none."""
    return text if text in ENGLISH_NAMES else _read_one(text.strip()) if len(text) <= MAX_LENGTH else None


@lru_cache(2048)
def _read_one(text: str) -> str | None:
    codes = _codes()
    tag = _TAG.fullmatch(text)
    if tag is not None and (code := codes.get(tag[1].lower())) is not None:
        return code
    if len(text) > MAX_NAME_LENGTH:
        return None
    whole = fold(text)
    # `Portuguese (Brazil)`, `Brazilian Portuguese`
    tries = [whole, fold(text.partition("(")[0])]
    kind, _, name = whole.rpartition(" ")
    if not _SEPARATORS.search(text) and _SAME_LANGUAGE.issuperset(kind.split()):
        tries.append(name)
    return next(
        (codes[each] for each in tries if (len(each) > 2 or not each.isascii()) and each in codes), None
    )


def split_languages(text: str) -> list[str]:
    """The languages that a text names, one by one: the whole text if it is one language."""
    if text in ENGLISH_NAMES or read_language(text) is not None or len(text) > MAX_LENGTH:
        return [text.strip()]
    parts = (part for part in _SEPARATORS.split(text.strip()) if part and not _QUALITY.fullmatch(part))
    return list(parts) or [text.strip()]


def read_languages(text: str) -> tuple[str, ...] | None:
    """The codes of the languages that a text names, each once, or None if it names none that is known."""
    if text in ENGLISH_NAMES:
        return (text,)
    codes = (read_language(part) for part in split_languages(text))
    return tuple(dict.fromkeys(code for code in codes if code is not None)) or None


def unknown_languages(text: str) -> list[str]:
    """The parts of a text that name no language."""
    return [part for part in split_languages(text) if read_language(part) is None]


def language_or_tag(text: str) -> str:
    """The code of a language. A language that is not known is the first part of its tag."""
    return read_language(text) or re.split("[-_]", text.strip(), maxsplit=1)[0].casefold()


def spoken(texts: Iterable[str]) -> tuple[str, ...]:
    """The codes of all languages in a list of texts."""
    return tuple(dict.fromkeys(language_or_tag(part) for text in texts for part in split_languages(text)))
