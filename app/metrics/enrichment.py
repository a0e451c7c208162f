"""What is measured of providers of enrichment, which are named as they are installed."""

from prometheus_client import Counter, Histogram
from prometheus_client.registry import CollectorRegistry

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class EnrichmentMetrics:
    """Calls to providers, and questions that need no call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._enrichment_calls = Counter(
            "lead_assignment_enrichment_calls_total",
            "Calls to providers of enrichment, by provider and by what became of them.",
            ["provider", "outcome"],
            registry=registry,
        )
        self._enrichment_call_seconds = Histogram(
            "lead_assignment_enrichment_call_seconds",
            "Time of a call to a provider of enrichment.",
            ["provider"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._enrichment_kept = Counter(
            "lead_assignment_enrichment_kept_total",
            "Questions to providers that a kept answer, or a breaker, settled without a call.",
            ["provider", "outcome"],
            registry=registry,
        )

    def called(self, provider: str, outcome: str, seconds: float) -> None:
        """Counts a call to a provider of enrichment, and its time."""
        self._enrichment_calls.labels(provider, outcome).inc()
        self._enrichment_call_seconds.labels(provider).observe(seconds)

    def not_called(self, provider: str, outcome: str) -> None:
        """Counts a question to a provider of enrichment that was settled without a call."""
        self._enrichment_kept.labels(provider, outcome).inc()
