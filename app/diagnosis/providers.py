"""Providers of enrichment that do not accept our key."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from app.diagnosis.findings import Effect, Fact, Kind, Subject
from app.store.enrichment.open_breakers import FailingProvider


def denied(providers: Iterable[FailingProvider], now: datetime) -> Iterator[Fact]:
    """The providers that refused the last call because of who asked."""
    for each in providers:
        if each.denied:
            hours = max(0.0, (now - each.failed_at) / timedelta(hours=1))
            yield Fact(
                code="provider_denied",
                subject=Subject(Kind.PROVIDER, each.provider),
                text=f"The provider `{each.provider}` does not accept our calls (`{each.code}`), so leads "
                "are decided without it.",
                effect=Effect("refused_calls", "calls", each.failures),
                look_at="The secret (`PUT /enrichment/secrets/{id}`), and the account with the provider.",
                evidence={"code": each.code, "failures": each.failures, "hours_since_last": hours},
            )
