"""Whether a lead can be reached as it says, and whether what it says about its place agrees."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import phonenumbers

from app.intake.mail_domains import mail_classes
from app.intake.mailboxes import email_key, is_role_address
from app.values.countries import COUNTRIES
from app.values.postal_codes import postal_code, without_marks
from app.values.postal_states import states_of_postal_code
from app.values.states import STATE_COUNTRIES, read_state

VALID, INVALID, MISSING, IMPLAUSIBLE = "valid", "invalid", "missing", "implausible"
ROLE = "role"
_NO_COUNTRY = "001"
"""What the numbering plan calls a number of no country."""
_FULL_STATE = 3
_LETTERED = ("GB", "CA", "NL")
"""Countries whose postal codes have letters in places of their own, so that the code alone tells them."""


def quality_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields `contact`, `geo_conflict` and `geo_conflict_parts` of a normalized lead.

    What is kept under `unreadable` says nothing: a readable value stands beside it.
    """
    aside = values.get("unreadable") or {}
    flags = values.get("flags") or ()
    conflicts = list(geo_conflicts(values))
    found: dict[str, Any] = {
        "contact": {
            "email": _email(values, () if "email" in aside else flags),
            "email_flags": _email_flags(values, () if "email" in aside else flags),
            "phone": _phone(values, () if "phone" in aside else flags),
        },
        "geo_conflict": bool(conflicts),
    }
    return {**found, "geo_conflict_parts": conflicts} if conflicts else found


def as_company_mail(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a lead whose e-mail domain is that of its named account.

    Such a domain is the company's, whatever the lists say.
    """
    contact = values.get("contact")
    if not contact or all(flag == ROLE for flag in contact["email_flags"]):
        return values
    flags = [flag for flag in contact["email_flags"] if flag == ROLE]
    values = {**values, "contact": {**contact, "email_flags": flags}}
    if "junk_parts" in values:
        values["junk_parts"] = [part for part in values["junk_parts"] if part != "disposable_email"]
    return values


def _email(values: Mapping[str, Any], flags: Collection[str]) -> str:
    if not values.get("email"):
        return MISSING
    return INVALID if "email_malformed" in flags else VALID


def _email_flags(values: Mapping[str, Any], flags: Collection[str]) -> list[str]:
    domain = values.get("email_domain")
    if not domain or "email_malformed" in flags:
        return []
    classes = mail_classes(domain)
    address = values.get("email")
    return [ROLE, *classes] if address and is_role_address(email_key(address)) else list(classes)


def _phone(values: Mapping[str, Any], flags: Collection[str]) -> str:
    if not values.get("phone"):
        return MISSING
    if "phone_implausible" in flags:
        return IMPLAUSIBLE
    return INVALID if "phone_malformed" in flags else VALID


def geo_conflicts(values: Mapping[str, Any]) -> Iterator[str]:
    """The fields that name another place than the country does: state, postal code, phone.

    Without a country the state stands in for it, and without both the phone. What could not be read, and what
    fits several countries, contradicts nothing.
    """
    state, code, phone = values.get("state"), values.get("postal_code"), values.get("phone")
    if state is None and code is None and phone is None:
        return
    country = values.get("country")
    if country not in COUNTRIES:
        country = None
    state_country, state_code = _state(state, country)
    if country is not None and state_country is not None and state_country != country:
        yield "state"
    base = country or state_country
    callers = _countries_of_phone(phone) if isinstance(phone, str) and phone.startswith("+") else ()
    bases = (base,) if base is not None else callers
    if code is not None and bases and not any(_fits(code, each, state_code, callers) for each in bases):
        yield "postal_code"
    if base is not None and callers and base not in callers:
        yield "phone"


def _state(state: Any, country: str | None) -> tuple[str | None, str | None]:
    """The country and the code of a state, as far as they are known."""
    if not isinstance(state, str):
        return None, None
    if country in STATE_COUNTRIES and read_state(state, country) is not None:
        return country, state
    elsewhere = read_state(state) if country is None or country in STATE_COUNTRIES else None
    if elsewhere is not None and elsewhere[2:_FULL_STATE] == "-":
        return elsewhere[:2], elsewhere[_FULL_STATE:]
    return None, None


def _fits(code: str, country: str, state: str | None, callers: Collection[str]) -> bool:
    """Whether a postal code can be one of this country and this state.

    A typing error is no other country. So a code without the form of its country contradicts it only if it
    has the sign or the letters of another one, or the form of the phone's.
    """
    form = postal_code(code, country)
    if form is None:
        lettered = _LETTERED if any(map(str.isalpha, code)) else ()
        others = {*lettered, *callers} - {country}
        sign = without_marks(code)[1]
        return sign in (None, country) and all(postal_code(code, each) is None for each in others)
    states = states_of_postal_code(form, country) if state is not None else None
    return states is None or state in states


@lru_cache(maxsize=4096)
def _countries_of_prefix(prefix: str) -> tuple[str, ...]:
    """The countries that share the calling code at the beginning of these digits."""
    for length in range(1, len(prefix) + 1):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(prefix[:length]))
        if regions is not None:
            return () if regions == (_NO_COUNTRY,) else tuple(regions)
    return ()


def _countries_of_phone(phone: str) -> tuple[str, ...]:
    digits = phone[1:4]
    return _countries_of_prefix(digits) if digits.isdecimal() and digits.isascii() else ()
