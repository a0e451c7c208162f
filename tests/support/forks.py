"""Processes that start at once: forked from one that has imported everything already.

Each is a process of its own, with its own environment, directory and streams, and can be killed or stopped.
It only skips the imports, and what each service loads as it starts: they take longer than most tests.
`python -m tests.support.forks FD` is the process that forks; it serves one test process, and ends with it.
"""

import atexit
import gc
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
SERVING = "tests.support.serving"
PRELOADED = ("lead_assignment.__main__", "app.cli", "app.store.connection.migrate", SERVING)
POLL_SECONDS = 0.005
MAX_MESSAGE = 1 << 18
MAX_STREAMS = 8


@dataclass
class Forked:
    """A process that runs a function of a module. Its methods are those of `subprocess.Popen`."""

    pid: int
    returncode: int | None = field(default=None, init=False)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = _forker().ask({"reap": self.pid})
        return self.returncode

    def wait(self, seconds: float) -> int:
        """The exit code, once there is one. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise TimeoutError(f"process {self.pid} still runs after {seconds} seconds")
            time.sleep(POLL_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def fork(
    target: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path,
    streams: Sequence[int],
) -> Forked:
    """Start `target` (`module:function`) with these arguments.

    The first three streams are its standard input, output and error. The numbers of the others follow its
    arguments.
    """
    request = {
        "target": target,
        "arguments": arguments,
        "environment": dict(environment),
        "directory": str(directory),
    }
    return Forked(_forker().ask(request, streams))


class _Forker:
    """The process that forks, as the tests see it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forks", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        atexit.register(self._end)

    def ask(self, request: Mapping[str, Any], streams: Sequence[int] = ()) -> Any:
        """The answer to one request."""
        with self._lock:
            socket.send_fds(self._control, [json.dumps(request).encode()], list(streams))
            answer = self._control.recv(MAX_MESSAGE)
        assert answer, "the process that forks has ended"
        return json.loads(answer)

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


_beginning = threading.Lock()


def _forker() -> _Forker:
    with _beginning:
        return _the_forker()


@cache
def _the_forker() -> _Forker:
    return _Forker()


class _Ending:
    """How a process ends: as Python ends it, but at once.

    Python would take apart all that was imported, which takes longer than most commands.
    """

    _code = 1
    """The exit code, unless another is noted: an exception ends the process."""

    def note(self, code: str | int | None) -> None:
        """Note the argument of `sys.exit`."""
        self._code = code if isinstance(code, int) else int(code is not None)

    def leave(self) -> None:
        """End the process, once its threads have ended and everybody else has been called."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            return  # Python tries again, and says so
        os._exit(self._code)


ENDING = _Ending()


def main() -> None:
    """Fork what is asked for until nobody asks any more. Only the forked processes return."""
    atexit.register(ENDING.leave)  # the first to be registered is the last to be called
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module(SERVING).prepare()
    gc.collect()
    gc.freeze()  # nobody has to look through all this again, least of all each process as it ends
    while True:
        message, streams, *_ = socket.recv_fds(control, MAX_MESSAGE, MAX_STREAMS)
        if not message:
            ENDING.note(0)
            return
        request = json.loads(message)
        answer = _reap(request["reap"]) if "reap" in request else os.fork()
        if answer == 0 and streams:
            control.close()
            _become(request, streams)
        for stream in streams:
            os.close(stream)
        control.send(json.dumps(answer).encode())


def _reap(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    """Go on as the process that was asked for."""
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    time.tzset()
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [each for each in path if each and each not in sys.path]
    module, _, function = request["target"].partition(":")
    sys.argv = [module, *request["arguments"], *map(str, streams[3:])]
    try:
        sys.exit(getattr(importlib.import_module(module), function)())
    except SystemExit as ending:
        ENDING.note(ending.code)
        raise


if __name__ == "__main__":
    main()
