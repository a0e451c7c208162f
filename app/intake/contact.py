"""E-mail addresses and telephone numbers in the one form by which a person is known again.

What is not well formed gives None: the caller keeps it as sent. No network is asked.
"""

import re
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, ValidationResult

# Most addresses are this plain, and then need nothing of the validator, which takes ten times as long. Labels
# with two hyphens may be encoded, and reserved names are refused there: both are left to it.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{{2,63}})")
_RESERVED = re.compile(r"\.(?:arpa|invalid|local|localhost|onion)$")

_ABROAD = re.compile(r"[\s(]*00")


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address: `whole` in lower case with the domain in its ASCII form, and that domain."""

    whole: str
    domain: str


def address(text: str) -> Address | None:
    """The address, or None when it breaks RFC 5321 or its domain is not one for mail.

    Case is dropped from the local part too: no provider that matters tells `Jane` from `jane`. Plus-tags and
    dots stay, because whether they mean the same person differs between providers.
    """
    plain = _PLAIN.fullmatch(text.lower()) if text.isascii() else None
    if plain and len(text) <= 254 and not _RESERVED.search(plain[2]):
        labels = plain[2].split(".")
        if len(plain[1]) <= 64 and all(len(label) <= 63 for label in labels):
            return Address(plain[0], plain[2])
    return _checked(text)


def _checked(text: str) -> Address | None:
    try:
        # `test_environment` lets .test be a name like any other.
        found = validate_email(
            text,
            check_deliverability=False,
            allow_quoted_local=True,
            allow_domain_literal=True,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError:
        return None
    domain = (found.ascii_domain or found.domain).lower()
    return Address(f"{found.local_part.casefold()}@{domain}", domain)


def telephone(text: str, region: str | None) -> str | None:
    """The number in E.164, or None when it cannot be one; `region` is the country of a number without prefix.

    An extension is kept (`;ext=`, RFC 3966): colleagues behind one switchboard are not one person. A number
    that only works locally, without its area code, is not enough to know anybody by.
    """
    number = _from_abroad(text, region) if _ABROAD.match(text) else _possible(text, region)
    if number is None:
        return None
    whole = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    return f"{whole};ext={number.extension}" if number.extension else whole


def _from_abroad(text: str, region: str | None) -> PhoneNumber | None:
    """Reads 00 as +, as most of the world does, unless that begins the region's own way abroad (0011)."""
    at_home = _possible(text, region)
    if at_home and at_home.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return at_home
    return _possible(_ABROAD.sub("+", text, count=1), None) or at_home


def _possible(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except NumberParseException:
        return None
    lengths = phonenumbers.is_possible_number_with_reason(number)
    return number if lengths == ValidationResult.IS_POSSIBLE else None
