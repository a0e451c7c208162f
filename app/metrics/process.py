"""The metrics of one process."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.engine.model.stored import ENGINE_VERSION
from app.logs import lines_dropped
from app.metrics.counters import Tally, WorkspaceCounters
from app.metrics.enrichment import EnrichmentMetrics
from app.metrics.requests import SECONDS, RequestCounts
from app.troubles import KINDS, Troubles

_LAG_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_DELIVERY_RESULTS = ("stored", "duplicate", "unreadable", "unrecognized", "rate_limited", "not_stored")
_EVENT_RESULTS = ("new", "duplicate")

# The `_created` series would double the number of series, and nobody queries them.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The connections of the pool, at most `most`, and how many requests wait for one."""

    in_use: int
    idle: int
    most: int
    waiting: int


class Metrics:
    """The metrics of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.troubles = Troubles()
        self._worker_seen: float | None = None
        self._worker_at: float | None = None
        self.pool_use: Callable[[], PoolUse | None] = lambda: None
        """How much of the pool is in use, once there is one."""
        registry.register(_TroubleCounts(self.troubles))
        registry.register(_PoolUse(self))
        registry.register(_WorkerProgress(self))
        self._database_up = Gauge(
            "lead_assignment_database_up", "1 while the database answers.", registry=registry
        )
        Gauge(
            "lead_assignment_build_info",
            "The version of the service and of its engine.",
            ["version", "engine_version"],
            registry=registry,
        ).labels(version("lead-assignment"), ENGINE_VERSION).set(1)
        self._workspaces: dict[int, WorkspaceCounters] = {}
        self.requests = RequestCounts()
        registry.register(self.requests)
        self._lock_wait_seconds = Histogram(
            "lead_assignment_lock_wait_seconds",
            "Time that a commit group waited for the workspace lock.",
            buckets=SECONDS,
            registry=registry,
        )
        self._commit_seconds = Histogram(
            "lead_assignment_commit_seconds",
            "Time that a commit group held the workspace lock.",
            buckets=SECONDS,
            registry=registry,
        )
        self._commit_group_size = Histogram(
            "lead_assignment_commit_group_size", "Jobs in a commit group.", buckets=_SIZES, registry=registry
        )
        self._account_lookup_seconds = Histogram(
            "lead_assignment_account_lookup_seconds",
            "Time to look up accounts by name, before the workspace lock.",
            buckets=SECONDS,
            registry=registry,
        )
        self.accounts_looked_up = self._account_lookup_seconds.observe
        """Takes note of the seconds that a look-up of accounts by name took."""
        self.enrichment = EnrichmentMetrics(registry)
        self._loop_lag_seconds = Histogram(
            "lead_assignment_event_loop_lag_seconds",
            "How late the event loop ran a timer, four times a second.",
            buckets=SECONDS,
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
        _show(self._rate_limited, "key", "workspace", "endpoint", "quota")
        self._authentications_failed = Counter(
            "lead_assignment_authentications_failed",
            "Requests without a valid API key.",
            ["reason"],
            registry=registry,
        )
        _show(self._authentications_failed, "no_key", "malformed", "unknown", "wrong_secret", "revoked")
        self._clocks = Counter(
            "lead_assignment_sla_clocks_processed",
            "SLA clocks that a worker looked at.",
            ["result"],
            registry=registry,
        )
        self._clock_lag_seconds = Histogram(
            "lead_assignment_sla_clock_lag_seconds",
            "How late a worker looked at an SLA clock.",
            buckets=_LAG_SECONDS,
            registry=registry,
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
        self._crm_event_lag_seconds = Histogram(
            "lead_assignment_crm_event_lag_seconds",
            "Time from the arrival of an event of a CRM until what it means was done.",
            ["kind"],
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self._forms = Counter(
            "lead_assignment_forms_received",
            "Deliveries of forms that were taken, by what became of them.",
            ["kind", "result"],
            registry=registry,
        )
        self._refused_forms = Counter(
            "lead_assignment_forms_refused",
            "Deliveries of forms that were refused and not stored.",
            ["kind", "code"],
            registry=registry,
        )
        self._processed_forms = Counter(
            "lead_assignment_forms_processed",
            "What deliveries of forms said, by what became of it.",
            ["kind", "result", "code"],
            registry=registry,
        )
        self._fetched_forms = Counter(
            "lead_assignment_form_fetches",
            "Attempts to fetch leads of which form tools told only the ids, by what became of them.",
            ["kind", "result"],
            registry=registry,
        )
        self._form_lag_seconds = Histogram(
            "lead_assignment_form_lag_seconds",
            "Time from the arrival of a form until it was decided.",
            ["kind"],
            buckets=_LAG_SECONDS,
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
        _show(self._not_decided, "decision", "too_costly")
        self._attempts = Counter(
            "lead_assignment_delivery_attempts",
            "Messages that were sent to a target, by what became of it.",
            ["result"],
            registry=registry,
        )
        _show(self._attempts, "delivered", "dead", "again", "unsent")
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
        self._worker_at = time.time()
        self._worker_seen = self._clock()

    @property
    def worker_at(self) -> float | None:
        """When the worker last made progress, in seconds since 1970; None without one."""
        return self._worker_at

    def worker_silence(self) -> float:
        """Seconds since the worker last made progress; 0 without one."""
        return self._clock() - self._worker_seen if self._worker_seen is not None else 0.0

    def authentication_failed(self, reason: str) -> None:
        """Counts a request without a valid key."""
        self._authentications_failed.labels(reason).inc()

    def delivery_attempted(self, result: str) -> None:
        """Counts an attempt to send a message to a target."""
        self._attempts.labels(result).inc()

    def show_webhook_kinds(self, kinds: Iterable[str]) -> None:
        """Show what is counted of these kinds of endpoints from the first scrape on, with 0."""
        for kind in kinds:
            for result in _DELIVERY_RESULTS:
                self._deliveries.labels(kind, result)
            for result in _EVENT_RESULTS:
                self._received_events.labels(kind, result)
            self._processed_events.labels(kind, "done", "none")
            self._crm_event_lag_seconds.labels(kind)

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

    def crm_event_processed(self, kind: str, result: str, code: str | None, seconds: float) -> None:
        """Counts what became of an event, and how many seconds after its arrival it was done."""
        self._processed_events.labels(kind, result, code or "none").inc()
        if result == "done":
            self._crm_event_lag_seconds.labels(kind).observe(max(0.0, seconds))

    def form_received(self, kind: str, result: str) -> None:
        """Counts a genuine delivery of a form."""
        self._forms.labels(kind, result).inc()

    def show_forms(self, kinds: Iterable[str], codes: Sequence[str]) -> None:
        """Shows what can be refused with 0, so that the first refusal is seen as an increase."""
        for kind in kinds:
            for code in codes:
                self._refused_forms.labels(kind, code)

    def form_refused(self, kind: str, code: str) -> None:
        """Counts a delivery of a form that was refused."""
        self._refused_forms.labels(kind, code).inc()

    def form_fetched(self, kind: str, result: str) -> None:
        """Counts an attempt to fetch a lead of which a form tool told only the ids."""
        self._fetched_forms.labels(kind, result).inc()

    def form_processed(self, kind: str, result: str, code: str | None, seconds: float) -> None:
        """Counts what became of what a form said, and how many seconds after its arrival."""
        self._processed_forms.labels(kind, result, code or "none").inc()
        if result == "done":
            self._form_lag_seconds.labels(kind).observe(max(0.0, seconds))

    def clocks_fired(self, results: Mapping[str, int], lags: Iterable[float]) -> None:
        """Counts the clocks that were looked at, by what they did, and how many seconds late."""
        for result, clocks in results.items():
            self._clocks.labels(result).inc(clocks)
        for seconds in lags:
            self._clock_lag_seconds.observe(max(0.0, seconds))

    def plugin_failed(self, strategy: str, kind: str) -> None:
        """Counts a verdict that a plugin failed to give, by the name of the installed strategy."""
        self._plugin_errors.labels(strategy, kind).inc()

    def group_committed(self, jobs: int, waited: float, held: float) -> None:
        """Counts a committed group: its jobs, and how many seconds it waited for the lock and held it."""
        self._commit_group_size.observe(jobs)
        self._lock_wait_seconds.observe(waited)
        self._commit_seconds.observe(held)

    def group_decided(self, workspace_id: int, plan_version: int, tally: Tally) -> None:
        """Counts what a commit group did in its workspace."""
        self.counters_of(workspace_id).add(plan_version, tally)

    def counted_workspaces(self) -> list[int]:
        """The workspaces of which something is counted."""
        return list(self._workspaces)

    def forget_workspaces(self, workspace_ids: Iterable[int]) -> None:
        """Drop the counters of workspaces that were deleted."""
        for workspace_id in workspace_ids:
            self._workspaces.pop(workspace_id, None)

    def counters_of(self, workspace_id: int) -> WorkspaceCounters:
        """The counters of one workspace."""
        own = self._workspaces.get(workspace_id)
        if own is None:
            own = self._workspaces[workspace_id] = WorkspaceCounters()
        return own


def _show(counter: Counter, *values: str) -> None:
    """Show the series of these labels with 0, so that Prometheus sees the first count as an increase."""
    for value in values:
        counter.labels(value)


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
        for kind, count in {**dict.fromkeys(KINDS, 0), **self._troubles.counts}.items():
            counter.add_metric([kind], count)
        yield counter


class _PoolUse(Collector):
    """The connections to the database."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Their numbers; nothing before there is a pool."""
        connections = GaugeMetricFamily(
            "lead_assignment_pool_connections", "Connections of the pool by state.", labels=["state"]
        )
        most = GaugeMetricFamily("lead_assignment_pool_max_connections", "Connections the pool may have.")
        waiting = GaugeMetricFamily(
            "lead_assignment_pool_waiting_requests", "Requests that wait for a connection of the pool."
        )
        use = self._metrics.pool_use()
        if use is not None:
            connections.add_metric(["in_use"], use.in_use)
            connections.add_metric(["idle"], use.idle)
            most.add_metric([], use.most)
            waiting.add_metric([], use.waiting)
        return (connections, most, waiting)


class _WorkerProgress(Collector):
    """When the worker last made progress."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """The one metric, without a value where no worker runs."""
        gauge = GaugeMetricFamily(
            "lead_assignment_worker_progress_timestamp_seconds",
            "When the worker last made progress, absent without one.",
        )
        if self._metrics.worker_at is not None:
            gauge.add_metric([], self._metrics.worker_at)
        yield gauge
