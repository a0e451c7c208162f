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


@dataclass(frozen=True, slots=True)
class Address:
    """An email address in lower case, with the domain in its ASCII form."""

    whole: str
    domain: str


def read_mailbox(text: str) -> tuple[str, str]:
    """The address and the name of a mailbox, such as `"Mara Lind" <mara@kunde.example>`.

    A plain address has an empty name. What a paste leaves around it is no part of it.
    """
    text = text.strip(_AROUND)
    if "<" not in text and ":" not in text:
        return text, ""
    found = _MAILBOX.fullmatch(text)
    if found is None:
        return text, ""
    name = (found["name"] or "").strip().strip("\"'").replace('\\"', '"').strip()
    return found["address"], "" if "@" in name else name


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
    number = _with_prefix(text, region) if _INTERNATIONAL_PREFIX.match(text) else _possible(text, region)
    if number is None:
        return Phone(None, is_made_up(text, region) or _is_too_short(text, region))
    national = phonenumbers.national_significant_number(number)
    whole = f"+{number.country_code}{national}"
    e164 = f"{whole};ext={number.extension}" if number.extension else whole
    return Phone(e164, is_made_up(text, region) or is_implausible(number.country_code, national))


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
