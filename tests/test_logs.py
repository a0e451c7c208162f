"""An event is one line of JSON, whatever its values are (S-42)."""

import io
import subprocess
import sys

import orjson

from app.logs import logger


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
