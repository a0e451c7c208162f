"""Accounts as decisions see them. `app.intake.account_match` finds the account of a lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

MatchedBy = Literal["crm", "email_domain", "website_domain", "name"]
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
    """A key that can find a lead's account. `free_email_domain` marks a domain of a free email provider.

    The kind `id` names an account that was found by its name before the lock, by the names `seen` then.
    """

    kind: Literal["crm", "domain", "id"]
    value: str
    matched_by: MatchedBy
    free_email_domain: bool = False
    seen: str = ""


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """How a plan matches leads to accounts. See `app.plan.document.accounts.Accounts`."""

    threshold: float = 0.85
    prefer_parent: bool = False
    conflict: Literal["domain", "name"] | None = None
    domain_only: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A company: its owners by role, and its status as a customer.

    `aliases`, `domains`, `phone` and `successor` only serve to find it; decisions do not see them.
    """

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
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    agency: bool = False
    aliases: Sequence[str] = ()
    domains: Sequence[str] = ()
    phone: str | None = None
    successor: str | None = None

    def in_role(self, role: str) -> str | None:
        """The owner in this role."""
        return (self.owner or self.roles.get(OWNER)) if role == OWNER else self.roles.get(role)

    @property
    def has_owner(self) -> bool:
        """Whether the account names an owner in any role."""
        return self.owner is not None or bool(self.roles)

    def fields(self) -> dict[str, Any]:
        """The account as conditions and texts see it. Missing values are left out."""
        fields = {name: getattr(self, name) for name in type(self).__slots__ if name not in _HIDDEN}
        return {name: value for name, value in fields.items() if value not in (None, {}, False)}


_HIDDEN = frozenset(("aliases", "domains", "phone", "successor"))
CANDIDATE_KEYS = ("account", "matched_by", "code", "successor", "score", "parts")
"""The keys of a candidate in the trace. Stored candidates have another order, and traces must not differ."""


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """The account of a lead, or None, and every account that was considered.

    - `parents` start with the nearest.
    - Every candidate has a code; where accounts were compared, also its score and the parts of it.
    - `rule` is what decided where more than one account could be it, `review` that nothing could.
    """

    account: Account | None
    matched_by: MatchedBy | None = None
    parents: Sequence[Account] = ()
    candidates: Sequence[Mapping[str, Any]] = ()
    review: bool = False
    rule: str | None = None

    def to_trace(self) -> dict[str, Any]:
        """The entry of the trace."""
        trace: dict[str, Any] = {
            "id": self.account.id if self.account else None,
            "matched_by": self.matched_by,
            "candidates": [
                {name: each[name] for name in CANDIDATE_KEYS if name in each} for each in self.candidates
            ],
        }
        if self.rule is not None:
            trace["rule"] = self.rule
        if self.review:
            trace["review"] = True
        return trace

    def found_by_name(self) -> tuple[str, ...]:
        """The ids of the candidates that were found by their names."""
        return tuple(each["account"] for each in self.candidates if each["matched_by"] == "name")


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of some keys, by kind and value, and all that they name as parent or successor."""

    of_key: Mapping[tuple[str, str], Sequence[Account]] = field(default_factory=dict)
    above: Mapping[str, Account] = field(default_factory=dict)

    def joined(self, more: "Accounts") -> "Accounts":
        """These accounts and more of them."""
        return Accounts({**self.of_key, **more.of_key}, {**self.above, **more.above})


def successor_of(account: Account, accounts: Mapping[str, Account]) -> Account:
    """The account that stands for this one today. A chain that is broken or too long ends where it is."""
    seen, at = {account.id}, account
    while at.successor is not None and at.successor not in seen and len(seen) <= MAX_PARENTS:
        following = accounts.get(at.successor)
        if following is None:
            break
        seen.add(following.id)
        at = following
    return at


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
        city=body.get("city"),
        postal_code=body.get("postal_code"),
        country=body.get("country"),
        agency=bool(body.get("agency")),
        aliases=body.get("aliases") or (),
        domains=body.get("domains") or (),
        phone=body.get("phone"),
        successor=body.get("successor"),
    )
