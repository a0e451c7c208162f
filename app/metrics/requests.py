"""The requests that a process answered. They are many, so that counting one must cost next to nothing."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the buckets, also of other short times."""
_BUCKETS = [*map(floatToGoString, SECONDS), "+Inf"]


class _Times:
    """How long the requests of one route took."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BUCKETS)
        self.total = 0.0


class RequestCounts(Collector):
    """Counts requests within one thread. They are collected in any."""

    def __init__(self) -> None:
        self._statuses: dict[tuple[str, str, int], int] = {}
        self._times: dict[tuple[str, str], _Times] = {}

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request by the template of its route."""
        answered = (method, route, status)
        self._statuses[answered] = self._statuses.get(answered, 0) + 1
        times = self._times.get((method, route))
        if times is None:
            times = self._times[method, route] = _Times()
        times.buckets[bisect_left(SECONDS, seconds)] += 1
        times.total += seconds

    def collect(self) -> Iterable[Metric]:
        """The two metrics."""
        requests = CounterMetricFamily(
            "lead_assignment_requests", "HTTP requests.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in tuple(self._statuses.items()):
            requests.add_metric([method, route, str(status)], count)
        seconds = HistogramMetricFamily(
            "lead_assignment_request_seconds",
            "Time from a request to its response.",
            labels=["method", "route"],
        )
        for labels, times in tuple(self._times.items()):
            up_to = accumulate(map(float, times.buckets))
            seconds.add_metric(labels, list(zip(_BUCKETS, up_to, strict=True)), times.total)
        return (requests, seconds)
