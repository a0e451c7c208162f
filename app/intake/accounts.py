"""The keys by which a lead and its account find each other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.engine.model.accounts import AccountKey, MatchedBy, account_from, is_named
from app.intake.domains import is_free_mail, registrable
from app.intake.website import website_domain


@dataclass(frozen=True, slots=True)
class AccountKeyRow:
    """A key as it is stored with its account. Of several accounts the lower `rank` comes first."""

    kind: Literal["crm", "domain"]
    value: str
    rank: int


FIRST, UNATTENDED, OUTRANKED = range(3)
"""Somebody looks after the account; nobody does; it does not count for a domain of free mail."""


def keys_of_account(id_: str, body: Mapping[str, Any]) -> list[AccountKeyRow]:
    """What an account is found by: its ids in CRMs, and the registrable domain of each of its domains."""
    account = account_from(id_, body)
    rank = FIRST if account.looked_after else UNATTENDED
    keys = {AccountKeyRow("crm", value, rank) for value in account.crm.values()}
    for domain in domains_of(body):
        outranked = is_free_mail(domain) and not is_named(account.tier)
        keys.add(AccountKeyRow("domain", domain, OUTRANKED if outranked else rank))
    return sorted(keys, key=lambda key: (key.kind, key.value))


def domains_of(body: Mapping[str, Any]) -> Iterator[str]:
    """The registrable domains of an account's record."""
    for written in body.get("domains") or ():
        domain = registrable(website_domain(written) or "")
        if domain is not None:
            yield domain


def keys_of_lead(values: Mapping[str, Any]) -> tuple[AccountKey, ...]:
    """What a lead's account may be found by, in the order it counts: CRM, e-mail, website.

    `values` are those intake made. A domain counts once, where it stands first.
    """
    keys: dict[tuple[str, str], AccountKey] = {}
    crm = values.get("crm", {}).get("account_id")
    if crm:
        keys["crm", crm] = AccountKey("crm", crm, "crm")
    hosts: tuple[tuple[str, MatchedBy], ...] = (
        ("email_domain", "email_domain"),
        ("website_domain", "website_domain"),
    )
    for name, matched_by in hosts:
        domain = registrable(values.get(name, ""))
        if domain is not None and ("domain", domain) not in keys:
            keys["domain", domain] = AccountKey("domain", domain, matched_by, is_free_mail(domain))
    return tuple(keys.values())
