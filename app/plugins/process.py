"""One process of a plugin as the service sees it: the messages it has not answered yet, in order."""

import asyncio
import json
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from app.engine.explain.codes import PLUGIN_ERRORS
from app.plugins.messages import LENGTH, MAX_REPLY_BYTES, framed

STARTING_SECONDS = 10.0
"""How long a process may take to load its plugin, or to compile the settings of a step."""
GRACE_SECONDS = 0.01
"""Extra time before a process counts as late, for a reply that has arrived but is not read yet."""
CLOSED = "closed"
"""The reason for ending a process that is no longer needed."""
_KIND = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPYCACHEPREFIX")

RawReply = Mapping[str, Any]
"""`verdict`, or `error` with its kind. Empty for messages that need no verdict."""


@dataclass(frozen=True, slots=True)
class PluginLimits:
    """What a plugin may take: seconds for a verdict, megabytes of memory."""

    seconds: float = 0.1
    megabytes: int = 1024


@dataclass(slots=True)
class _Question:
    """A question without a reply so far. None as the reply means that the process ended before it."""

    reply: asyncio.Future[RawReply | None]
    seconds: float
    workspace_id: int | None


class PluginProcess(asyncio.SubprocessProtocol):
    """Replies to questions one by one. It is ended when a reply is late.

    When the process ends, the current question gets `timeout` or `process_exited`, later ones get None.
    `sent` is what the process keeps. `ended` is called with the reason, and with the workspace of the current
    question.
    """

    def __init__(self, ended: Callable[[str, int | None], None]) -> None:
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.SubprocessTransport | None = None
        self._open: deque[_Question] = deque()
        self._read = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.sent: dict[object, object] = {}
        self._hello = self.expect(STARTING_SECONDS)

    async def begin(self, place: str, limits: PluginLimits) -> bool:
        """Start the process. Returns whether it loaded its plugin. Raises OSError when it cannot start."""
        await self._loop.subprocess_exec(
            lambda: self,
            *(sys.executable, "-P", "-m", f"{__package__}.host"),
            *(place, str(limits.seconds), str(limits.megabytes)),
            env=_environment(),
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        await self._hello
        return self.alive

    @property
    def alive(self) -> bool:
        """Whether it takes questions."""
        return not self._over

    def ask(
        self, body: bytes, seconds: float, workspace_id: int | None = None
    ) -> asyncio.Future[RawReply | None]:
        """Send a message. The reply is due this many seconds after the previous reply."""
        if self._transport is not None and not self._over:
            pipe = self._transport.get_pipe_transport(0)
            cast(asyncio.WriteTransport, pipe).write(framed(body))
        return self.expect(seconds, workspace_id)

    def expect(self, seconds: float, workspace_id: int | None = None) -> asyncio.Future[RawReply | None]:
        """The reply after those that are expected already."""
        question = _Question(self._loop.create_future(), seconds, workspace_id)
        if self._over:
            question.reply.set_result(None)
            return question.reply
        self._open.append(question)
        if len(self._open) == 1:
            self._watch()
        return question.reply

    def end(self, why: str) -> None:
        """Kill the process. The current question gets this error."""
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._kill()
        workspace_id = self._open[0].workspace_id if self._open else None
        for position, each in enumerate(self._open):
            _settle(each, {"error": why} if position == 0 and why != CLOSED else None)
        self._open.clear()
        self._ended(why, workspace_id)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process has started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        if self._over:
            self._kill()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002
        """Some bytes of replies have arrived."""
        self._read += data
        while len(self._read) >= LENGTH.size and not self._over:
            (length,) = LENGTH.unpack_from(self._read)
            if length > MAX_REPLY_BYTES:
                self.end("invalid_verdict")
            elif len(self._read) < LENGTH.size + length:
                return
            else:
                body = bytes(self._read[LENGTH.size : LENGTH.size + length])
                del self._read[: LENGTH.size + length]
                self._answered(body)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        """The process has closed a pipe."""
        self.end("process_exited")

    def process_exited(self) -> None:
        """The process has ended. Close the pipes, even if its children hold them open."""
        self.end("process_exited")
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The process and its pipes are gone."""
        if not self.gone.done():
            self.gone.set_result(None)

    def _kill(self) -> None:
        if self._transport is not None:
            with suppress(ProcessLookupError):
                self._transport.kill()

    def _answered(self, body: bytes) -> None:
        if not self._open:
            self.end("process_exited")  # an unexpected reply, so no later one could be trusted
            return
        _settle(self._open.popleft(), _parsed(body))
        self._watch()

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open:
            self._timer = self._loop.call_later(self._open[0].seconds, self._late)

    def _late(self) -> None:
        self._timer = self._loop.call_later(GRACE_SECONDS, self.end, "timeout")


def _settle(question: _Question, reply: RawReply | None) -> None:
    if not question.reply.done():
        question.reply.set_result(reply)


def _parsed(body: bytes) -> RawReply:
    """The reply in a body. A body of any other form is an invalid verdict."""
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        reply = None
    match reply:
        case {"verdict": verdict}:
            return {"verdict": verdict}
        case {"error": str(kind)} if kind in PLUGIN_ERRORS or _KIND.fullmatch(kind):
            return {"error": kind}
        case {} if isinstance(reply, dict) and not reply:
            return {}
    return {"error": "invalid_verdict"}


def _environment() -> dict[str, str]:
    """The environment of the process: where to import from, and no secrets."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    path = os.pathsep.join(os.path.abspath(each) for each in sys.path if each)
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
