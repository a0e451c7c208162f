"""Accounts as decisions see them, and the one function that matches a lead to its account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

MatchedBy = Literal["crm", "email_domain", "website_domain"]
_NAMED = "named"
MAX_PARENTS = 8
"""How many levels of parents are read."""
OWNER = "owner"
"""The role of the account's own owner."""


def is_named_account(tier: str | None) -> bool:
    """Whether accounts of this tier can be found by a free email domain. The case does not matter."""
    return tier is not None and tier.casefold() == _NAMED


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A key that can find a lead's account. `free_email_domain` marks a domain of a free email provider."""

    kind: Literal["crm", "domain"]
    value: str
    matched_by: MatchedBy
    free_email_domain: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A company: its owners by role, and its status as a customer."""

    id: str
    name: str | None = None
    parent: str | None = None
    tier: str | None = None
    owner: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    customer_status: str | None = None
    open_opportunity: Any = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    crm: Mapping[str, str] = field(default_factory=dict)

    def in_role(self, role: str) -> str | None:
        """The owner in this role."""
        return (self.owner or self.roles.get(OWNER)) if role == OWNER else self.roles.get(role)

    @property
    def has_owner(self) -> bool:
        """Whether the account names an owner in any role."""
        return self.owner is not None or bool(self.roles)

    def fields(self) -> dict[str, Any]:
        """The account as conditions and texts see it. Missing values are left out."""
        fields = {name: getattr(self, name) for name in type(self).__slots__}
        return {name: value for name, value in fields.items() if value not in (None, {})}


_CANDIDATE_KEYS = ("account", "matched_by", "code")
"""The keys of a candidate in the trace. Stored candidates have another order, and traces must not differ."""


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """The account of a lead, or None, and every account that was considered.

    `parents` start with the nearest. Every candidate has a code.
    """

    account: Account | None
    matched_by: MatchedBy | None = None
    parents: Sequence[Account] = ()
    candidates: Sequence[Mapping[str, str]] = ()

    def to_trace(self) -> dict[str, Any]:
        """The entry of the trace."""
        return {
            "id": self.account.id if self.account else None,
            "matched_by": self.matched_by,
            "candidates": [{name: each[name] for name in _CANDIDATE_KEYS} for each in self.candidates],
        }


AccountHits = Sequence[tuple[AccountKey, Sequence[Account]]]
"""The accounts found by each key. The keys are in order of priority."""


def match_account(found: AccountHits, accounts: Mapping[str, Account]) -> AccountMatch | None:
    """The account a lead belongs to. None when its keys find nothing.

    The first key with a usable account decides. Of its accounts, those with an owner come first, then the
    lowest id. `accounts` holds the parents.
    """
    chosen: Account | None = None
    matched_by: MatchedBy | None = None
    candidates: list[dict[str, str]] = []
    for key, of_key in found:
        decides = chosen is None
        for each in sorted(of_key, key=lambda one: (not one.has_owner, one.id)):
            if key.free_email_domain and not is_named_account(each.tier):
                code = "free_email_domain"
            elif chosen is None:
                chosen, matched_by, code = each, key.matched_by, "chosen"
            else:
                code = "lower_ranked" if decides else "lower_priority_key"
            candidates.append({"account": each.id, "matched_by": key.matched_by, "code": code})
    if not candidates:
        return None
    parents = parents_of(chosen, accounts) if chosen is not None else ()
    return AccountMatch(chosen, matched_by, parents, tuple(candidates))


def parents_of(account: Account, accounts: Mapping[str, Account]) -> tuple[Account, ...]:
    """The parents of an account, the nearest first. A cycle ends where it would repeat."""
    line: list[Account] = []
    seen, at = {account.id}, account
    while at.parent is not None and at.parent not in seen and len(line) < MAX_PARENTS:
        parent = accounts.get(at.parent)
        if parent is None:
            break
        seen.add(parent.id)
        line.append(parent)
        at = parent
    return tuple(line)


def account_from(id_: str, body: Mapping[str, Any]) -> Account:
    """An account out of its record."""
    opened = body.get("open_opportunity")
    return Account(
        id=id_,
        name=body.get("name"),
        parent=body.get("parent"),
        tier=body.get("tier"),
        owner=body.get("owner"),
        roles=body.get("roles") or {},
        customer_status=body.get("customer_status"),
        open_opportunity=None if opened is False else opened,
        attributes=body.get("attributes") or {},
        crm=body.get("crm") or {},
    )
