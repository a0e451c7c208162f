"""Logs as JSON: one line per event, whatever its values hold. Writing them holds up nobody."""

import atexit
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections import deque
from datetime import UTC, datetime
from pathlib import PurePath
from typing import BinaryIO, Literal, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
AccessLog = Literal["all", "errors", "off"]
"""Which requests have a line in the log; errors have a status from 400."""

MAX_WAITING = 10_000
"""Lines that wait to be written. More are dropped."""
BATCH_SECONDS = 0.02
"""How long lines are collected. Waking the thread for each line would cost more than the line."""
RETRY_SECONDS = 0.05
FLUSH_SECONDS = 2.0
"""How long the end of the process waits for the lines that are left."""

_FRAMES = 12
_WORDS = re.compile(r"[A-Za-z ]+")
_writers: dict[int, "LineWriter"] = {}
_configured: list[tuple[int, BinaryIO]] = []
"""The level from which lines are written, and where to. Empty until the loggers are configured."""


def logger(stream: BinaryIO | None = None) -> FilteringBoundLogger:
    """A logger that writes to `stream`, by default the standard output, before it returns."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stdout.buffer),
        processors=_processors(),
        wrapper_class=_wrapper("info"),
        cache_logger_on_first_use=True,
    )
    return log


def configure(stream: BinaryIO | None = None, level: Level = "info") -> None:
    """Configures every logger of the process, and the warnings of libraries, to write JSON to `stream`.

    By default that is the standard output. A thread writes the lines to it if it is a file, pipe or terminal.
    """
    stream = stream or sys.stdout.buffer
    target = _writer(stream) or stream
    _configured[:] = [(_number(level), target)]
    structlog.configure(
        processors=_processors(),
        wrapper_class=_wrapper(level),
        logger_factory=structlog.BytesLoggerFactory(target),
        cache_logger_on_first_use=True,
    )
    threshold = max(logging.WARNING, _number(level))
    logging.basicConfig(level=threshold, handlers=[_LibraryHandler()], force=True)


class FastLogger:
    """A logger for what happens with every request. Its lines are like those of other loggers.

    It takes plain values only, and skips the steps of structlog that they do not need: a tenth of the work.
    """

    def __init__(self) -> None:
        self._log: FilteringBoundLogger = structlog.get_logger()

    def info(self, event: str, **fields: object) -> None:
        """Writes an informational line."""
        if not _configured:
            self._log.info(event, **fields)
            return
        level, target = _configured[0]
        if level <= logging.INFO:
            target.write(_line(event, "info", fields))
            target.flush()

    def error(self, event: str, **fields: object) -> None:
        """Writes an error line."""
        self._log.error(event, **fields)


def lines_dropped() -> int:
    """How many lines this process has dropped."""
    return sum(writer.dropped for writer in _writers.values())


def wait_for_writers() -> None:
    """Waits until what was logged is written, for as long as `FLUSH_SECONDS`, for the end of the process.

    It takes no lock, so a signal handler can call it.
    """
    until = time.monotonic() + FLUSH_SECONDS
    while any(writer.busy for writer in _writers.values()) and time.monotonic() < until:
        time.sleep(BATCH_SECONDS / 4)


class LineWriter:
    """Writes lines to a file descriptor in a thread of its own.

    A reader that stops reading blocks the thread and nobody else. Then lines wait, and when too many do, new
    ones are dropped and counted. Once writing works again, a line says how many.
    """

    def __init__(self, descriptor: int, *, most: int = MAX_WAITING) -> None:
        self._descriptor, self._most = descriptor, most
        self._start_over()
        # A child has the lines, but not the thread that writes them: they are the parent's.
        os.register_at_fork(after_in_child=self._start_over)

    def _start_over(self) -> None:
        self._lines: deque[bytes] = deque()
        self._wake, self._idle, self._closing = threading.Event(), True, False
        self._thread: threading.Thread | None = None
        # Callers count what finds no place, and the thread what finds no reader.
        self._refused = self._lost = self._reported = 0

    @property
    def dropped(self) -> int:
        """How many lines were dropped."""
        return self._refused + self._lost

    @property
    def busy(self) -> bool:
        """Whether a line may not be written yet."""
        return bool(self._lines) or not self._idle

    def write(self, line: bytes) -> int:
        """Takes a line. It never waits."""
        if len(self._lines) >= self._most:
            self._refused += 1
            return 0
        self._lines.append(line)
        if self._idle:
            self._idle = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._wake.set()
        return len(line)

    def flush(self) -> None:
        """Does nothing: `finish` waits."""

    def finish(self, seconds: float) -> None:
        """Writes what is left, and gives up after so many seconds."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._drain()
            if self._closing and not self._lines:
                return
            time.sleep(BATCH_SECONDS)
            self._idle = True
            if self._lines or self._closing:
                self._idle = False
                self._wake.set()

    def _drain(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            lost = self._write_all(b"".join(lines))
            self._lost += lost
            dropped = self.dropped
            if lost or dropped == self._reported:
                continue
            line = _line("log lines dropped", "warning", {"lines": dropped - self._reported})
            if not self._write_all(line):
                self._reported = dropped

    def _write_all(self, data: bytes) -> int:
        """Writes the lines. Returns how many of them were lost, because nobody can ever read them."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                time.sleep(RETRY_SECONDS)
            except OSError:
                return data.count(b"\n", len(data) - len(left))
        return 0


def _writer(stream: BinaryIO) -> BinaryIO | None:
    """A writer for what is a file to the system, and None for a stream in memory."""
    try:
        descriptor = stream.fileno()
    except (OSError, AttributeError):
        return None
    if descriptor not in _writers:
        _writers[descriptor] = LineWriter(descriptor)
        atexit.register(lambda: _writers[descriptor].finish(FLUSH_SECONDS))
    return cast("BinaryIO", _writers[descriptor])


def _line(event: str, level: str, fields: dict[str, object]) -> bytes:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({**fields, "event": event, "level": level, "timestamp": now}) + b"\n"


def _wrapper(level: Level) -> type[FilteringBoundLogger]:
    return structlog.make_filtering_bound_logger(_number(level))


def _number(level: Level) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def to_json(error: BaseException) -> dict[str, object]:
    """The kind and place of an error. Its message is left out, because it could repeat the input."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause and len(kinds) < _FRAMES:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": kinds,
        "frames": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _processors() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_messages,
        structlog.processors.JSONRenderer(serializer=orjson.dumps),
    ]


def _without_messages(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replaces an exception by its kind and place."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event.update(to_json(error))
    return event


class _LibraryHandler(logging.Handler):
    """Logs the warnings of libraries.

    Only the server's own messages are kept, and the words with which the event loop begins: others could
    repeat input.
    """

    def emit(self, record: logging.LogRecord) -> None:
        message: dict[str, object] = {}
        if record.name.startswith("uvicorn"):
            message["message"] = record.getMessage()
        elif record.name == "asyncio" and (words := _WORDS.match(record.getMessage())):
            message["message"] = words[0]
        structlog.get_logger().log(
            record.levelno, "library", source=record.name, exc_info=record.exc_info, **message
        )
