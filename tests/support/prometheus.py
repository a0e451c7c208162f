"""A real Prometheus with the configuration and rules of `ops/prometheus`, for what a test has it scrape."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.support.processes import PATIENCE

OPS = Path(__file__).parents[2] / "ops"
needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Prometheus is not installed (Debian: apt install prometheus)",
)


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now. Fails if it cannot be read."""
        return list(self._get("query", query=expression)["result"])

    def values(self, label: str, selector: str) -> list[str]:
        """The values that a label has in series."""
        return list(self._get(f"label/{label}/values", **{"match[]": selector}))

    def firing(self) -> dict[str, dict[str, Any]]:
        """The alerts that fire, by name."""
        alerts = self._get("alerts")["alerts"]
        return {each["labels"]["alertname"]: each for each in alerts if each["state"] == "firing"}

    def _get(self, path: str, **parameters: str) -> Any:
        try:
            with urllib.request.urlopen(
                f"{self._url}/api/v1/{path}?{urlencode(parameters)}", timeout=PATIENCE
            ) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{parameters}: {error.read().decode()}")


@contextmanager
def prometheus(directory: Path, targets: list[str]) -> Iterator[Prometheus]:
    """Prometheus with our configuration, which scrapes these targets each second.

    What alerts wait for is a second too, so that a test sees them fire.
    """
    config = yaml.safe_load((OPS / "prometheus/prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0] |= {"scrape_timeout": "1s", "static_configs": [{"targets": targets}]}
    rules = (OPS / "prometheus/alerts.yaml").read_text()
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (directory / "alerts.yaml").write_text(re.sub(r"for: \w+", "for: 1s", rules))
    port = free_port()
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yaml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or _is_ready(url))
        assert process.poll() is None, (directory / "log").read_text()
        yield Prometheus(url)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def until(holds: Callable[[], object]) -> None:
    """Wait until it holds. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.2)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
