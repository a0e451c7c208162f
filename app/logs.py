"""Logs as JSON lines: one event, one line, whatever its values hold."""

import logging
import sys
from typing import BinaryIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger


def logger(stream: BinaryIO | None = None) -> FilteringBoundLogger:
    """A logger that writes to `stream`, the standard output by default."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stdout.buffer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    return log
