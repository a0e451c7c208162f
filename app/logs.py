"""Logs as JSON: one line per event, whatever its values hold."""

import logging
import re
import sys
import traceback
from pathlib import PurePath
from typing import BinaryIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

_FRAMES = 12
_LEVEL = logging.INFO
_WORDS = re.compile(r"[A-Za-z ]+")


def logger(stream: BinaryIO | None = None) -> FilteringBoundLogger:
    """A logger that writes to `stream`, by default the standard output."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stdout.buffer),
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVEL),
        cache_logger_on_first_use=True,
    )
    return log


def configure(stream: BinaryIO | None = None) -> None:
    """Configures every logger of the process, and the warnings of libraries, to write JSON to `stream`.

    By default that is the standard output.
    """
    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVEL),
        logger_factory=structlog.BytesLoggerFactory(stream or sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryHandler()], force=True)


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
