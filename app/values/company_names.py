"""Names of companies in a form in which they can be compared.

The legal form says nothing about who a company is: `ООО Ромашка` and `ООО Василёк` share nothing. So it is
taken off, wherever the language puts it. Legal forms are in `data/legal_forms.tab`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from app.values.folding import read_rows
from app.values.transliteration import LETTERS

MAX_LENGTH = 200
"""Longer names are cut."""
MAX_WORD = 60
MAX_FORM_WORDS = 6
"""No legal form has more words: `GmbH & Co. KG`, `sp. z o. o.`"""
_SHORT = 2
"""Words of so few letters are a legal form only at an end of a name where the country uses them."""

_PLACEHOLDER_WORDS = """
na none null test tester testing unknown unbekannt keine kein privat private privatperson self selfemployed
freelance freelancer selbststandig individual personal student company firma company name mycompany asdf xxx
xx x abc123 tbd tbc nil no
"""
_PLACEHOLDERS = frozenset(_PLACEHOLDER_WORDS.split())
_GENERIC_WORDS = """
group groupe gruppe grupo gruppo holding holdings international global worldwide services service solutions
systems technologies technology tech partners partner enterprises industries and de la le les der die
das of y e i company companies corporation worldwide
america americas usa us europe consulting management media digital stores brands motor motors
"""
GENERIC = frozenset(_GENERIC_WORDS.split())
"""Words that many names have. They tell two companies apart, and say little about being one."""

_BRACKETED = re.compile(r"\((?:the|class [a-z]|formerly [^)]*|[a-z]{2,3})\)", re.I)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DOTTED = re.compile(r"\b(?:[^\W\d_][.·]\s?){2,}[^\W\d_]?\b|\b(?:[^\W\d_][.·]){1,}[^\W\d_]\b")
_POSSESSIVE = re.compile(r"['’`´]")
_UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "å": "aa",
        "ø": "oe",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ı": "i",
    }
)
_CONNECTORS = frozenset(("and", "und", "et"))
"""`Procter & Gamble` is `Procter Gamble`."""
_VOWELS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
"""`Möbel` is written `Moebel` where there is no ö."""


@dataclass(frozen=True, slots=True)
class CompanyName:
    """A name without its legal form.

    - `words` are what is left, transliterated; `all_words` are all words in their order.
    - `key` is `words` written together: equal keys are equal names.
    - `foreign` says that it is in a script that cannot be compared with Latin letters.
    """

    words: tuple[str, ...]
    all_words: tuple[str, ...]
    foreign: bool = False

    @property
    def key(self) -> str:
        """The words written together."""
        return "".join(self.words)

    def tokens(self) -> tuple[str, ...]:
        """What to look for it by: its words, or pairs of letters in scripts without blanks."""
        found: dict[str, None] = {}
        for word in self.words:
            if _CJK.search(word) and len(word) > _SHORT:
                found |= dict.fromkeys(word[at : at + 2] for at in range(len(word) - 1))
            else:
                found[word] = None
        return tuple(found)


def company_name(text: object, country: str | None = None) -> CompanyName | None:
    """A name as it can be compared. None when it names nobody, such as `n/a`.

    `country` is where the company is, if it is known: short forms such as `AS` mean one only there.
    """
    if not isinstance(text, str) or not text.strip():
        return None
    return _read(text[:MAX_LENGTH], country)


@lru_cache(maxsize=8192)
def _read(text: str, country: str | None) -> CompanyName | None:
    plain = unicodedata.normalize("NFKC", text)
    plain = _without_marks(_BRACKETED.sub(" ", plain))
    words = _joined_initials(_words(plain))
    if not words:
        return None
    kept = _without_forms(words, country)
    if len(kept) > 1 and kept[0] == "the":
        kept = kept[1:]
    kept = [word for word in kept if word not in _CONNECTORS] or kept
    latin = tuple(_latin(word)[:MAX_WORD] for word in kept)
    latin = tuple(word for word in latin if word)
    if not latin or "".join(latin) in _PLACEHOLDERS:
        return None
    whole = tuple(filter(None, (_latin(word)[:MAX_WORD] for word in words)))
    return CompanyName(latin, whole, not all(word.isascii() for word in latin))


def _without_marks(text: str) -> str:
    """Forms that stand in brackets next to a name in one script are words of their own."""
    for form in _bracketed_forms():
        text = text.replace(form, f" {form[1:-1]}\u0001 ")
    return text


@cache
def _bracketed_forms() -> tuple[str, ...]:
    return tuple(form for form, *_ in read_rows("legal_forms.tab") if form.startswith("("))


def _words(text: str) -> list[str]:
    text = _POSSESSIVE.sub("", text).replace("&", " & ").replace("+", " + ")
    text = _DOTTED.sub(lambda found: re.sub(r"[.·\s]", "", found[0]) + " ", text)
    found: list[str] = []
    for word in re.split(r"[^\w\u0001&+]+", text.replace("_", " ")):
        if word in ("&", "+"):
            found.append("and") if found else None
        elif folded := _folded(word):
            found += _split_script(folded)
    return found


def _folded(word: str) -> str:
    """The word without case and accents; German umlauts are spelled out."""
    spelled = word.casefold().translate(_UMLAUTS)
    base = unicodedata.normalize("NFKD", spelled)
    plain = "".join(letter for letter in base if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", plain)


def _split_script(word: str) -> Iterator[str]:
    """A word without the legal form that is written next to it without a blank: `株式会社青空商事`."""
    if not _CJK.search(word):
        yield word
        return
    for form in _attached_forms():
        if len(word) > len(form) and word.startswith(form):
            yield form
            yield word.removeprefix(form)
            return
        if len(word) > len(form) and word.endswith(form):
            yield word.removesuffix(form)
            yield form
            return
    yield word


@cache
def _attached_forms() -> tuple[str, ...]:
    """Legal forms of scripts that are written without blanks, the longest first."""
    forms = {_folded(form) for form, *_ in read_rows("legal_forms.tab") if _CJK.search(form)}
    return tuple(sorted((form for form in forms if len(form) > 1 and form[0] != "("), key=len, reverse=True))


def _joined_initials(words: list[str]) -> list[str]:
    """`A B C` and `A-B-C` are `ABC`: single letters next to each other are one word."""
    joined: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha() and not _CJK.match(word):
            run += word
            continue
        if run:
            joined.append(run)
            run = ""
        if word:
            joined.append(word)
    return joined


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a legal form stands, the countries that use it, and whether one of them must be known."""

    front: bool
    end: bool
    countries: frozenset[str]
    needed: bool

    def is_used(self, country: str | None) -> bool:
        if "*" in self.countries:
            return True
        return country in self.countries if country is not None else not self.needed


@cache
def _forms() -> dict[str, list[_Form]]:
    found: dict[str, list[_Form]] = {}
    for form, where, countries, *more in read_rows("legal_forms.tab"):
        place = (where != "end", where != "front")
        key = _folded(form.strip("()")) + ("\u0001" if form.startswith("(") else "")
        found.setdefault(key, []).append(_Form(*place, frozenset(countries.split()), bool(more)))
    return found


def _without_forms(words: list[str], country: str | None) -> list[str]:
    """The words without the legal forms at both ends. A name is never nothing but a form."""
    kept = list(words)
    end = True
    while end:
        end = False
        for count in range(min(MAX_FORM_WORDS, len(kept) - 1), 0, -1):
            if _is_form(kept[-count:], country, front=False):
                kept = kept[:-count]
                end = True
                break
    taken = {"".join(words[len(kept) :])} if len(kept) < len(words) else set()
    for count in range(min(MAX_FORM_WORDS, len(kept) - 1), 0, -1):
        front = kept[:count]
        # Romania puts one form before a name and another after it: `S.C. Dacul S.R.L.`
        romanian = front == ["sc"] and bool(taken & {"srl", "sa", "srld"})
        if romanian or _is_form(front, country, front=True):
            kept = kept[count:]
            break
    while len(kept) > 1 and kept[-1] == "and":
        kept = kept[:-1]
    return [word.rstrip("\u0001") for word in kept]


def _is_form(words: list[str], country: str | None, *, front: bool) -> bool:
    joined = "".join(words)
    names = [joined]
    if "and" in words:
        names.append("".join(word for word in words if word != "and"))
    return any(
        (form.front if front else form.end) and form.is_used(country)
        for name in names
        for form in _forms().get(name, ())
    )


def _latin(word: str) -> str:
    """The word in Latin letters, if its alphabet has them, with one spelling for each umlaut."""
    plain = word.translate(LETTERS).rstrip("\u0001")
    for written, sound in _VOWELS:
        plain = plain.replace(written, sound)
    return plain
