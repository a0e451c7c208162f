"""Several processes, each with a metrics port of its own, as Prometheus sees them."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.metrics import sample, samples
from tests.support.processes import PATIENCE
from tests.support.shell import Shell

RECEIVED = "lead_assignment_leads_received_total"
LEADS = "lead_assignment_leads"


@pytest.fixture
def shell(database: str, tmp_path: Path) -> Shell:
    """Commands in development, with a workspace."""
    made = Shell(tmp_path, DATABASE_URL=database)
    made.says("workspaces", "create", "example")
    return made


class Ports(NamedTuple):
    """The ports of a process."""

    api: int
    metrics: int


@contextmanager
def serving(shell: Shell) -> Iterator[Ports]:
    """A process with a metrics port."""
    api = _free_port()
    with shell.serving("--port", str(api), "--metrics-port", "0") as (
        _,
        line,
    ):
        ports = Ports(api, orjson.loads(line)["port"])
        _call(ports, "GET", "/readyz")
        yield ports


def test_counters_of_two_processes_add_up_and_gauges_are_the_same(shell: Shell) -> None:
    with serving(shell) as one:
        with serving(shell) as other:
            for number in range(10):
                _call((one, other)[number % 2], "POST", "/assign", {"lead": {"external_id": str(number)}})
            texts = [_scrape(each) for each in (one, other)]
            assert [sample(text, RECEIVED) for text in texts] == [5, 5]
            assert samples(texts[0], LEADS) == samples(texts[1], LEADS)
            assert _types(texts[0]) == _types(texts[1])
            waiting = {(each["name"],): each["waiting"] for each in _call(one, "GET", "/queues")["items"]}
            assert samples(texts[0], "lead_assignment_queue_leads") == waiting
            shared = _get(f"http://127.0.0.1:{one.api}/metrics", key=True)
            assert shared.startswith("# Where several processes listen")
        with serving(shell) as again:
            assert sample(_scrape(again), RECEIVED) == 0
            assert sample(_scrape(one), RECEIVED) == 5
            assert sample(_scrape(again), LEADS, state="queued") == 10


def test_port_serves_exactly_one_path(shell: Shell) -> None:
    with serving(shell) as ports:
        for path in ("/", "/metrics/", "/metrics/health", "/assign"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                _get(f"http://127.0.0.1:{ports.metrics}{path}")
            refused.value.close()
            assert refused.value.code == 404


@pytest.mark.parametrize(
    ("named", "shown"), [("example", {"example"}), ("second,nobody", {"second"}), ("", set())]
)
def test_port_shows_the_workspaces_of_the_setting(shell: Shell, named: str, shown: set[str]) -> None:
    shell.says("workspaces", "create", "second")
    shell.variables["LEAD_ASSIGNMENT_METRICS_WORKSPACES"] = named
    with serving(shell) as ports:
        text = _scrape(ports)
    assert _workspaces(text) == shown
    assert sample(text, "lead_assignment_database_up") == 1


def test_of_many_workspaces_none_is_shown_unless_it_is_named(shell: Shell) -> None:
    for number in range(20):
        shell.says("workspaces", "create", f"w{number}")
    with serving(shell) as ports:
        assert _workspaces(_scrape(ports)) == set()


def test_metrics_pass_the_check_of_prometheus(shell: Shell) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed: it comes with Debian's package prometheus")
    with serving(shell) as ports:
        _call(ports, "POST", "/assign", {"lead": {"external_id": "a"}})
        text = _scrape(ports)
    checked = subprocess.run(
        [tool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _get(url: str, *, key: bool = False) -> str:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer dev-key"} if key else {})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def _scrape(ports: Ports) -> str:
    return _get(f"http://127.0.0.1:{ports.metrics}/metrics")


def _call(ports: Ports, method: str, path: str, body: object = None) -> dict[str, Any]:
    """What the API answers, once it listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports.api}{path}",
        method=method,
        data=orjson.dumps(body) if body is not None else None,
        headers={"Authorization": "Bearer dev-key", "Content-Type": "application/json"},
    )
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return dict(orjson.loads(answer.read()))
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read()) from None
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


def _workspaces(text: str) -> set[str]:
    return {
        each.labels["workspace"]
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if "workspace" in each.labels
    }


def _types(text: str) -> dict[str, str]:
    return {family.name: family.type for family in text_string_to_metric_families(text)}
