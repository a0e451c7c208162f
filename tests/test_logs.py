"""An event is one line of JSON, whatever its values are (S-42)."""

import io
import os
import subprocess
import sys
import threading

import orjson
import pytest

from app.logs import LineWriter, logger
from app.metrics.exposition import expose
from app.metrics.process import Metrics

GUARD = 120.0
LONG = b"x" * 9_999 + b"\n"


def test_an_event_is_one_line_of_json() -> None:
    stream = io.BytesIO()
    log = logger(stream)
    log.info("request", route='x\n{"level":"fatal"}', status=200)
    log.error("unexpected", error=["ValueError"])
    log.debug("unseen")
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["request", "unexpected"]
    assert [line["level"] for line in lines] == ["info", "error"]
    assert lines[0]["route"] == 'x\n{"level":"fatal"}'
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_log_of_an_exception_holds_only_its_kind_and_place() -> None:
    stream = io.BytesIO()
    log = logger(stream)
    try:
        raise ValueError("canary")
    except ValueError:
        log.exception("commit group failed", jobs=3)
    (line,) = stream.getvalue().splitlines()
    assert b"canary" not in line
    returned = orjson.loads(line)
    assert (returned["event"], returned["jobs"], returned["error"]) == (
        "commit group failed",
        3,
        ["ValueError"],
    )
    assert returned["frames"][0].startswith("test_logs.py:")


def test_log_of_the_event_loop_holds_its_first_words_only() -> None:
    said = r"Task was destroyed but it is pending!\ntask: <Task canary>"
    report = f"logging.getLogger('asyncio').error('{said}')"
    source = f"import logging; from app import logs; logs.configure(); {report}"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True)
    (line,) = done.stdout.splitlines()
    assert b"canary" not in line
    assert orjson.loads(line)["message"] == "Task was destroyed but it is pending"


def test_reader_that_stops_reading_costs_lines_and_blocks_nobody() -> None:
    reading, writing = os.pipe()
    writer, read = LineWriter(writing, most=20), b""
    for _ in range(100):  # many times what a pipe holds
        writer.write(LONG)
    kept = 100 - writer.dropped
    assert 20 <= kept < 100
    while b"dropped" not in read:
        read += os.read(reading, 1 << 20)
    *lines, told = read.splitlines(keepends=True)
    assert lines == [LONG] * kept
    line = orjson.loads(told)
    assert (line["event"], line["level"], line["lines"]) == ("log lines dropped", "warning", 100 - kept)
    writer.write(b"again\n")
    assert os.read(reading, 100) == b"again\n"
    writer.finish(GUARD)
    os.close(reading)
    os.close(writing)


def test_lines_for_which_there_is_no_reader_are_counted() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LineWriter(writing)
    writer.write(b"one\n")
    writer.write(b"two\n")
    writer.finish(GUARD)
    assert writer.dropped == 2
    os.close(writing)


def test_a_file_descriptor_that_would_block_is_tried_again() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    writer, size = LineWriter(writing), 0
    for _ in range(30):
        writer.write(LONG)
    while size < 30 * len(LONG):
        size += len(os.read(reading, 1 << 20))
    writer.finish(GUARD)
    assert (size, writer.dropped) == (30 * len(LONG), 0)
    os.close(reading)
    os.close(writing)


def test_lines_of_several_threads_stay_whole() -> None:
    reading, writing = os.pipe()
    writer, read = LineWriter(writing), b""
    threads = [
        threading.Thread(target=lambda n=n: [writer.write(b"%d\n" % n * 50) for _ in range(100)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    while read.count(b"\n") < 4 * 100 * 50:
        read += os.read(reading, 1 << 20)
    assert sorted(set(read.split())) == [b"0", b"1", b"2", b"3"]
    writer.finish(GUARD)
    os.close(reading)
    os.close(writing)


def _run(source: str) -> subprocess.Popen[bytes]:
    whole = f"import os, signal, sys, structlog; from app import logs; {source}"
    return subprocess.Popen([sys.executable, "-c", whole], stdout=subprocess.PIPE)


def test_end_of_the_process_waits_for_its_lines() -> None:
    with _run("logs.configure(); [structlog.get_logger().info('a') for _ in range(3000)]") as process:
        written, _ = process.communicate(timeout=GUARD)
    assert written.count(b"\n") == 3000


def test_signal_ends_a_process_whose_output_nobody_reads() -> None:
    flood = "[structlog.get_logger().info('a' * 1000) for _ in range(12_000)]"
    ends = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); os.kill(os.getpid(), signal.SIGTERM)"
    with _run(f"logs.FLUSH_SECONDS = 0.1; logs.configure(); {flood}; {ends}") as process:
        assert process.wait(GUARD) == 3
        assert process.stdout
        process.stdout.close()


@pytest.mark.parametrize(
    ("level", "seen"),
    [("debug", "abcd"), ("info", "bcd"), ("warning", "cd"), ("error", "d")],
)
def test_level_decides_which_lines_are_written(level: str, seen: str) -> None:
    calls = "log = structlog.get_logger(); log.debug('a'); log.info('b'); log.warning('c'); log.error('d')"
    fast = "log = logs.FastLogger(); log.info('b'); log.error('d')"
    with _run(f"logs.configure(level={level!r}); {calls}; {fast}") as process:
        written, _ = process.communicate(timeout=GUARD)
    events = [orjson.loads(line)["event"] for line in written.splitlines()]
    assert "".join(events) == seen + "".join(event for event in "bd" if event in seen)


def test_lines_of_requests_are_like_all_others() -> None:
    calls = "; ".join(
        f"{log}.info('a', b=1, c='d')" for log in ("structlog.get_logger()", "logs.FastLogger()")
    )
    with _run(f"logs.configure(); {calls}") as process:
        written, _ = process.communicate(timeout=GUARD)
    ordinary, direct = (orjson.loads(line) for line in written.splitlines())
    assert list(direct) == list(ordinary)
    assert {**direct, "timestamp": ""} == {**ordinary, "timestamp": ""}
    assert len(direct["timestamp"]) == len(ordinary["timestamp"])


def test_dropped_lines_are_a_metric() -> None:
    metrics = expose(Metrics().registry, []).decode()
    assert "\nlead_assignment_log_lines_dropped_total 0.0\n" in metrics
