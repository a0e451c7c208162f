"""What is counted and timed, for Prometheus. No label ever holds a person, an owner or free text."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MAX_STEPS = 200
"""Names of steps come from plans; beyond so many the rest is counted as `other`."""
_TIMES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class WorkspaceGauges:
    """How one workspace stands at the moment of a scrape: counts, and ages in seconds."""

    waiting: Mapping[str, int]
    oldest: Mapping[str, float]
    leads: Mapping[str, int]
    received: int
    difference: int
    overdue: float = 0.0


class Metrics:
    """The meters of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._decisions: dict[int, _Decisions] = {}
        self._requests = Counter(
            "lead_assignment_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "lead_assignment_request_seconds",
            "Time to an answer.",
            ["method", "route"],
            buckets=_TIMES,
            registry=registry,
        )
        self._gate_seconds = Histogram(
            "lead_assignment_gate_wait_seconds",
            "Time a pass waited for its gate.",
            buckets=_TIMES,
            registry=registry,
        )
        self._pass_seconds = Histogram(
            "lead_assignment_pass_seconds", "Time a pass held its gate.", buckets=_TIMES, registry=registry
        )
        self._pass_jobs = Histogram(
            "lead_assignment_pass_jobs", "Requests in one pass.", buckets=_SIZES, registry=registry
        )

        self._plugins = Counter(
            "lead_assignment_plugin_errors",
            "Verdicts that a plugin did not give.",
            ["strategy", "kind"],
            registry=registry,
        )

    def plugin_failed(self, strategy: str, kind: str) -> None:
        """Count a verdict that was not given, by the installed strategy's name."""
        self._plugins.labels(strategy, kind).inc()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request by the template of its route."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def passed(self, jobs: int, waited: float, held: float) -> None:
        """Count a pass that was committed; times in seconds."""
        self._pass_jobs.observe(jobs)
        self._gate_seconds.observe(waited)
        self._pass_seconds.observe(held)

    def decided(self, workspace_id: int, outcome: str, step: str | None, code: str) -> None:
        """Count a decision, for its workspace alone: the names of its steps are its own."""
        own = self._decisions.get(workspace_id)
        if own is None:
            own = self._decisions[workspace_id] = _Decisions()
        own.count(outcome, step or "none", code)

    def exposition(self, workspace_id: int, standing: WorkspaceGauges) -> bytes:
        """In Prometheus' text format: the process, and the decisions and the standing of one workspace."""
        own = self._decisions.get(workspace_id)
        decisions = generate_latest(own.registry) if own else b""
        return generate_latest(self.registry) + decisions + generate_latest(_gauges(standing))


class _Decisions:
    """The decisions of one workspace, counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._steps: set[str] = set()
        self._counter = Counter(
            "lead_assignment_decisions",
            "Decisions made.",
            ["outcome", "step", "code"],
            registry=self.registry,
        )

    def count(self, outcome: str, step: str, code: str) -> None:
        if step not in self._steps:
            if len(self._steps) >= MAX_STEPS:
                step = "other"
            self._steps.add(step)
        self._counter.labels(outcome, step, code).inc()


def _gauges(standing: WorkspaceGauges) -> CollectorRegistry:
    registry = CollectorRegistry()
    waiting = Gauge("lead_assignment_queue_leads", "Leads that wait.", ["queue"], registry=registry)
    oldest = Gauge("lead_assignment_queue_oldest_seconds", "Age of the oldest.", ["queue"], registry=registry)
    leads = Gauge("lead_assignment_leads", "Leads by state.", ["state"], registry=registry)
    for queue, count in standing.waiting.items():
        waiting.labels(queue).set(count)
    for queue, age in standing.oldest.items():
        oldest.labels(queue).set(age)
    for state, count in standing.leads.items():
        leads.labels(state).set(count)
    Gauge(
        "lead_assignment_held_overdue_seconds",
        "For how long a held lead has been due; 0 when none is.",
        registry=registry,
    ).set(standing.overdue)
    Gauge("lead_assignment_received_leads", "Leads received.", registry=registry).set(standing.received)
    Gauge(
        "lead_assignment_conservation_difference",
        "Leads received but in no state; 0 when all is well.",
        registry=registry,
    ).set(standing.difference)
    return registry
