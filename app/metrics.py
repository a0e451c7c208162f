"""Metrics for Prometheus. No label ever holds a person, an owner or free text."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from app.logs import lines_dropped
from app.troubles import Troubles

MAX_STEPS = 200
"""Step names come from plans. Beyond this number they are counted as `other`."""
NO_ACTIONS = {"undelivered": 0, "dead": 0, "expired": 0}
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

# The `_created` series would double the number of series, and nobody queries them.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class WorkspaceGauges:
    """The state of one workspace at the moment of a scrape: counts, and ages in seconds."""

    waiting: Mapping[str, int]
    oldest: Mapping[str, float]
    leads: Mapping[str, int]
    received: int
    unaccounted: int
    overdue: float = 0.0
    stranded: Mapping[str, int] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)
    is_copy: bool = False
    clocks_late: float = 0.0
    retention_finished: float = 0.0
    crm_events: Mapping[str, int] = field(default_factory=dict)
    crm_events_oldest: float = 0.0
    targets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


STRANDED = ("inactive", "deleted", "away")
"""Why an owner cannot work their open leads; `away` is without a cover."""


class Metrics:
    """The metrics of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.troubles = Troubles()
        self._worker_seen: float | None = None
        registry.register(_TroubleCounts(self.troubles))
        self._database_up = Gauge(
            "lead_assignment_database_up", "1 while the database answers.", registry=registry
        )
        self._worker_progress = Gauge(
            "lead_assignment_worker_progress_timestamp_seconds",
            "When the worker last made progress, in seconds since 1970; 0 without one.",
            registry=registry,
        )
        self._decisions: dict[int, _Decisions] = {}
        self._requests = Counter(
            "lead_assignment_requests", "HTTP requests.", ["method", "route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "lead_assignment_request_seconds",
            "Time from a request to its response.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._lock_wait_seconds = Histogram(
            "lead_assignment_lock_wait_seconds",
            "Time that a commit group waited for the workspace lock.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._commit_seconds = Histogram(
            "lead_assignment_commit_seconds",
            "Time that a commit group held the workspace lock.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._commit_group_size = Histogram(
            "lead_assignment_commit_group_size", "Jobs in a commit group.", buckets=_SIZES, registry=registry
        )
        self._loop_lag_seconds = Histogram(
            "lead_assignment_event_loop_lag_seconds",
            "How late the event loop ran a timer, four times a second.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.loop_late = self._loop_lag_seconds.observe
        """Takes note of the seconds by which the event loop was late."""
        self._plugin_errors = Counter(
            "lead_assignment_plugin_errors",
            "Verdicts that a plugin failed to give.",
            ["strategy", "kind"],
            registry=registry,
        )
        self._rate_limited = Counter(
            "lead_assignment_requests_rate_limited",
            "Requests that were refused because a key or a workspace called too often.",
            ["limit"],
            registry=registry,
        )
        self._authentications_failed = Counter(
            "lead_assignment_authentications_failed",
            "Requests without a valid API key.",
            ["reason"],
            registry=registry,
        )

        self._clocks = Counter(
            "lead_assignment_sla_clocks", "SLA clocks that a worker looked at.", ["result"], registry=registry
        )

        self._deliveries = Counter(
            "lead_assignment_webhook_deliveries",
            "Genuine deliveries of CRMs.",
            ["kind", "result"],
            registry=registry,
        )
        self._refused_deliveries = Counter(
            "lead_assignment_webhook_refusals",
            "Deliveries that were not genuine.",
            ["kind", "code"],
            registry=registry,
        )
        self._received_events = Counter(
            "lead_assignment_crm_events_received",
            "Events in deliveries of CRMs.",
            ["kind", "result"],
            registry=registry,
        )
        self._processed_events = Counter(
            "lead_assignment_crm_events_processed",
            "Events of CRMs that were looked at.",
            ["kind", "result", "code"],
            registry=registry,
        )
        self._steps_back = Counter(
            "lead_assignment_time_steps_back",
            "How often the time of decisions went back, because the clock had jumped ahead.",
            registry=registry,
        )
        self._not_decided = Counter(
            "lead_assignment_decisions_failed",
            "Requests that could not be decided, by why.",
            ["reason"],
            registry=registry,
        )
        self._attempts = Counter(
            "lead_assignment_delivery_attempts",
            "Messages that were sent to a target, by what became of it.",
            ["result"],
            registry=registry,
        )
        registry.register(_DroppedLines())

    def time_went_back(self) -> None:
        """Counts that the time of decisions went back."""
        self._steps_back.inc()

    def lead_not_decided(self, reason: str) -> None:
        """Counts a request that failed on its own."""
        self._not_decided.labels(reason).inc()

    def rate_limited(self, limit: str) -> None:
        """Counts a request that the rate of a key or a workspace, or a quota, refused."""
        self._rate_limited.labels(limit).inc()

    def database_answered(self, answered: bool) -> None:
        """Notes whether the database answered when it was last asked."""
        self._database_up.set(answered)

    def worker_progressed(self) -> None:
        """Notes that the worker made progress."""
        self._worker_progress.set_to_current_time()
        self._worker_seen = self._clock()

    def worker_silence(self) -> float:
        """Seconds since the worker last made progress; 0 without one."""
        return self._clock() - self._worker_seen if self._worker_seen is not None else 0.0

    def authentication_failed(self, reason: str) -> None:
        """Counts a request without a valid key."""
        self._authentications_failed.labels(reason).inc()

    def delivery_attempted(self, result: str) -> None:
        """Counts an attempt to send a message to a target."""
        self._attempts.labels(result).inc()

    def delivery_received(self, kind: str, result: str) -> None:
        """Counts a genuine delivery."""
        self._deliveries.labels(kind, result).inc()

    def delivery_refused(self, kind: str, code: str) -> None:
        """Counts a delivery that was not genuine."""
        self._refused_deliveries.labels(kind, code).inc()

    def crm_events_received(self, kind: str, new: int, duplicates: int) -> None:
        """Counts the events of a delivery."""
        self._received_events.labels(kind, "new").inc(new)
        self._received_events.labels(kind, "duplicate").inc(duplicates)

    def crm_event_processed(self, kind: str, result: str, code: str | None) -> None:
        """Counts what became of an event."""
        self._processed_events.labels(kind, result, code or "none").inc()

    def clocks_fired(self, results: Mapping[str, int]) -> None:
        """Counts the clocks that were looked at, by what they did."""
        for result, clocks in results.items():
            self._clocks.labels(result).inc(clocks)

    def plugin_failed(self, strategy: str, kind: str) -> None:
        """Counts a verdict that a plugin failed to give, by the name of the installed strategy."""
        self._plugin_errors.labels(strategy, kind).inc()

    def request_finished(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request by the template of its route."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def group_committed(self, jobs: int, waited: float, held: float) -> None:
        """Counts a committed group: its jobs, and how many seconds it waited for the lock and held it."""
        self._commit_group_size.observe(jobs)
        self._lock_wait_seconds.observe(waited)
        self._commit_seconds.observe(held)

    def lead_decided(self, workspace_id: int, outcome: str, step: str | None, code: str) -> None:
        """Counts a decision for its workspace only: step names belong to the workspace."""
        own = self._decisions.get(workspace_id)
        if own is None:
            own = self._decisions[workspace_id] = _Decisions()
        own.count(outcome, step or "none", code)

    def flags_set(self, workspace_id: int, flags: Mapping[str, int]) -> None:
        """Counts the leads of a workspace by flag of intake."""
        own = self._decisions.get(workspace_id)
        if own is None:
            own = self._decisions[workspace_id] = _Decisions()
        for flag, leads in flags.items():
            own.flags.labels(flag).inc(leads)

    def process_exposition(self) -> bytes:
        """The metrics of the process alone, in the Prometheus text format."""
        return generate_latest(self.registry)

    def exposition(self, workspace_id: int, gauges: WorkspaceGauges) -> bytes:
        """The metrics of the process and of one workspace, in the Prometheus text format."""
        own = self._decisions.get(workspace_id)
        decisions = generate_latest(own.registry) if own else b""
        return generate_latest(self.registry) + decisions + generate_latest(_registry_of(gauges))


class _DroppedLines(Collector):
    """Log lines that were dropped. The log counts them itself."""

    def collect(self) -> Iterable[Metric]:
        name = "lead_assignment_log_lines_dropped"
        yield CounterMetricFamily(name, "Log lines that nobody read in time.", value=lines_dropped())


class _TroubleCounts(Collector):
    """The counts of troubles, as a metric."""

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    def collect(self) -> Iterable[Metric]:
        """The one metric."""
        counter = CounterMetricFamily(
            "lead_assignment_troubles", "What went wrong around the service.", labels=["kind"]
        )
        for kind, count in dict(self._troubles.counts).items():
            counter.add_metric([kind], count)
        yield counter


class _Decisions:
    """The decision counters of one workspace."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._steps: set[str] = set()
        self._counter = Counter(
            "lead_assignment_decisions", "Decisions.", ["outcome", "step", "code"], registry=self.registry
        )
        self.flags = Counter(
            "lead_assignment_flagged_leads",
            "Leads with a value that intake could not read or does not trust.",
            ["flag"],
            registry=self.registry,
        )

    def count(self, outcome: str, step: str, code: str) -> None:
        if step not in self._steps:
            if len(self._steps) >= MAX_STEPS:
                step = "other"
            self._steps.add(step)
        self._counter.labels(outcome, step, code).inc()


def _registry_of(gauges: WorkspaceGauges) -> CollectorRegistry:
    registry = CollectorRegistry()
    waiting = Gauge("lead_assignment_queue_leads", "Leads in the queue.", ["queue"], registry=registry)
    oldest = Gauge(
        "lead_assignment_queue_oldest_seconds", "Age of the oldest lead.", ["queue"], registry=registry
    )
    leads = Gauge("lead_assignment_leads", "Leads by state.", ["state"], registry=registry)
    for queue, count in gauges.waiting.items():
        waiting.labels(queue).set(count)
    for queue, age in gauges.oldest.items():
        oldest.labels(queue).set(age)
    for state, count in gauges.leads.items():
        leads.labels(state).set(count)
    Gauge(
        "lead_assignment_held_overdue_seconds",
        "How long the oldest held lead has been due, 0 when none is.",
        registry=registry,
    ).set(gauges.overdue)
    stranded = Gauge(
        "lead_assignment_stranded_leads",
        "Open leads whose owner cannot work them, by why.",
        ["reason"],
        registry=registry,
    )
    for reason in STRANDED:
        stranded.labels(reason).set(gauges.stranded.get(reason, 0))
    actions = Gauge("lead_assignment_actions", "Actions by state.", ["state"], registry=registry)
    for state, count in {**NO_ACTIONS, **gauges.actions}.items():
        actions.labels(state).set(count)
    Gauge(
        "lead_assignment_restored_copy",
        "1 when the database is a copy, on which the worker and the outbox do nothing.",
        registry=registry,
    ).set(gauges.is_copy)
    Gauge(
        "lead_assignment_sla_clocks_overdue_seconds",
        "How long the clock that is due longest has waited for a worker, 0 when none is due.",
        registry=registry,
    ).set(gauges.clocks_late)
    Gauge(
        "lead_assignment_retention_success_timestamp_seconds",
        "When old data was last deleted completely, in seconds since 1970; 0 before the first time.",
        registry=registry,
    ).set(gauges.retention_finished)
    events = Gauge("lead_assignment_crm_events", "Events of CRMs by state.", ["state"], registry=registry)
    for state, count in {"waiting": 0, "failed": 0, **gauges.crm_events}.items():
        events.labels(state).set(count)
    Gauge(
        "lead_assignment_crm_events_oldest_seconds",
        "Age of the event of a CRM that is due first, 0 when none is due.",
        registry=registry,
    ).set(gauges.crm_events_oldest)
    messages = Gauge(
        "lead_assignment_target_messages",
        "Messages to a target by state.",
        ["target", "state"],
        registry=registry,
    )
    breakers = Gauge(
        "lead_assignment_target_open",
        "1 while nothing is sent to a target, because it fails.",
        ["target"],
        registry=registry,
    )
    for target, counts in gauges.targets.items():
        breakers.labels(target).set(counts["open"])
        for state in ("undelivered", "dead", "expired"):
            messages.labels(target, state).set(counts[state])
    Counter("lead_assignment_leads_received", "Leads received.", registry=registry).inc(gauges.received)
    Gauge(
        "lead_assignment_unaccounted_leads",
        "Leads received that are in no state, 0 in normal operation.",
        registry=registry,
    ).set(gauges.unaccounted)
    return registry
