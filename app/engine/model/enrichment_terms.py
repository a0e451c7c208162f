"""What a plan says about enrichment, ready to use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.plan.document.enrichment import ACCOUNTS, OF_ACCOUNTS, Enrichment


@dataclass(frozen=True, slots=True)
class ProviderTerms:
    """How one provider is asked. `name` is its name in decisions, `fill` leads from fields to its answer."""

    provider: str
    name: str
    fill: Mapping[str, str]
    timeout: float
    cache: timedelta
    cache_empty: timedelta
    max_failures: int
    open_for: timedelta
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EnrichmentTerms:
    """Who is asked, in order of precedence, and how many seconds a lead waits for all.

    `accounts` are the fields that are filled from the account of a lead, and where each stands there.
    `accounts_name` is the origin of such fields. `recheck` is after how long a lead is decided again that was
    decided without a provider.
    """

    deadline: float
    providers: tuple[ProviderTerms, ...]
    accounts: Mapping[str, str]
    accounts_name: str
    recheck: timedelta | None = None


def enrichment_terms(written: Enrichment | None) -> EnrichmentTerms | None:
    """The terms of a plan; None if it asks nobody."""
    if written is None:
        return None
    account = next((entry for entry in written.providers if entry.provider == ACCOUNTS), None)
    return EnrichmentTerms(
        deadline=written.deadline.total_seconds(),
        providers=tuple(
            ProviderTerms(
                entry.provider,
                entry.shown,
                entry.fill,
                entry.timeout.total_seconds(),
                entry.cache,
                entry.cache_empty,
                entry.max_failures,
                entry.open_for,
                entry.settings,
            )
            for entry in written.providers
            if entry.provider != ACCOUNTS
        ),
        accounts=(account.fill or OF_ACCOUNTS) if account is not None else {},
        accounts_name=account.shown if account is not None else ACCOUNTS,
        recheck=written.recheck,
    )
