"""Parses email addresses and phone numbers into the form that identifies a lead.

Malformed input returns None, and the caller keeps it as sent. No network is used.
"""

import re
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, ValidationResult

from app.intake.domains import is_top_level
from app.intake.implausible_phones import is_implausible, is_made_up

# Most addresses are plain and do not need the validator, which takes ten times as long. It still gets labels
# with two hyphens, which can be encoded, and reserved names, which it refuses.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{{2,63}})")
_RARE = re.compile(rf'({_ATOM}(?:\.{_ATOM})*|"")@([a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*)')
_RESERVED = re.compile(r"\.(?:arpa|invalid|local|localhost|onion)$")

_AROUND = " ;,\t\u200b\u200c\u200d\u2060\ufeff"
_MAILBOX = re.compile(
    r"\s*(?:mailto:|(?P<name>[^<>]*)<(?:mailto:)?)\s*(?P<address>[^<>\s]+)\s*>?\s*", re.IGNORECASE
)
_INTERNATIONAL_PREFIX = re.compile(r"[\s(]*00")
_WIDE = str.maketrans("＠．。", "@..")
"""What input methods of East Asia write in addresses."""
_TAIL = re.compile(r"\s+\([^()@]*\)$|\?(?:subject|body|cc|bcc)=.*$", re.IGNORECASE | re.DOTALL)
_SEVERAL = re.compile(
    r"[^\s;,/|]+@[^\s;,/|@]+(?=[\s;,/|]+(?:or |oder |ou |and |und |et |y |o )?[^\s;,/|]+@)", re.IGNORECASE
)
_LONGEST_MAILBOX = 400
_SCIENTIFIC = re.compile(r"\s*([0-9])[.,]([0-9]{1,20})e\+?([0-9]{1,2})\s*", re.IGNORECASE)
"""How programs that take a phone number for an amount write it."""
_ROUNDED = 1
"""Zeros at the end that such a program leaves out, at most. With more, digits are lost."""
_PLUS_PREFIX = re.compile(r"^\s*\+\s*00")
_EXTENSION = re.compile(
    r"[\s,;]*\b(?:durchwahl|dw|nebenstelle|poste|interno|anexo|ramal|toestel|wewn\.?|apparat)[\s:.]*([0-9]{1,7})$",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"\s*\([^()0-9]*\)$|\s+[^\W\d_][^0-9]*$|^[^+(0-9]*[a-z][^+(0-9]*(?=[+(0-9])", re.IGNORECASE
)
_BETWEEN_NUMBERS = re.compile(r"\s[/|]\s|[;,\n]\s*|\s(?:or|oder|ou|und|and|et|y|o)\s", re.IGNORECASE)
_LONGEST = 100
"""Characters of what may be a number with a remark."""
_SHORTEST = 6
"""Digits of the first of several numbers, at least. Fewer are the area code of the one behind it."""


@dataclass(frozen=True, slots=True)
class Address:
    """An email address in lower case, with the domain in its ASCII form."""

    whole: str
    domain: str


def read_mailbox(text: str) -> tuple[str, str]:
    """The address and the name of a mailbox, such as `"Mara Lind" <mara@kunde.example>`.

    A plain address has an empty name. What a paste leaves around it is no part of it. Of several addresses
    the first counts.
    """
    text = text.strip(_AROUND)
    if len(text) <= _LONGEST_MAILBOX:
        text = _one_address(text)
    if "<" not in text and ":" not in text:
        return text, ""
    found = _MAILBOX.fullmatch(text)
    if found is None:
        return text, ""
    name = (found["name"] or "").strip().strip("\"'").replace('\\"', '"').strip()
    return found["address"], "" if "@" in name else name


def _one_address(text: str) -> str:
    if not text.isascii():
        text = text.translate(_WIDE)
    if '"' not in text and (several := _SEVERAL.match(text)) is not None:
        text = several[0]
    if text[:1] == "'" == text[-1:]:
        text = text[1:-1]
    return _TAIL.sub("", text)


def parse_email(text: str) -> Address | None:
    """The address, or None if it violates RFC 5321 or its domain cannot receive mail.

    The local part is lowercased too, because no major provider distinguishes `Jane` from `jane`. Plus tags
    and dots stay, because providers differ in what they mean.
    """
    plain = _PLAIN.fullmatch(text.lower()) if text.isascii() else None
    if plain and len(text) <= 254 and not _RESERVED.search(plain[2]):
        labels = plain[2].split(".")
        if len(plain[1]) <= 64 and all(len(label) <= 63 for label in labels):
            return Address(plain[0], plain[2])
    return _validate(text)


def _validate(text: str) -> Address | None:
    try:
        # `test_environment` allows the domain .test.
        found = validate_email(
            text,
            check_deliverability=False,
            allow_quoted_local=True,
            allow_domain_literal=True,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError:
        return _rarely(text.lower())
    domain = (found.ascii_domain or found.domain).lower()
    return Address(f"{found.local_part.casefold()}@{domain}", domain)


def _rarely(text: str) -> Address | None:
    """Addresses that RFC 5321 allows and the validator refuses: at a top-level domain, and at a numeric one.

    A host without a dot that is no top-level domain lacks its ending.
    """
    found = _RARE.fullmatch(text)
    if found is None or len(text) > 254 or len(found[1]) > 64 or _RESERVED.search(f".{found[2]}"):
        return None
    numeric = "." in found[2] and found[2].rpartition(".")[2].isdigit()
    known = numeric or (found[1] == '""' and "." in found[2]) or is_top_level(found[2])
    return Address(found[0], found[2]) if known else None


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number: in E.164 if it is a possible one, and whether it can be nobody's."""

    e164: str | None
    implausible: bool


def read_phone(text: str, region: str | None) -> Phone:
    """The number, and whether it can be anybody's. `region` is the country of a number without prefix.

    An extension is kept (`;ext=`, RFC 3966), because colleagues share a switchboard. A local number without
    its area code identifies nobody. A number that is too short for its country can be nobody's.
    """
    if (amount := _SCIENTIFIC.fullmatch(text)) is not None:
        digits, places = amount[1] + amount[2], int(amount[3]) + 1
        if len(digits) > places or not 0 <= places - len(digits) <= _ROUNDED:
            return Phone(None, implausible=False)
        text = digits.ljust(places, "0")
    number = _read(text, region) or _read_in_words(text, region)
    if number is None:
        return Phone(None, is_made_up(text, region) or _is_too_short(text, region))
    national = phonenumbers.national_significant_number(number)
    whole = f"+{number.country_code}{national}"
    e164 = f"{whole};ext={number.extension}" if number.extension else whole
    return Phone(e164, is_made_up(text, region) or is_implausible(number.country_code, national))


def _read(text: str, region: str | None) -> PhoneNumber | None:
    if _INTERNATIONAL_PREFIX.match(text):
        return _with_prefix(text, region)
    number = _possible(text, region)
    return number if number is None else _without_plus(text, number) or number


def _without_plus(text: str, number: PhoneNumber) -> PhoneNumber | None:
    """The number with its country prefix but no plus, such as `49 171 2345678`.

    Where numbers inside of the country begin with a zero, one that has none and begins with the country
    prefix is taken to be complete, if it is valid so.
    """
    national, prefix = str(number.national_number), str(number.country_code)
    if (
        number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY
        or number.italian_leading_zero
        or not national.startswith(prefix)
    ):
        return None
    digits = "".join(letter for letter in text if letter.isdecimal())
    region = phonenumbers.region_code_for_country_code(int(prefix))
    if not digits.startswith(prefix) or phonenumbers.ndd_prefix_for_region(region, False) != "0":
        return None
    whole = _possible(f"+{text.strip()}", None)
    return whole if whole is not None and phonenumbers.is_valid_number(whole) else None


def _read_in_words(text: str, region: str | None) -> PhoneNumber | None:
    """A number with a remark, such as `030 901820 (office)`, or the first of several."""
    if len(text) > _LONGEST:
        return None
    first = _BETWEEN_NUMBERS.split(text, maxsplit=1)[0]
    if sum(map(str.isdigit, first)) < _SHORTEST:
        first = text
    tidied = _EXTENSION.sub(r";ext=\1", _PLUS_PREFIX.sub("+", first))
    tidied = _REMARK.sub("", _REMARK.sub("", tidied))
    return _read(tidied, region) if tidied != text else None


def _with_prefix(text: str, region: str | None) -> PhoneNumber | None:
    """Read 00 as +, unless the region uses another prefix for international calls, such as 0011."""
    in_region = _possible(text, region)
    if in_region and in_region.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return in_region
    return _possible(_INTERNATIONAL_PREFIX.sub("+", text, count=1), None) or in_region


def _is_too_short(text: str, region: str | None) -> bool:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as unread:
        return unread.error_type == NumberParseException.TOO_SHORT_NSN
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.TOO_SHORT


def _possible(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except NumberParseException:
        return None
    lengths = phonenumbers.is_possible_number_with_reason(number)
    if lengths == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        # In Canada numbers such as 310-1234 are dialed without an area code everywhere.
        return number if phonenumbers.is_valid_number(number) else None
    return number if lengths == ValidationResult.IS_POSSIBLE else None
