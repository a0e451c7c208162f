"""How answers are sent on a connection, and how it ends after one."""

import asyncio
from asyncio import Transport
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.api.http.problems import problem_response
from app.errors import Problem


class ProblemApp:
    """An app that has one answer, a problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problem_response(self._problem, scope)(scope, receive, send)


class AnswerTransport:
    """The transport as answers see it: a peer that has gone is no error, and the end is gentle.

    The head of an answer waits for the beginning of its body, and both go out together. A system call for
    each would cost more than making a short answer.
    """

    def __init__(
        self, transport: Transport, end: Callable[[], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport, self._end, self._loop = transport, end, loop
        self._begun = False
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Sends a part of an answer. The first is its head."""
        if self._begun:
            data, self._head = self._head + data, b""
            self._send(data)
        else:
            self._begun, self._head = True, data
            self._loop.call_soon(self._send_head)

    def finish(self) -> None:
        """An answer is whole. What is written next is the head of another."""
        self._send_head()
        self._begun = False

    def close(self) -> None:
        """Ends the connection, gently."""
        self._send_head()
        self._end()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._send(head)

    def _send(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)


class EndingApp:
    """An app whose answer ends the connection if `ends` says so when it is sent."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle, ends: Callable[[], bool]) -> None:
        self._app, self._cycle, self._ends = app, cycle, ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if self._ends():
                self._cycle.keep_alive = False
            await send(message)

        await self._app(scope, receive, sending)


def run_at_once(answering: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine that waits for nothing, without a task: that would cost as much as the answer."""
    try:
        answering.send(None)
    except StopIteration:
        return
    answering.close()
    raise RuntimeError("The answer waits for something.")
