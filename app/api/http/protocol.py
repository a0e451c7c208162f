"""The HTTP/1.1 protocol of a connection: uvicorn's, with limits, and strict where messages are framed."""

import asyncio
import math
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import httptools
import structlog
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.http.answers import AnswerTransport, EndingApp, ProblemApp, run_at_once
from app.api.http.connection_limit import ConnectionLimit, files_for_callers
from app.api.http.door import Door
from app.api.http.middleware import RequestMiddleware
from app.api.http.request_head import MAX_HEAD, MAX_URL, head_without_upgrade, problem_of_head
from app.errors import BadRequest, HeadersTooLarge, Problem, UrlTooLong
from app.settings import Settings

KIB = 1024
MAX_PIPELINED = 100
MIN_PROGRESS = 64 * KIB
"""A caller that reads less than this in `write_seconds`, and has not read everything, has stopped reading."""

Observed = Callable[[ASGIApp], ASGIApp]

_SLICE = 64 * KIB


def _ignore(route: str, method: str, status: int, seconds: float) -> None:
    """Counts nothing, where nobody asks for metrics."""


class HttpProtocol(HttpToolsProtocol):
    """One connection.

    - Headers must arrive within `seconds` of the connection, or of the first byte after a response, and more
      bytes do not extend this. The rest of a body whose response is sent has the same time. A body that is
      being read has a time limit of its own, in `app/api/http/routing.py`.
    - The size of headers is limited. A request that two recipients could frame or route differently is
      refused. Upgrades are ignored, and trailers dropped.
    - A refusal is an answer like any other: it waits for the answers before it. Then the connection ends.
    - A peer that has closed its sending half gets its answers. One that stops reading is cut off.
    """

    seconds: ClassVar[float] = 10.0
    write_seconds: ClassVar[float] = 30.0
    linger_seconds: ClassVar[float] = 2.0
    """How long a refused caller may go on sending, so that they get the answer. The bytes are dropped."""
    limit: ClassVar[ConnectionLimit] = ConnectionLimit(total=10_000)
    observed: Observed = partial(RequestMiddleware, log=structlog.get_logger(), observe=_ignore)
    """Wraps the answers that the protocol gives by itself, so that they look like those of the app."""
    door: ClassVar[Door | None] = None
    """Says why a request gets no further."""
    service: ClassVar[State] = State({"draining": False})
    farewell_seconds: ClassVar[float] = 0.1
    """How long a connection without a request stays at the end, for one that is on its way."""

    _peer: str | None = None
    _problem: Problem | None = None
    _admitted: Scope | None = None
    """What the door added to the request that the parser reads next."""
    _refused = False
    _lingers = False
    _ending = False
    _upgrading = False
    _in_head = False
    _in_body = False
    _unparsed = 0
    """At most how many bytes came since the parser last made progress. It keeps them in memory."""
    _unsent = 0
    _idle_since = -math.inf
    """When an answer was sent after which the timer was left alone."""
    _late: TimerHandle | None = None
    _stuck: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._answers = AnswerTransport(transport, self._end, self.loop)
        if self.limit.exhausted:
            transport.abort()
            return
        self._peer, problem = self.limit.admit(self.client[0] if self.client else "")
        if problem:
            self._refuse(problem)
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_watching()
        if self._peer is not None:
            self.limit.closed(self._peer)
        super().connection_lost(exc)

    # Reading

    def data_received(self, data: bytes) -> None:
        if self.door is not None and (scope := self.door.read(data)) is not None and self._is_idle():
            if (problem := self.door.refusal(scope)) is not None:
                self._answer_at_once(self.door, scope, problem)
                return
            self._admitted = {"caller": caller} if (caller := scope.get("caller")) is not None else {}
        self._unset_keepalive_if_required()
        was_in_body, before = self._in_body, self.cycle
        if len(data) <= _SLICE:
            self._feed(data)
        else:
            # The parser would take a head of any size that comes at once.
            for start in range(0, len(data), _SLICE):
                self._feed(data[start : start + _SLICE])
        if getattr(self.cycle, "response_complete", True) and not self._refused:
            answered = was_in_body or self.cycle is not before
            if answered and not self._in_body and not self._in_head:
                self._stay_idle()
            else:
                self._wait()

    def _is_idle(self) -> bool:
        """Whether the next byte begins a request, and its answer can be sent at once."""
        return (
            getattr(self.cycle, "response_complete", True)
            and not (self._in_head or self._in_body or self._unparsed or self._upgrading or self.pipeline)
            and not (self._refused or self._ending or self.service.draining)
            and not (self.flow.write_paused or self.transport.is_closing())
        )

    def _answer_at_once(self, door: Door, scope: Scope, problem: Problem) -> None:
        """Answers a whole request that nothing but the door has seen."""
        self.transport.write(door.answer(scope, problem, self.server_state.default_headers))
        self._stay_idle_longer()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keeps the connection for the answers to whole requests."""
        waits = not self._in_body and not getattr(self.cycle, "response_complete", True)
        if waits:
            self.cycle.keep_alive = False
        return waits

    def _feed(self, data: bytes) -> None:
        while data and not self._refused:
            self._unparsed += len(data)
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                method, version = self.parser.get_method(), self.parser.get_http_version()
                head = head_without_upgrade(method, self.url, version, self.headers)
                data = head + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self._refuse(self._problem or BadRequest("The request is not valid HTTP/1.1."))
            if self._unparsed > MAX_HEAD and not self._refused:
                self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        self._unparsed, self._upgrading, self._in_head = 0, False, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_URL:
            self._object(UrlTooLong(f"The limit is {MAX_URL} bytes."))

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._unparsed = 0
        self._in_head = False
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if self.parser.should_upgrade() and method != b"CONNECT":
            self._upgrading = True
            return
        problem = problem_of_head(method, self.url, version, self.headers)
        if problem is not None:
            self._object(problem)
        if len(self.pipeline) >= MAX_PIPELINED:
            self._object(BadRequest("Too many requests wait for their answers on this connection."))
        if version == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()
        self.cycle.transport = self._answers  # type: ignore[assignment]
        self._in_body = True
        # The request has the list that was filled so far. What comes now are trailers.
        self.headers = []

    def _object(self, problem: Problem) -> None:
        """Ends parsing: the parser raises an error of its own."""
        self._problem = problem
        raise problem

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._upgrading:
            self._in_body = False
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        problem = self._ask_at_door(cycle.scope)
        if problem is not None:
            app = self.observed(ProblemApp(problem))
        if cycle.waiting_for_100_continue:
            # Nobody can tell whether the caller sends the body after an early answer, or the next request.
            app = EndingApp(app, cycle, lambda: cycle.more_body)
        elif self._ending or self.service.draining:
            app = EndingApp(app, cycle, lambda: not self.pipeline)
        if problem is None or self.flow.write_paused:
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]
        else:
            run_at_once(cycle.run_asgi(app))  # type: ignore[arg-type]

    def _ask_at_door(self, scope: Any) -> Problem | None:
        if self.door is None:
            return None
        admitted, self._admitted = self._admitted, None
        if admitted is None:
            problem = self.door.refusal(scope)
        else:
            scope |= admitted
            problem = None
        if problem is None:
            self.door.let_in(scope)
        return problem

    def shutdown(self) -> None:
        """Ends the connection after its last answer. Closing it at once would reset a request on its way."""
        self._ending = True
        if not getattr(self.cycle, "response_complete", True):
            self.cycle.keep_alive = False
        elif not self._refused:
            self.loop.call_later(self.farewell_seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if getattr(self.cycle, "response_complete", True) and not self.transport.is_closing():
            self._give_up()

    # Refusing

    def _refuse(self, problem: Problem) -> None:
        """Answers with the problem once all earlier answers are sent, and reads nothing more."""
        self._refused = True
        self._stop_waiting()
        running = self.cycle
        # Before the first request there is no cycle, whatever its declaration says.
        waits = not getattr(running, "response_complete", True)
        if self._in_body:
            if running.response_started:
                # The broken request has its answer, and a second one would be taken for that of another.
                running.keep_alive = False
                if running.response_complete:
                    self._give_up()
                return
            if self.pipeline and self.pipeline[0][0] is running:
                self.pipeline.popleft()
            else:
                waits = False
                running.disconnected = True
                running.message_event.set()
        self.cycle = cycle = self._cycle_of_refusal()
        app = self.observed(ProblemApp(problem))
        if waits:
            self.pipeline.appendleft((cycle, app))  # type: ignore[arg-type]
        else:
            self._start_asgi_task(cycle, app)

    def _cycle_of_refusal(self) -> RequestResponseCycle:
        super().on_message_begin()
        self.scope |= {"method": "", "path": "", "raw_path": b"", "query_string": b""}
        return RequestResponseCycle(
            scope=self.scope,
            transport=AnswerTransport(  # type: ignore[arg-type]
                self.transport, lambda: self._linger(self.linger_seconds), self.loop
            ),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )

    def _end(self) -> None:
        """Closes the connection after an answer. A peer that is still sending the body should get it too."""
        if self._in_body and not self.pipeline:
            self._refused = True
            self._linger(self.seconds)
        else:
            self.transport.close()

    def _linger(self, seconds: float) -> None:
        """Closes the sending half. Closing all of it while the peer sends would destroy the answer."""
        if not self.transport.is_closing():
            self._lingers = True
            self.transport.write_eof()
            self._watch(seconds, self.transport.abort)

    # Writing

    def on_response_complete(self) -> None:
        self._answers.finish()
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch(self.write_seconds, self.transport.abort)
        elif self._refused:
            self._unset_keepalive_if_required()
        elif self.cycle.response_complete and (self._in_head or self._in_body):
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = self.transport.get_write_buffer_size()
        self._watch(self.write_seconds, self._check_progress)

    def resume_writing(self) -> None:
        if not self._lingers and not self.transport.is_closing():
            self._stop_watching()
        super().resume_writing()

    def _check_progress(self) -> None:
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        if before - self._unsent < MIN_PROGRESS:
            self.transport.abort()
        else:
            self._watch(self.write_seconds, self._check_progress)

    def timeout_keep_alive_handler(self) -> None:
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Closes the connection. What the peer has not read by now, it will not read."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    # Timers

    def _watch(self, seconds: float, act: Callable[[], None]) -> None:
        self._stop_watching()
        self._stuck = self.loop.call_later(seconds, act)

    def _stop_watching(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _stay_idle(self) -> None:
        self._stop_waiting()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _stay_idle_longer(self) -> None:
        """The same after an answer that must cost next to nothing: a timer that runs is left alone."""
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._stay_idle()

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def protocol_of(app: FastAPI) -> type[HttpProtocol]:
    """The protocol with the limits of this app's settings, and counters of its own."""
    settings: Settings = app.state.settings
    total = min(settings.max_connections, files_for_callers(settings))
    limit = ConnectionLimit(
        total,
        settings.max_connections_per_peer,
        settings.trusted_proxies,
        lambda: app.state.metrics.troubles.note("connections_exhausted", connections=total),
    )
    return type(
        HttpProtocol.__name__,
        (HttpProtocol,),
        {
            "limit": limit,
            "observed": staticmethod(app.state.observed),
            "door": Door(app),
            "service": app.state,
        },
    )
