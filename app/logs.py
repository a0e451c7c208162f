"""Logs as JSON lines: one event, one line, whatever its values hold."""

import logging
import sys
import traceback
from pathlib import PurePath
from typing import BinaryIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

_FRAMES = 12
_LEAST = logging.INFO


def logger(stream: BinaryIO | None = None) -> FilteringBoundLogger:
    """A logger that writes to `stream`, the standard output by default."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stdout.buffer),
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEAST),
        cache_logger_on_first_use=True,
    )
    return log


def configure(stream: BinaryIO | None = None) -> None:
    """Lets every logger of the process write so, those of libraries too when they have to complain.

    They write to `stream`, the standard output by default.
    """
    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEAST),
        logger_factory=structlog.BytesLoggerFactory(stream or sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Complaints()], force=True)


def to_json(error: BaseException) -> dict[str, object]:
    """Which error, and where; its message is left out, for it could hold what was sent."""
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
    """An exception is told by its kind and place."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event.update(to_json(error))
    return event


class _Complaints(logging.Handler):
    """What libraries have to say. Only the server's own words are told: others could repeat what was sent."""

    def emit(self, record: logging.LogRecord) -> None:
        said = {"said": record.getMessage()} if record.name.startswith("uvicorn") else {}
        structlog.get_logger().log(
            record.levelno, "library", source=record.name, exc_info=record.exc_info, **said
        )
