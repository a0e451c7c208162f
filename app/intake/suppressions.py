"""What a suppression list can hold of a lead, and how entries are written.

Entries are compared in one form: an address or a domain in lower case and ASCII, without a name and without a
final dot; a phone number in E.164 without its extension.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.engine.model.accounts import Account
from app.engine.model.lead_keys import SuppressionKey
from app.intake.contact import Address, parse_email, read_mailbox, read_phone
from app.intake.domains import is_public_suffix, registrable
from app.intake.mail_domains import is_free_mail, is_relay
from app.intake.mailboxes import email_key
from app.intake.website import website_domain

CUSTOMERS = frozenset(("trial", "active", "lapsed"))
"""The values of `customer_status` of accounts whose domain is never suppressed."""
KINDS = ("email", "domain", "phone")
EntryKind = Literal["email", "domain", "phone"]

_HEX = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", re.I)
_NAMED_HASH = re.compile(r"(?:hash|md5|sha-?(?:1|224|256|384|512)|hmac[a-z0-9-]*)[:=$].+", re.I)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{43}=|[A-Za-z0-9+/_-]{86}==)")
_NUMBER = re.compile(r"[+(]?[0-9][0-9 ()/.-]*")
_EVERYBODY = re.compile(r"\*?@|\*\.")
"""What some write before a domain: all addresses, all hosts of it."""
_MAX_LABELS = 20


class EntryRefused(Exception):
    """What was sent cannot be an entry. It has a code and a message, and none of what was sent."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class SuppressionChoice:
    """What is suppressed. `code` says why it is the address although the plan asks for the domain."""

    key: SuppressionKey
    code: Literal["free_mail", "customer_account"] | None = None


def suppression_keys(values: Mapping[str, Any]) -> tuple[SuppressionKey, ...]:
    """The address, the phone number and the domains of a lead, as far as it has them.

    An address that intake could not read counts too, as far as it can be read without its final dot. Of any
    other the domain counts, so that `a@@rival.example` is nobody else's.
    """
    keys: list[SuppressionKey] = []
    sent = values.get("email")
    domain: str | None = None
    if sent:
        domain = values.get("email_domain")
        address = sent if domain else None
        if address is None and (found := _address(sent)) is not None:
            address, domain = found.whole, found.domain
        if address is not None:
            keys.append(SuppressionKey("email", email_key(address)))
        elif "@" in sent:
            domain = website_domain(sent.rpartition("@")[2])
    phone = values.get("phone")
    if phone and phone.startswith("+"):
        keys.append(SuppressionKey("phone", _without_extension(phone)))
    if domain:
        keys += domain_keys(domain)
    return tuple(keys)


def domain_keys(domain: str) -> list[SuppressionKey]:
    """The entries that cover a domain."""
    return [SuppressionKey("domain", each) for each in _domains(domain)]


def read_entry(text: str, kind: EntryKind | None = None, country: str | None = None) -> SuppressionKey:
    """An entry of a list as somebody wrote it. Without a `kind` its form tells.

    `country` is that of a phone number without a prefix. Raises EntryRefused.
    """
    text = text.strip()
    if _HEX.fullmatch(text) or _NAMED_HASH.fullmatch(text) or _BASE64.fullmatch(text):
        raise EntryRefused(
            "hash_refused", "must be the value itself, not a hash of it: what was hashed cannot be known"
        )
    if kind is None:
        kind = "phone" if _NUMBER.fullmatch(text) else "email" if _is_mailbox(text) else "domain"
    if kind == "email" and text.startswith(("@", "*@")):
        kind = "domain"
    if kind == "email":
        address = _address(text)
        if address is None:
            raise EntryRefused("invalid_format", "must be an e-mail address")
        return SuppressionKey("email", email_key(address.whole))
    return SuppressionKey("domain", _domain(text)) if kind == "domain" else _phone(text, country)


def domain_of(values: Mapping[str, Any]) -> str | None:
    """The registrable domain of a lead's address."""
    return registrable(values.get("email_domain") or "")


def choose_suppression(
    wanted: str, values: Mapping[str, Any], accounts: Collection[Account]
) -> SuppressionChoice | None:
    """What to suppress of a lead: its address, or its domain where that blocks nobody else's leads.

    `accounts` are the accounts of the domain. None for a lead without an address.
    """
    address, domain = values.get("email"), domain_of(values)
    if not address:
        return None
    whole = SuppressionKey("email", email_key(address))
    if wanted == "email" or domain is None:
        return SuppressionChoice(whole)
    if is_free_mail(domain) or is_relay(values.get("email_domain") or ""):
        return SuppressionChoice(whole, "free_mail")
    if any(account.customer_status in CUSTOMERS for account in accounts):
        return SuppressionChoice(whole, "customer_account")
    return SuppressionChoice(SuppressionKey("domain", domain))


def _address(text: str) -> Address | None:
    address, _ = read_mailbox(text)
    return parse_email(address.rstrip(". "))


def _domains(host: str) -> Iterator[str]:
    """The host, and the domains above it down to the registrable one."""
    last = registrable(host)
    for _ in range(_MAX_LABELS):
        yield host
        if last is None or host == last or "." not in host:
            return
        host = host.partition(".")[2]
    if last is not None:
        yield last


def _is_mailbox(text: str) -> bool:
    """Whether an address is meant, and no page of a website, which may have a login."""
    return "@" in text[1:] and "://" not in text


def _domain(text: str) -> str:
    """The domain of an entry: of a host, of a website, or of all addresses of a company."""
    begin = _EVERYBODY.match(text)
    text = text[begin.end() :] if begin is not None else text
    host = website_domain(text) if not _is_mailbox(text) else None
    found = parse_email(f"x@{host}") if host else None
    if found is None or registrable(found.domain) is None:
        raise EntryRefused(
            "invalid_format", "must be a domain, such as rival.example; it covers its subdomains"
        )
    if is_public_suffix(found.domain):
        raise EntryRefused(
            "public_suffix", "must not be a public suffix: everybody below it would be blocked"
        )
    return found.domain


def _phone(text: str, country: str | None) -> SuppressionKey:
    number = read_phone(text, country).e164
    if number is None:
        raise EntryRefused(
            "invalid_format", "must be a phone number, with its country code or beside a country"
        )
    return SuppressionKey("phone", _without_extension(number))


def _without_extension(number: str) -> str:
    return number.partition(";")[0]
