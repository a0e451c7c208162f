"""Postal codes: one form for each country.

Digits stand without separators (`110 00` is `11000`), codes with letters in upper case with the blank of
their country (`SW1A 1AA`, `K1A 0B1`, `1011 AB`), and a ZIP+4 is its ZIP code. What files add is taken off:
the country (`D-80331`), the state (`MA 02139`, `NSW 2000`), the mark of Japan (`〒100-0001`) and that of an
export (`z:01960`), the apostrophe of a spreadsheet (`'02139`). A code after the sign of another country than
the lead's is not read.
Leading zeros that a spreadsheet lost come back where the length of the country's codes is known.
"""

import re
import unicodedata
from functools import lru_cache

from app.values.states import read_state

_MARK = re.compile(r"""^(?:(?:z|zip|plz|postcode|postal code)\s*:\s*|=?["'`’]+)""", re.IGNORECASE)
_END = re.compile(r"""(?:["'`’]+|(?<=\d)\.0+|-+)$""")
_COUNTRY = re.compile(r"([A-Z]{1,3})(?:\s*[-–]\s*|\s+)?(?=\d[\d\s-]*(?:[A-Z]{2})?$)")
_SEPARATORS = re.compile(r"[\s–-]+")
_ZIP_4 = re.compile(r"(\d{3,5})\s*[-–]\s*\d{4}|(\d{5})\s?\d{4}")
_PLAIN = re.compile(r"\d{5}")
_STATE_AND_CODE = {
    "US": re.compile(r"([A-Za-z]{2})[\s,]+(\d{5}(?:-\d{4})?)"),
    "AU": re.compile(r"([A-Za-z]{2,3})[\s,]+(\d{4})"),
    "CA": re.compile(r"([A-Za-z]{2})[\s,]+([A-Za-z]\d[A-Za-z][\s-]?\d[A-Za-z]\d)"),
}
_JAPANESE = "〒"
"""The mark of a postal code in Japan."""

_PREFIXES = {
    "A": "AT", "B": "BE", "D": "DE", "DK": "DK", "E": "ES", "F": "FR", "FIN": "FI", "FL": "LI", "H": "HU",
    "I": "IT", "L": "LU", "N": "NO", "P": "PT", "S": "SE", "SLO": "SI", "GER": "DE", "AUT": "AT", "USA": "US",
}  # fmt: skip
"""The signs of countries before a postal code, besides the two-letter codes."""

_SHARED: dict[str, tuple[str, ...]] = {
    "FR": ("MC", "RE", "GP", "MQ", "GF", "YT", "NC", "PF", "PM", "BL", "MF", "WF"), "CH": ("LI",),
    "IT": ("SM", "VA"), "US": ("PR", "VI", "GU", "AS", "MP"), "DK": ("FO", "GL"), "NO": ("SJ",),
    "FI": ("AX",),
}  # fmt: skip
"""Countries and territories whose codes are written with the sign of another."""

# How many digits the codes of a country have, and how few are left when leading zeros are lost.
_DIGITS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("US", "PR", "VI", "GU", "AS", "MP", "FI", "IT", "KE", "LK", "PL", "VA", "SM"), (5, 3)),
    **dict.fromkeys(
        ("DE", "FR", "ES", "MX", "UA", "TR", "MY", "KR", "DZ", "SK", "LT", "PE", "MM", "NP", "CU"), (5, 4)
    ),
    **dict.fromkeys(
        ("CZ", "SE", "GR", "EE", "HR", "RS", "BA", "ME", "TH", "ID", "PK", "EG", "MA", "CR", "UY", "MC", "RE",
         "GP", "MQ", "GF", "YT", "NC", "PF", "SA", "JO", "KW", "IQ", "GT", "DO", "SN", "XK"), (5, 5)
    ),
    **dict.fromkeys(("AU", "NO", "DK", "NZ", "PH", "GE"), (4, 3)),
    **dict.fromkeys(("AT", "CH", "LI", "BE", "LU", "HU", "BG", "SI", "LV", "CY", "TN", "MK"), (4, 4)),
    "ZA": (4, 2),
    **dict.fromkeys(("CN", "RO", "SG", "KZ", "CO", "EC"), (6, 5)),
    **dict.fromkeys(("IN", "RU", "BY", "UZ", "KG", "TJ", "TM"), (6, 6)),
    "JP": (7, 6), "PT": (7, 7), "CL": (7, 7), "BR": (8, 7), "IR": (10, 10),
}  # fmt: skip

_BRITISH = re.compile(r"([A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]?|GIR|BFPO)(\d[A-Z]{2}|(?<=BFPO)\d{1,4})?")
_CANADIAN = re.compile(r"([ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z])(\d[ABCEGHJ-NPRSTV-Z]\d)?")
_IRISH = re.compile(r"([A-Z]\d[\dW])([A-Z\d]{4})?")
_DUTCH = re.compile(r"([1-9]\d{3})([A-Z]{2})?")
_LETTERED = {
    **dict.fromkeys(("GB", "JE", "GG", "IM"), _BRITISH),
    "CA": _CANADIAN, "IE": _IRISH, "NL": _DUTCH,
}  # fmt: skip
_OTHER = {
    "AR": re.compile(r"[A-Z]?\d{4}(?:[A-Z]{3})?"), "IL": re.compile(r"\d{5}(?:\d{2})?"),
    "TW": re.compile(r"\d{3}(?:\d{2,3})?"), "VN": re.compile(r"\d{5,6}"),
    "MT": re.compile(r"[A-Z]{3}\d{2,4}"),
}  # fmt: skip
_ZIP_COUNTRIES = frozenset((None, "US", "PR", "VI", "GU", "AS", "MP"))
MAX_LENGTH = 40


def postal_code(text: str, country: str | None = None) -> str | None:
    """The form of a postal code, or None if it cannot be one.

    `country` is an ISO 3166 code. Without it, or in a country whose form is not known, everything that has a
    digit is a postal code, and no zero comes back.
    """
    if country == "US" and len(text) == 5 and text != "00000" and _PLAIN.fullmatch(text):
        return text
    return _read(text, country) if len(text) <= MAX_LENGTH else None


@lru_cache(4096)
def _read(text: str, country: str | None) -> str | None:
    if text.strip().startswith(_JAPANESE):
        text, country = text.strip().removeprefix(_JAPANESE), country or "JP"
    if country in _STATE_AND_CODE:
        text = _without_state(text, country)
    plain, sign = without_marks(text)
    if country is not None and sign is not None and country not in (sign, *_SHARED.get(sign, ())):
        return _contradicted(text, country)
    country = country or sign
    zip_4 = _ZIP_4.fullmatch(plain) if country in _ZIP_COUNTRIES else None
    # Nine digits may be a code of another country, so without a country only a hyphen says ZIP+4.
    if zip_4 is not None and (country is not None or len(zip_4[1] or "") == 5):
        return (zip_4[1] or zip_4[2]).zfill(5)
    compact = _SEPARATORS.sub("", plain)
    if country in _DIGITS:
        return _of_digits(compact, *_DIGITS[country])
    if country in _LETTERED:
        return _spaced(_LETTERED[country].fullmatch(compact))
    if country in _OTHER:
        return compact if _OTHER[country].fullmatch(compact) else None
    if compact.isdigit():
        return compact
    return _of_any_country(compact) or (" ".join(plain.split()) if any(map(str.isdigit, plain)) else None)


def _without_state(text: str, country: str) -> str:
    """The code in `MA 02139` and `NSW 2000`."""
    found = _STATE_AND_CODE[country].fullmatch(text.strip())
    return found[2] if found is not None and read_state(found[1], country) is not None else text


def _contradicted(text: str, country: str) -> str | None:
    """A code after the sign of another country. In some countries the letter is a part of the code."""
    plain = _without_additions(text)
    if country in _OTHER:
        compact = _SEPARATORS.sub("", plain)
        return compact if _OTHER[country].fullmatch(compact) else None
    known = country in _DIGITS or country in _LETTERED
    return None if known or _SEPARATORS.search(plain) else plain


def digits_of(country: str | None) -> int | None:
    """How many digits the codes of a country have, if they are of digits only and their length is known."""
    return _DIGITS[country][0] if country in _DIGITS else None


def postal_beginning(text: str) -> str:
    """The beginning of a postal code, for a comparison of prefixes. Digits stand without separators."""
    plain, _ = without_marks(text)
    compact = _SEPARATORS.sub("", plain)
    return compact if compact.isdigit() else text


def without_marks(text: str) -> tuple[str, str | None]:
    """The text in upper case without what files add, and the country that stands before it."""
    plain = _without_additions(text)
    sign = _COUNTRY.match(plain)
    if sign is None:
        return plain, None
    code = _PREFIXES.get(sign[1]) or (sign[1] if sign[1] in _DIGITS or sign[1] == "NL" else None)
    rest = plain[sign.end() :]
    compact = _SEPARATORS.sub("", rest)
    # E1 and N1 are British areas, so a country stands before a separator or before a whole code.
    short = sign[0] == sign[1] and len(compact) < 4
    if code is None or short or (code != "NL" and not compact.isdigit()):
        return plain, None
    return rest, code


def _without_additions(text: str) -> str:
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _END.sub("", _MARK.sub("", plain.strip())).strip().upper()


def _of_digits(compact: str, length: int, least: int) -> str | None:
    if not compact.isdigit() or not least <= len(compact) <= length or not compact.strip("0"):
        return None
    return compact.zfill(length)


def _of_any_country(compact: str) -> str | None:
    """A whole British, Canadian, Irish or Dutch code. Their forms cannot be mistaken."""
    for form in (_BRITISH, _CANADIAN, _IRISH, _DUTCH):
        found = form.fullmatch(compact)
        if found is not None and found[2]:
            return _spaced(found)
    return None


def _spaced(found: re.Match[str] | None) -> str | None:
    if found is None:
        return None
    return f"{found[1]} {found[2]}" if found[2] else found[1]
