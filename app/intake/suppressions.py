"""What a suppression list can hold of a lead."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.engine.model.accounts import Account
from app.engine.model.lead_keys import SuppressionKey
from app.intake.domains import is_free_mail, registrable

CUSTOMERS = frozenset(("trial", "active", "lapsed"))
"""The values of `customer_status` of accounts whose domain is never suppressed."""


@dataclass(frozen=True, slots=True)
class SuppressionChoice:
    """What is suppressed. `code` says why it is the address although the plan asks for the domain."""

    key: SuppressionKey
    code: Literal["free_mail", "customer_account"] | None = None


def suppression_keys(values: Mapping[str, Any]) -> tuple[SuppressionKey, ...]:
    """The address and the registrable domain of a lead, as far as it has an address."""
    address = values.get("email")
    if not address:
        return ()
    domain = domain_of(values)
    keys = (SuppressionKey("email", address),)
    return keys if domain is None else (*keys, SuppressionKey("domain", domain))


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
    whole = SuppressionKey("email", address)
    if wanted == "email" or domain is None:
        return SuppressionChoice(whole)
    if is_free_mail(domain):
        return SuppressionChoice(whole, "free_mail")
    if any(account.customer_status in CUSTOMERS for account in accounts):
        return SuppressionChoice(whole, "customer_account")
    return SuppressionChoice(SuppressionKey("domain", domain))
