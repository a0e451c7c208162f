"""What a scrape is answered: the metrics of the process and of workspaces, in the Prometheus text format."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.metrics.counters import Tally, counter_families
from app.metrics.gauges import WorkspaceGauges, gauge_families

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERIES = 20_000
"""The series of one scrape. Workspaces that do not fit are left out, and counted."""
SHARED_PORT = (
    b"# Where several processes listen behind this port, it is not fit for Prometheus: any of them answers.\n"
    b"# Scrape the metrics port of each process (LEAD_ASSIGNMENT_METRICS_PORT).\n"
)


@dataclass(frozen=True, slots=True)
class WorkspaceMetrics:
    """What there is to show of a workspace. Without `gauges`, the database did not answer."""

    name: str
    counted: Tally
    gauges: WorkspaceGauges | None


def expose(process: Collector, workspaces: Sequence[WorkspaceMetrics], unread: int = 0) -> bytes:
    """The text of a scrape. `unread` workspaces should be there, but could not be read in time."""
    families = list(process.collect())
    room = MAX_SERIES - _series(families) - len(_left_out(0, 0))
    shown: list[WorkspaceMetrics] = []
    cut = 0
    for workspace in workspaces:
        series = _series(_families([workspace]))
        if series <= room:
            shown.append(workspace)
            room -= series
        else:
            cut += series
    missing = unread + len(workspaces) - len(shown)
    return generate_latest(_Collected([*families, *_left_out(cut, missing), *_families(shown)]))


def _families(workspaces: Sequence[WorkspaceMetrics]) -> list[Metric]:
    gauges = [(each.name, each.gauges) for each in workspaces if each.gauges is not None]
    counted = [(each.name, each.counted) for each in workspaces]
    return [*counter_families(counted), *gauge_families(gauges)]


def _left_out(series: int, workspaces: int) -> list[Metric]:
    return [
        GaugeMetricFamily(
            "lead_assignment_scrape_cut_series",
            "Series that are missing in this scrape, because there are too many.",
            value=series,
        ),
        GaugeMetricFamily(
            "lead_assignment_scrape_missing_workspaces",
            "Workspaces that are missing in this scrape, for lack of room or of time.",
            value=workspaces,
        ),
    ]


def _series(families: Iterable[Metric]) -> int:
    return sum(len(family.samples) for family in families)


class _Collected(Collector):
    """Metrics that were collected already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Those metrics."""
        return self._families
