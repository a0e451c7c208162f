"""Traces of a process as its environment asks for them."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from tests.support.processes import PATIENCE
from tests.support.shell import Shell
from tests.support.workspace import Filled

pytest.importorskip(
    "opentelemetry.exporter.otlp.proto.http", reason="the extra `opentelemetry` is not installed"
)


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A collector: where it listens, and the paths and bodies that it got."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_spans_of_a_process_reach_the_collector_before_it_ends(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    with collector() as (url, got):
        shell.variables |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_RESOURCE_ATTRIBUTES": "zone=north"}
        with shell.serving("--port", "0") as (_, line):
            told = orjson.loads(line)
            assert told["traces"] is True
            address = f"http://127.0.0.1:{told['port']}/healthz?name=canary"
            urllib.request.urlopen(address, timeout=PATIENCE).read()
    assert {path for path, _ in got} == {"/v1/traces"}
    sent = b"".join(body for _, body in got)
    for word in (b"GET /healthz", b"lead-assignment", b"north"):
        assert word in sent
    assert b"canary" not in sent


def test_a_collector_that_is_away_holds_up_nothing(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    rest: list[str] = []
    with shell.serving("--port", "0", rest=rest, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as (
        process,
        line,
    ):
        address = f"http://127.0.0.1:{orjson.loads(line)['port']}/healthz"
        assert urllib.request.urlopen(address, timeout=PATIENCE).status == 200
    assert process.returncode == 0
    assert any('"stopped"' in each for each in rest)


def test_traces_that_cannot_be_sent_are_refused_at_the_start(filled: Filled, tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL=filled.dsn)
    for command in ("serve", "worker"):
        said = shell.refuses(command, OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        assert "OTEL_EXPORTER_OTLP_PROTOCOL" in said
