"""The traces of a process, as its environment asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.context import CommandError
from app.tracing import Tracing, tracing_of


@contextmanager
def traces() -> Iterator[Tracing | None]:
    """Traces while the block runs, None where nothing asks for them. At its end the last spans are sent.

    Raises CommandError.
    """
    try:
        tracing = tracing_of()
    except ValueError as error:
        raise CommandError(str(error)) from None
    try:
        yield tracing
    finally:
        if tracing is not None:
            tracing.close()
