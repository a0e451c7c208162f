"""The keys that match a lead to its account: exact ones, and those by which accounts are found by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.engine.model.accounts import Account, AccountKey, MatchedBy, account_from, is_named_account
from app.intake.domains import registrable
from app.intake.mail_domains import is_free_mail, is_relay
from app.intake.website import website_domain
from app.values.company_names import GENERIC, MAX_LENGTH, CompanyName, company_name
from app.values.crm_ids import crm_id_key


@dataclass(frozen=True, slots=True)
class RankedAccountKey:
    """A stored key of an account. If several accounts share a key, the lowest `rank` comes first."""

    kind: Literal["crm", "domain"]
    value: str
    rank: int


PREFERRED, WITHOUT_OWNER, FREE_MAIL = range(3)
"""Ranks: an account with an owner, one without, and a free mail domain of an account that is not named."""


def keys_of_account(id_: str, body: Mapping[str, Any]) -> list[RankedAccountKey]:
    """The keys of an account: its CRM ids as they are compared, and its registrable domains."""
    account = account_from(id_, body)
    rank = PREFERRED if account.has_owner else WITHOUT_OWNER
    keys = {RankedAccountKey("crm", crm_id_key(id_), rank) for id_ in account.crm.values()}
    for domain in domains_of(body):
        free_mail = is_free_mail(domain) and not is_named_account(account.tier)
        keys.add(RankedAccountKey("domain", domain, FREE_MAIL if free_mail else rank))
    return sorted(keys, key=lambda key: (key.kind, key.value))


def domains_of(body: Mapping[str, Any]) -> Iterator[str]:
    """The registrable domains of an account's record."""
    for given in body.get("domains") or ():
        domain = registrable(website_domain(given) or "")
        if domain is not None:
            yield domain


_NEAR_LETTERS = range(6, 21)
"""How long a word is in which a slip is forgiven that stands alone."""


@dataclass(frozen=True, slots=True)
class NameKey:
    """By what an account is found by its name.

    - `name`: a whole name without its legal form.
    - `word`: one word of it.
    - `near`: its only word that tells companies apart, as it is or with a letter left out. Two words that
      differ by one slip of a finger share one of these.
    """

    kind: Literal["name", "word", "near"]
    value: str


def name_keys_of_account(account: Account) -> list[NameKey]:
    """The keys of an account's name and of its aliases."""
    found: dict[NameKey, None] = {}
    for text in (account.name, *account.aliases):
        found |= dict.fromkeys(name_keys(text, account.country))
    return list(found)


def name_keys(text: object, country: str | None = None) -> list[NameKey]:
    """The keys of a company's name: the whole first, then its words."""
    name = company_name(text, country)
    if name is None:
        return []
    words = dict.fromkeys((*name.tokens(), *(word for word in name.all_words if word not in name.words)))
    return [
        NameKey("name", name.key[:MAX_LENGTH]),
        *(NameKey("word", word) for word in words),
        *(NameKey("near", word) for word in _near(name)),
    ]


def _near(name: CompanyName) -> Iterator[str]:
    apart = [word for word in name.words if word not in GENERIC]
    if len(apart) != 1 or len(apart[0]) not in _NEAR_LETTERS or not apart[0].isalpha():
        return
    word = apart[0]
    yield from dict.fromkeys((word, *(word[:at] + word[at + 1 :] for at in range(len(word)))))


def names_seen(account: Account) -> str:
    """The names by which an account is found, as one text. It changes with them."""
    keys = [each for each in name_keys_of_account(account) if each.kind != "near"]
    return "\n".join(sorted(f"{each.kind}:{each.value}" for each in keys))


def keys_of_lead(values: Mapping[str, Any]) -> tuple[AccountKey, ...]:
    """The keys that match a lead to an account, in order of precedence: CRM id, email domain, website.

    `values` are normalized. A domain that occurs twice counts at its first place.
    """
    keys: dict[tuple[str, str], AccountKey] = {}
    crm = values.get("crm", {}).get("account_id")
    if crm:
        crm_id = crm_id_key(crm)
        keys["crm", crm_id] = AccountKey("crm", crm_id, "crm")
    hosts: tuple[tuple[str, MatchedBy], ...] = (
        ("email_domain", "email_domain"),
        ("website_domain", "website_domain"),
    )
    for name, matched_by in hosts:
        host = values.get(name, "")
        domain = registrable(host)
        if domain is not None and ("domain", domain) not in keys:
            free = is_free_mail(domain) or is_relay(host)
            keys["domain", domain] = AccountKey("domain", domain, matched_by, free)
    return tuple(keys.values())
