"""Numbers and ranges of numbers as people write them.

A range is stored as text in one form, so that it stays readable: `51-200`, `1000+` without an upper bound,
`..49` without a lower one. `Range.parse` reads exactly these forms back.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Literal

Number = int | float
Decimal = Literal["point", "comma"]
"""The sign before the decimals."""

MAX_NUMBER = 10**15
"""The largest number that a lead, a plan or a request can have."""
MAX_LENGTH = 80

_COMMA = """
AT BE DE LU FR ES IT NL PT BR AR CL CO PE UY VE PL CZ SK HU RO BG GR TR RU UA BY SE NO DK FI IS EE LV LT SI HR
RS BA ME MK AL ID VN
"""
_POINT = """
US GB IE CA AU NZ IN MX JP CN KR TW HK SG MY PH TH IL CH LI PK NG KE GH AE SA EG PR
"""
_COMMA_COUNTRIES, _POINT_COUNTRIES = frozenset(_COMMA.split()), frozenset(_POINT.split())

_DIGITS = re.compile(r"\d+")
_SPACED = re.compile(r"(?<=\d)[ '’](?=\d{3}(?!\d))")
_GROUPED = {
    mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{2,3}})*{re.escape(mark)}\d{{3}}") for mark in ",."
}
_PLAIN = re.compile(r"\d[\d.,]*|[.,]\d+")


def _any_of(words: str) -> str:
    """A pattern for any of some words, or patterns, which commas separate."""
    return f"(?:{'|'.join(' '.join(words.split()).split(', '))})"


_CURRENCIES = _any_of(
    """usd, eur, gbp, chf, inr, jpy, aud, cad, nzd, sek, nok, dkk, pln, czk, brl, mxn, cny"""
)
_MONEY_BEHIND = _any_of(r"""euros?, dollars?, dolares, pounds?, franken, francs?, kr\.?, zl, kc, reais""")
_MONEY = re.compile(
    rf"^(?:(?:us|ca|au|nz|hk|a|c|r)?\$|[€£¥₹₽₩]|{_CURRENCIES}\b|rs\.?(?=\s*\d)|kr\.?(?=\s*\d))\s*"
    rf"|\s*(?:[€£¥₹₽₩$円元]|\b(?:d['’]|d[ei] |von )?(?:{_CURRENCIES}|{_MONEY_BEHIND}))$"
)
_STAFF = _any_of(
    r"""employees?, people, persons?, staff, ftes?, users?, seats?, members?, visits?, headcount,
    mitarbeiter(?:innen|in)?, mitarbeitende[rn]?, ma, personen, leute, beschaftigte[rn]?,
    vollzeit(?:krafte)?, vza, employes?, salaries?, collaborateurs?, personnes?, empleados?, trabajadores,
    colaboradores, personas?, dipendenti, collaboratori, addetti, persone, funcionarios, pessoas?,
    medewerkers?, werknemers?, mensen, pracownik\w+, osob\w*, anstallda, personer, ansatte, medarbejdere,
    zamestnanc\w+, lidi, сотрудник\w*, человек"""
)
_PEOPLE = re.compile(rf"\s*(?:\b{_STAFF}\.?|[人名명位])$")
_SIZES = {
    word: factor
    for factor, words in (
        (1e3, "k tsd thousand tausend mille mila tys tis tusen тыс 千"),
        (1e4, "万 萬 만"),
        (1e5, "lakh lac"),
        (1e6, "m mm mn mi mio mln million millions millionen millon millones milhao milhoes milione milioni"),
        (1e6, "miljoen miljoner millioner milion miliony milionow milionu млн"),
        (1e7, "crore cr"),
        (1e8, "億 亿 억"),
        (1e9, "b bn billion billions mrd mld milliarde milliarden milliard milliards miliardo miliardi"),
        (1e9, "miljard miljarder milliarder млрд"),
    )
    for word in words.split()
}
_SIZE = re.compile(rf"(?<=[\d .,])\s*({'|'.join(sorted(_SIZES, key=len, reverse=True))})\.?$")
_NEARLY = _any_of(
    """ca, cca, circa, approx, approximately, about, around, roughly, some, etwa, ungefahr, rund, env,
    environ, aprox, aproximadamente, unos, cerca d[ei], ongeveer, okolo, asi, omkring, cirka, около,
    примерно, 約, 约, 약"""
)
_ABOUT = re.compile(rf"^(?:[~≈]|{_NEARLY}(?:\.|\b|(?=\d)))\s*")
"""What says that a number is not exact. The number is the best that is known."""
_REMARK = re.compile(r"(?<=[\w+])\s*\([^()]*\)$")
_NO_CENTS = re.compile(r"(?<=\d)[.,]-{1,2}(?=\D*$)")
"""`1.000,-`"""
_ALONE = re.compile(
    _any_of(
        """(?:it's )?(?:just|only) me, just myself, me, myself, solo, nur ich, ich allein, moi, juste moi,
        moi uniquement, solo yo, solo io, so eu, somente eu, apenas eu, alleen ik, tylko ja"""
    )
)
"""How many people there are, where somebody works alone."""
_BETWEEN = re.compile(
    r"\s*(?:-|~|\.{2,3}|\b(?:to|bis|and|und|a|et|e|y|tot|en|do|til|till|och|og)\b)\s*",
)
_STARTS = _any_of(
    """between, from, zwischen, von, de, entre, da, tra, fra, van, tussen, od, mellan, mellem, mezi"""
)
_FROM = re.compile(rf"^{_STARTS}\s+")
_FROM_ON = _any_of(
    r"""at least, min(?:imum|imal|imaal|st|dst)?\.?, ab, mindestens, from, au moins, a partir de, desde,
    al menos, como minimo, pelo menos, almeno, minimo, vanaf, ten minste, od, co najmniej, от"""
)
_AND_MORE = _any_of(
    r"""or more, and (?:more|above|over|up), plus, (?:oder|und) mehr, (?:et|ou) plus, [oy] mas, (?:ou|e) mais,
    e oltre, o piu, (?:of|en) meer, (?:lub|i) wiecej, eller (?:fler|flere|mer|mere), en adelante, em diante,
    以上, 이상"""
)
_AT_LEAST = re.compile(
    rf"^(?:>=|≥|=>|{_FROM_ON})\s*(.+)$"
    rf"|^(.+?)\s*(?:\.\.|(?:\b(?:and|und|et|y|e|en|i|ou|o|or)\s*)?\+|{_AND_MORE})$"
)
_MORE_THAN = _any_of(
    r"""over, more than, greater than, above, uber, mehr als, plus de, \+ ?de, mas de, mais de, acima de,
    piu di, oltre, meer dan, ponad, powyzej, wiecej niz, (?:mer|fler) an, (?:mer|flere) enn,
    (?:mere|flere) end, vice nez, более, больше, свыше"""
)
_ABOVE = re.compile(rf"^(?:>|{_MORE_THAN})\s*(.+)$")
_UP_TO = _any_of(
    r"""up to, at most, max(?:imum|imal|imaal)?\.?, bis zu, bis, hochstens, jusqu['’]?a, hasta, ate, fino a,
    tot, do, upp till, op til, opptil, inntil, до"""
)
_OR_LESS = _any_of(
    """or (?:less|fewer), and (?:under|below), oder weniger, (?:et|ou) moins, [oy] menos, ou menos, o meno,
    of minder, lub mniej, eller (?:farre|faerre|mindre), 以下, 以内, 이하"""
)
_AT_MOST = re.compile(rf"^(?:<=|≤|=<|\.\.|{_UP_TO})\s*(.+)$|^(.+?)\s*{_OR_LESS}$")
_LESS_THAN = _any_of(
    """under, less than, fewer than, below, unter, weniger als, moins de, - ?de, menos de, abaixo de,
    meno di, minder dan, ponizej, mniej niz, (?:farre|mindre) an, (?:faerre|mindre) en[nd], mene nez, менее,
    меньше"""
)
_BELOW = re.compile(rf"^(?:<|{_LESS_THAN})\s*(.+)$|^(.+?)\s*(?:未満|未满|미만)$")
_STORED = re.compile(
    r"(?P<low>\d+(?:\.\d+)?)(?:-(?P<high>\d+(?:\.\d+)?)|(?P<open>\+))|(?P<from>-?\d+(?:\.\d+)?)?\.\.(?P<to>-?\d+(?:\.\d+)?)?"
)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of numbers that includes both ends. None is an open end."""

    low: Number | None
    high: Number | None

    def __str__(self) -> str:
        """The stored form."""
        if self.low is not None and self.low >= 0:
            return f"{self.low}+" if self.high is None else f"{self.low}-{self.high}"
        return f"{'' if self.low is None else self.low}..{'' if self.high is None else self.high}"

    @staticmethod
    def parse(text: str) -> "Range | None":
        """The range of a stored form, or None."""
        return _parse(text) if len(text) <= MAX_LENGTH else None

    def overlaps(self, low: Number, high: Number) -> bool:
        """Whether a number of the range lies between these two."""
        return (self.low is None or self.low <= high) and (self.high is None or low <= self.high)


@lru_cache(4096)
def _parse(text: str) -> Range | None:
    found = _STORED.fullmatch(text)
    if found is None:
        return None
    if found["low"] is not None:
        return Range(_number(found["low"]), None if found["open"] else _number(found["high"]))
    low, high = (None if found[end] is None else _number(found[end]) for end in ("from", "to"))
    return None if low is None and high is None else Range(low, high)


def _number(text: str) -> Number:
    return float(text) if "." in text else int(text)


@dataclass(frozen=True, slots=True)
class NumberReading:
    """A number, or the stored form of a range. `ambiguous`: one separator could be either of two."""

    value: Number | str
    ambiguous: bool = False


def decimal_of(country: object) -> Decimal | None:
    """The decimal sign of a country, if it is known."""
    return "comma" if country in _COMMA_COUNTRIES else "point" if country in _POINT_COUNTRIES else None


def read_number(text: str, decimal: Decimal | None = None, *, whole: bool = False) -> NumberReading | None:
    """The number or the range that a text names, or None.

    One separator before exactly three digits is read by `decimal`, and without it as thousands. `whole` says
    that the field counts things: then it is thousands whenever it would leave a fraction.
    """
    if len(text) <= 18 and _DIGITS.fullmatch(text):
        number = int(text)
        return NumberReading(number) if number <= MAX_NUMBER else None
    return _read(text, decimal, whole) if len(text) <= MAX_LENGTH else None


@lru_cache(4096)
def _read(text: str, decimal: Decimal | None, whole: bool) -> NumberReading | None:
    plain = _REMARK.sub("", " ".join(_without_accents(text).translate(_DASHES).split()))
    if whole and _ALONE.fullmatch(plain):
        return NumberReading(1)
    plain = _NO_CENTS.sub("", _PEOPLE.sub("", _ABOUT.sub("", plain)))
    reader = _Reader(decimal, whole)
    value: Number | str | None = reader.number(plain)
    if value is None:
        span = reader.range(plain)
        if span is None or (span.low is not None and span.high is not None and span.low > span.high):
            return None
        value = span.low if span.low == span.high and span.low is not None else str(span)
    return NumberReading(value, reader.ambiguous)


_DASHES = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u301c": "~",
        "ł": "l",
        "ø": "o",
        "æ": "ae",
    }
)


def _without_accents(text: str) -> str:
    """The text in lower case, in one width and without accents; other scripts as they are."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", "".join(each for each in apart if each < "\u0300" or each > "\u036f"))


class _Reader:
    """Reads one text, and notes whether a separator was ambiguous."""

    def __init__(self, decimal: Decimal | None, whole: bool) -> None:
        self._decimal, self._whole = decimal, whole
        self.ambiguous = False

    def range(self, text: str) -> Range | None:
        step = 1 if self._whole else 0
        for pattern, low_side, change in (
            (_AT_LEAST, True, 0), (_ABOVE, True, step), (_AT_MOST, False, 0), (_BELOW, False, -step),
        ):  # fmt: skip
            found = pattern.match(text)
            number = self.number(next(filter(None, found.groups()))) if found is not None else None
            if number is not None:
                return Range(number + change, None) if low_side else Range(None, number + change)
        plain = _FROM.sub("", text)
        for found in _BETWEEN.finditer(plain):
            left, right = plain[: found.start()], plain[found.end() :]
            high = self.number(right)
            low = self.number(self._with_size_of(left, right)) if high is not None else None
            # A leading zero is that of a phone number or a date.
            if high is not None and low is not None and not re.match(r"0\d", left):
                return Range(low, high)
        return None

    def _with_size_of(self, left: str, right: str) -> str:
        """The lower end of `1-10M` is in millions too."""
        size = _SIZE.search(_MONEY.sub("", right))
        return f"{left} {size[1]}" if size is not None and not _SIZE.search(_MONEY.sub("", left)) else left

    def number(self, text: str) -> Number | None:
        plain = _PEOPLE.sub("", text.strip())
        sign = -1 if plain.startswith("-") else 1
        plain = _MONEY.sub("", plain.lstrip("+-").strip()).strip()
        if text.strip().startswith(("--", "+-", "-+")):
            return None
        factor = 1.0
        size = _SIZE.search(plain)
        if size is not None:
            factor, plain = _SIZES[size[1]], _MONEY.sub("", plain[: size.start()].strip()).strip()
        found = self._digits(_SPACED.sub("", plain))
        if found is None:
            return None
        number = sign * (round(found * factor, 6) if size is not None else found)
        if not abs(number) <= MAX_NUMBER:
            return None
        return int(number) if isinstance(number, float) and number.is_integer() else number

    def _digits(self, text: str) -> Number | None:
        if not _PLAIN.fullmatch(text) or len(text) > 40:
            return None
        marks = [mark for mark in ",." if mark in text]
        if not marks:
            return int(text)
        if len(marks) == 2:
            last = max(marks, key=text.rindex)
            return self._with_decimals(text, last, "." if last == "," else ",")
        mark = marks[0]
        if text.count(mark) > 1:
            return int(text.replace(mark, "")) if _GROUPED[mark].fullmatch(text) else None
        before, _, after = text.partition(mark)
        if len(after) == 3 and 1 <= len(before) <= 3 and before[0] != "0":
            return self._three_digits(mark, before, after)
        return float(f"{before or 0}.{after}") if after else None

    def _with_decimals(self, text: str, mark: str, groups: str) -> Number | None:
        whole, _, decimals = text.rpartition(mark)
        if mark in whole or not decimals.isdigit() or not _GROUPED[groups].fullmatch(whole):
            return None
        return float(f"{whole.replace(groups, '')}.{decimals}")

    def _three_digits(self, mark: str, before: str, after: str) -> Number:
        """One separator and three digits: the country says what it is, else it is thousands."""
        thousands = int(before + after)
        if self._decimal is None:
            self.ambiguous = True
            return thousands
        decimal = mark == ("," if self._decimal == "comma" else ".")
        fraction = int(after) != 0
        return float(f"{before}.{after}") if decimal and not (self._whole and fraction) else thousands


def bounds_of(value: object) -> tuple[Number, Number] | None:
    """The bounds of a number or of a stored range; infinite where it is open."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value, value
    span = Range.parse(value) if isinstance(value, str) else None
    if span is None:
        return None
    return -inf if span.low is None else span.low, inf if span.high is None else span.high
