"""Runs what may take long over a plan without holding up the process.

A short plan is checked in a thread: the limits on what a plan may have keep that to some tenths of a second.
A long one is checked in a process of its own with a limit on its time and memory, because a thread would
hold the interpreter, and with it the decisions of every workspace.
"""

import asyncio
import os
import pickle
import resource
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ParamSpec, TypeVar

import structlog

from app import places
from app.engine.lookup.tables import TableContent

log = structlog.get_logger()
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

LONG_BYTES = 16 * 1024
"""A plan of this length is checked in a process of its own; starting it takes a second."""
ROW_BYTES = 50
"""What a row of a table counts for."""
MAX_CPU_SECONDS = 40
MAX_SECONDS = 120.0
"""The time of the clock, for a machine that is busy."""
MAX_MEMORY_BYTES = 2 << 30

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPYCACHEPREFIX")


class TooCostly(Exception):
    """It took more time or memory than it may, or went deeper than the stack."""


def length_of(text: str | bytes, tables: Iterable[TableContent] = ()) -> int:
    """The length of a plan together with the tables it uses."""
    return len(text) + ROW_BYTES * sum(len(each.rows) for each in tables)


def is_long(length: int) -> bool:
    """Whether a plan of this length is checked in a process of its own."""
    return length >= LONG_BYTES


async def run_limited(
    workspace_id: int,
    length: int,
    function: Callable[Parameters, Result],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """The result of a pure function over a plan of this length, with that of the tables it uses.

    Each workspace has one turn at a time, so the many checks of one keep no other waiting.

    Raises what the function raises; TooCostly; and Overloaded when too many others wait.
    """
    if not is_long(length):
        try:
            return await places.SHORT_PLANS.run(workspace_id, function, *args, **kwargs)
        except RecursionError:
            raise TooCostly from None
    async with places.LONG_PLANS.take(workspace_id):
        question = await asyncio.to_thread(pickle.dumps, (function, args, kwargs))  # noqa: TID251
        answer = await _asked(question)
        result, error = await asyncio.to_thread(pickle.loads, answer)  # noqa: TID251
    if error is not None:
        raise error
    found: Result = result
    return found


async def _asked(question: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )
    try:
        answer, _ = await asyncio.wait_for(process.communicate(question), MAX_SECONDS)
    except TimeoutError:
        raise TooCostly from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode != 0:
        log.warning("check of a plan broken off", status=process.returncode)
        raise TooCostly
    return answer


def _environment() -> dict[str, str]:
    """Where to import from, and no secrets."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = os.pathsep.join(os.path.abspath(each) for each in sys.path if each)
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _answer() -> None:
    """Run the function that stands in the input, and write what it returns or raises."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    with suppress(OSError):
        os.nice(5)
    out = os.dup(1)
    os.dup2(2, 1)  # nothing but the answer may stand in the output
    function, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301  from the process that started this one
    try:
        answer = pickle.dumps((function(*args, **kwargs), None))
    except (MemoryError, RecursionError):
        os._exit(1)
    except Exception as error:
        answer = pickle.dumps((None, error))
    with os.fdopen(out, "wb") as output:
        output.write(answer)


if __name__ == "__main__":
    _answer()
