"""What could be read in two ways is refused, what costs memory is limited, and answers keep their order."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from starlette.datastructures import State
from starlette.types import Receive, Scope, Send

from app.api.http.connection_limit import DEFAULT_PER_PEER, SPARE_CONNECTIONS, ConnectionLimit
from app.api.http.middleware import SECURITY_HEADERS
from app.api.http.protocol import MAX_PIPELINED, HttpProtocol, protocol_of
from app.api.http.request_head import MAX_HEAD, MAX_HEADERS, MAX_URL
from app.errors import Problem
from app.main import create_app
from app.settings import Settings
from tests.api.http.raw_lines import Server, echo, respond, serving, serving_in_a_thread

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
FOLLOWING = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
AMBIGUOUS = {
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: b\r\n\r\n",
    "two equal hosts": GET + b"Host: a\r\n\r\n",
    "two hosts in 1.0": b"GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "host with a space": b"GET /x HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a path": b"GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a malformed port": b"GET /x HTTP/1.1\r\nHost: a:-1\r\n\r\n",
    "host with an open bracket": b"GET /x HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "host of the URL that is not the header": GET.replace(b"/x", b"http://b/x") + b"\r\n",
    "URL with a user": GET.replace(b"/x", b"http://b@a/x") + b"\r\n",
    "URL with a fragment": GET.replace(b"/x", b"/x#y") + b"\r\n",
    "absolute URL with a fragment": GET.replace(b"/x", b"http://a/x#y") + b"\r\n",
    "gzip": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "gzip and chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked in 1.0": b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "different lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "signed length": POST + b"Content-Length: +1\r\n\r\na",
    "negative length": POST + b"Content-Length: -1\r\n\r\na",
    "empty length": POST + b"Content-Length:\r\n\r\n",
    "hexadecimal length": POST + b"Content-Length: 0x1\r\n\r\na",
    "endless length": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\na",
    "folded header": GET + b"X: a\r\n b\r\n\r\n",
    "folded first header": b"GET /x HTTP/1.1\r\n Host: a\r\n\r\n",
    "bare LF": b"GET /x HTTP/1.1\nHost: a\n\n",
    "one bare LF": GET + b"X: a\n\r\n",
    "bare CR": GET + b"X: a\rb\r\n\r\n",
    "NUL": GET + b"X: a\0b\r\n\r\n",
    "space before the colon": GET + b"X : a\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "HTTP/0.9": b"GET /x\r\n\r\n",
    "HTTP/1.2": b"GET /x HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2.0": b"GET /x HTTP/2.0\r\nHost: a\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"FOO /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "chunk without a size": CHUNKED + b"\r\na\r\n0\r\n\r\n",
    "prefixed chunk size": CHUNKED + b"0x1\r\na\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    "chunks with bare LF": CHUNKED + b"1\na\n0\n\n",
    "chunk that is too long": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
}
"""Requests that two recipients could read in different ways, by what is wrong with them."""


class Patient(HttpProtocol):
    """The same with time for a busy machine."""

    seconds = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving_in_a_thread(echo, Patient) as started:
        yield started


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"TLS/1.0, HTTP/2.0"])
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 10\r\n", b"GET / HTTP"),
        (b"Transfer-Encoding: chunked\r\n", b"4\r\nGET \r\n6\r\n/ HTTP\r\n0\r\n\r\n"),
    ],
)
async def test_upgrade_is_ignored_and_the_body_belongs_to_the_request(
    server: Server, upgrade: bytes, framing: bytes, body: bytes
) -> None:
    asks = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAMAAABk\r\n" % upgrade
    async with server.line() as line:
        line.send(FOLLOWING + POST + asks + framing + b"\r\n" + body + FOLLOWING)
        answers = [await line.answer() for _ in range(3)]
    assert [answer.json["path"] for answer in answers] == ["/second", "/x", "/second"]
    assert answers[1].json["body"] == "GET / HTTP"
    assert "upgrade" not in answers[1].json["names"]


async def test_upgrade_is_ignored_wherever_its_packets_are_cut(server: Server) -> None:
    request = POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab" + FOLLOWING
    for cut in (30, len(POST) + 25, request.index(b"ab"), request.index(b"ab") + 1):
        async with server.line() as line:
            line.send(request[:cut])
            await asyncio.sleep(0)
            line.send(request[cut:])
            assert [(await line.answer()).json["body"] for _ in range(2)] == ["ab", ""]


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_ambiguous_request_is_refused_and_nothing_after_it_is_read(
    server: Server, request_: bytes
) -> None:
    async with server.line() as line:
        line.send(FOLLOWING + request_ + FOLLOWING)
        assert (await line.answer()).json["path"] == "/second"
        refusal = await line.answer()
        assert await line.ended()
    assert (refusal.status, refusal.json["code"]) == (400, "bad_request")
    assert refusal.headers["content-type"] == "application/problem+json"
    assert refusal.headers["connection"] == "close"
    assert refusal.headers["x-request-id"] == refusal.json["request_id"]
    for name, value in SECURITY_HEADERS:
        assert refusal.headers[name.decode()] == value.decode().lower()


@pytest.mark.parametrize("request_", [b"GET /x HTTP/1.0\r\n\r\n", GET.replace(b" a", b" [::1]:80") + b"\r\n"])
async def test_host_may_be_missing_in_http_1_0_and_have_a_port(server: Server, request_: bytes) -> None:
    async with server.line() as line:
        line.send(request_)
        assert (await line.answer()).status == 200


async def test_absolute_url_of_the_same_host_is_served(server: Server) -> None:
    async with server.line() as line:
        line.send(GET.replace(b"/x", b"http://A/x?y") + b"\r\n")
        assert (await line.answer()).json["path"] == "/x"


async def test_trailers_are_dropped(server: Server) -> None:
    async with server.line() as line:
        line.send(CHUNKED + b"1\r\na\r\n0\r\nAuthorization: x\r\nHost: b\r\n\r\n" + FOLLOWING)
        assert (await line.answer()).json["names"] == ["host", "transfer-encoding"]
        assert (await line.answer()).json["names"] == ["host"]


FITS = MAX_HEAD - 100


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(request, status, id=name)
        for name, request, status in [
            ("header", GET + b"X: " + b"a" * FITS + b"\r\n\r\n", 200),
            ("long header", GET + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n", 431),
            ("endless header", GET + b"X: " + b"a" * 40 * MAX_HEAD, 431),
            ("endless name", GET + b"X" * 40 * MAX_HEAD, 431),
            ("headers", GET + b"X: a\r\n" * (MAX_HEADERS - 1) + b"\r\n", 200),
            ("many headers", GET + b"X: a\r\n" * MAX_HEADERS + b"\r\n", 431),
            ("endless headers", GET + b"X: a\r\n" * 40 * MAX_HEAD, 431),
            ("URL", GET.replace(b"/x", b"/" + b"x" * (MAX_URL - 1)) + b"\r\n", 200),
            ("long URL", GET.replace(b"/x", b"/" + b"x" * MAX_URL) + b"\r\n", 414),
            ("endless URL", b"GET /" + b"x" * 40 * MAX_HEAD, 414),
            ("endless trailer", CHUNKED + b"1\r\na\r\n0\r\nX: " + b"a" * 40 * MAX_HEAD, 431),
            ("endless chunk extension", CHUNKED + b"1;" + b"a" * 40 * MAX_HEAD, 431),
            ("endless line ends", b"\r\n" * 20 * MAX_HEAD, 431),
            ("body", POST + b"Content-Length: 1000000\r\n\r\n" + b"a" * 1_000_000, 200),
        ]
    ],
)
async def test_head_is_limited_and_the_caller_is_told(server: Server, request_: bytes, status: int) -> None:
    async with server.line() as line:
        line.send(request_)
        answer = await line.answer()
        assert answer.status == status
        if status != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert await line.ended()


async def test_head_after_a_large_body_has_the_whole_limit(server: Server) -> None:
    head = GET + b"X: " + b"a" * FITS + b"\r\n\r\n"
    async with server.line() as line:
        line.send(POST + b"Content-Length: 90000\r\n\r\n" + b"a" * 90_000 + head[:-9])
        assert (await line.answer()).status == 200
        line.send(head[-9:])
        assert (await line.answer()).status == 200


async def test_pipelined_answers_keep_their_order() -> None:
    first = asyncio.Event()

    async def later(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/1":
            await first.wait()
        await respond(send, scope["path"].encode())

    async with serving(later, Patient) as server, server.line() as line:
        line.send(
            b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in (1, 2, 3)) + b"!\r\n"
        )
        async with server.line() as other:
            other.send(FOLLOWING)
            await other.answer()
        first.set()
        assert [(await line.answer()).body for _ in range(3)] == [b"/1", b"/2", b"/3"]
        assert (await line.answer()).status == 400
        assert await line.ended()


async def test_too_many_pipelined_requests_are_refused_after_the_others() -> None:
    first = asyncio.Event()

    async def later(scope: Scope, receive: Receive, send: Send) -> None:
        await first.wait()
        await respond(send, b"ok")

    async with serving(later, Patient) as server, server.line() as line:
        line.send((GET + b"\r\n") * (MAX_PIPELINED + 50))
        async with server.line() as other:
            other.send(b"!")
            await other.answer()
        first.set()
        answers = [await line.answer() for _ in range(MAX_PIPELINED + 2)]
        assert [answer.status for answer in answers] == [200] * (MAX_PIPELINED + 1) + [400]
        assert await line.ended()


async def test_broken_body_of_an_answered_request_gets_no_second_answer() -> None:
    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"ok")

    async with serving(hasty, Patient) as server, server.line() as line:
        line.send(CHUNKED + b"1\r\na\r\n")
        assert (await line.answer()).body == b"ok"
        line.send(b"nonsense\r\n" + FOLLOWING)
        assert await line.ended()


@pytest.mark.parametrize("start", [b"", b"GET /th"], ids=["a whole request", "a begun one after it"])
async def test_half_closed_caller_gets_the_answer_to_a_whole_request(start: bytes) -> None:
    ended = asyncio.Event()

    class Noticing(Patient):
        def eof_received(self) -> bool:  # type: ignore[override]
            ended.set()
            return super().eof_received()

    async def later(scope: Scope, receive: Receive, send: Send) -> None:
        await ended.wait()
        await echo(scope, receive, send)

    async with serving(later, Noticing) as server, server.line() as line:
        line.send(POST + b"Content-Length: 2\r\n\r\nab" + start)
        line.send_eof()
        assert (await line.answer()).json["body"] == "ab"
        assert await line.ended()


async def test_half_closed_caller_gets_all_answers(server: Server) -> None:
    async with server.line() as line:
        line.send(FOLLOWING * 3)
        line.send_eof()
        assert [(await line.answer()).status for _ in range(3)] == [200] * 3
        assert await line.ended()


@pytest.mark.parametrize("start", [b"", b"GET /th", CHUNKED + b"1\r\n"], ids=["nothing", "head", "body"])
async def test_half_closed_caller_without_a_whole_request_is_closed(server: Server, start: bytes) -> None:
    async with server.line() as line:
        line.send(start)
        line.send_eof()
        assert await line.ended()


async def test_nothing_is_written_to_a_caller_that_has_gone(caplog: pytest.LogCaptureFixture) -> None:
    gone, finished = asyncio.Event(), asyncio.Event()

    class Noticing(Patient):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            gone.set()

    async def later(scope: Scope, receive: Receive, send: Send) -> None:
        await gone.wait()
        await respond(send, b"ok")
        finished.set()

    async with serving(later, Noticing) as server, server.line() as line:
        line.send(FOLLOWING * 2)
        async with server.line() as other:
            other.send(b"!")
            await other.answer()
        line.abort()
        await finished.wait()
    assert not caplog.records


@pytest.mark.parametrize("start", [b"GET /th", CHUNKED + b"1\r\n"], ids=["head", "body"])
async def test_request_that_began_before_an_answer_has_no_more_time_than_others(start: bytes) -> None:
    opened: list[HttpProtocol] = []

    class Noticing(Patient):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            opened.append(self)

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        opened[0].seconds = 0.05  # type: ignore[misc]
        await respond(send, b"ok")

    async with serving(hasty, Noticing) as server, server.line() as line:
        line.send(FOLLOWING + start)
        assert (await line.answer()).status == 200
        if start.startswith(b"POST"):
            assert (await line.answer()).status == 200
        assert await line.ended()


async def test_connection_stays_after_the_rest_of_a_body_of_an_answered_request() -> None:
    idle = asyncio.Event()

    class Noticing(Patient):
        def _stay_idle(self) -> None:
            super()._stay_idle()
            idle.set()

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"ok")

    async with serving(hasty, Noticing) as server, server.line() as line:
        line.send(POST + b"Content-Length: 4\r\n\r\nab")
        assert (await line.answer()).status == 200
        line.send(b"cd")
        await idle.wait()
        line.send(FOLLOWING)
        assert (await line.answer()).status == 200


async def test_caller_that_is_still_sending_gets_the_answer_that_ends_the_connection() -> None:
    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})

    async with serving(hasty, Patient) as server, server.line() as line:
        line.send(POST + b"Content-Length: 20000000\r\n\r\n" + b"a" * 20_000_000 + FOLLOWING)
        await line.sent()
        assert (await line.answer()).status == 413
        assert await line.ended()


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_body_is_asked_for_in_http_1_1_only(server: Server, version: bytes) -> None:
    async with server.line() as line:
        line.send(POST.replace(b"1.1", version) + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        if version == b"1.1":
            assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.send(b"ab" + FOLLOWING)
        assert (await line.answer()).json["body"] == "ab"
        if version == b"1.1":
            assert (await line.answer()).json["path"] == "/second"


async def test_answer_before_an_expected_body_ends_the_connection() -> None:
    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no")

    async with serving(hasty, Patient) as server, server.line() as line:
        line.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(FOLLOWING))
        answer = await line.answer()
        assert (answer.body, answer.headers["connection"]) == (b"no", "close")
        line.send(FOLLOWING * 2)
        assert await line.ended()


async def test_caller_that_is_still_there_after_a_refusal_is_cut_off() -> None:
    lost = asyncio.Event()

    class Noticing(Patient):
        linger_seconds = 0.05

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"x" * 8_000_000)

    async with serving(large, Noticing) as server, server.line() as line:
        line.send(FOLLOWING + b"!")
        assert [(await line.answer()).status for _ in range(2)] == [200, 400]
        await lost.wait()


async def test_answers_of_a_draining_process_end_their_connections() -> None:
    class Draining(Patient):
        service = State({"draining": True})

    async with serving(echo, Draining) as server, server.line() as line:
        line.send(FOLLOWING * 3)
        answers = [await line.answer() for _ in range(3)]
        assert [answer.headers.get("connection") for answer in answers] == [None, None, "close"]
        assert await line.ended()


async def test_request_that_is_on_its_way_at_the_end_is_answered() -> None:
    opened: list[HttpProtocol] = []
    made = asyncio.Event()

    class Noticing(Patient):
        farewell_seconds = 60.0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            opened.append(self)
            made.set()

    async with serving(echo, Noticing) as server, server.line() as line:
        await made.wait()
        opened[0].shutdown()
        line.send(FOLLOWING)
        answer = await line.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await line.ended()


async def test_caller_that_never_reads_is_cut_off_and_holds_little_memory() -> None:
    opened: list[HttpProtocol] = []
    lost = asyncio.Event()
    buffered: list[int] = []

    class Hasty(Patient):
        write_seconds = 0.05

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            opened.append(self)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not lost.is_set():
            await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
            buffered.append(opened[0].transport.get_write_buffer_size())

    async with serving(endless, Hasty) as server, server.line() as line:
        line.send(FOLLOWING)
        await line.reader.readuntil(b"\r\n\r\n")
        await lost.wait()
    assert max(buffered) <= 1_100_000


async def test_closed_connection_does_not_wait_for_a_caller_that_never_reads() -> None:
    lost = asyncio.Event()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"x" * 20_000_000)

    class Hasty(Patient):
        write_seconds = 0.05

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async with serving(large, Hasty) as server, server.line() as line:
        line.send(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await line.reader.readuntil(b"\r\n\r\n")
        await lost.wait()


async def test_slow_reader_gets_everything() -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"x" * 20_000_000)

    async with serving(large, Patient) as server, server.line() as line:
        line.send(FOLLOWING)
        assert len((await line.answer()).body) == 20_000_000
        line.send(FOLLOWING)
        assert (await line.answer()).status == 200


async def test_connections_over_the_limit_are_told_and_closed() -> None:
    lost = asyncio.Event()

    class Few(Patient):
        limit = ConnectionLimit(total=10, per_peer=2)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async with serving(echo, Few) as server, server.line() as one, server.line() as two:
        for line in (one, two):
            line.send(FOLLOWING)
            assert (await line.answer()).status == 200
        async with server.line() as third:
            third.send(FOLLOWING)
            refusal = await third.answer()
            assert (refusal.status, refusal.json["code"]) == (429, "too_many_connections")
            assert await third.ended()
        await lost.wait()
        lost.clear()
        two.close()
        await lost.wait()
        async with server.line() as again:
            again.send(FOLLOWING)
            assert (await again.answer()).status == 200


PROXIES = [ip_network("10.0.0.0/8")]


def _codes(limit: ConnectionLimit, peers: list[str]) -> list[str | None]:
    problems: list[Problem | None] = [limit.admit(peer)[1] for peer in peers]
    return [problem.code if problem else None for problem in problems]


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9"])
def test_default_limits_one_address(peer: str) -> None:
    codes = _codes(ConnectionLimit(1000, trusted=PROXIES), [peer] * (DEFAULT_PER_PEER + 1) + ["203.0.113.8"])
    assert codes == [None] * DEFAULT_PER_PEER + ["too_many_connections", None]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.1.2.3", ""])
def test_default_does_not_limit_the_machine_itself_and_trusted_proxies(peer: str) -> None:
    codes = _codes(ConnectionLimit(1000, trusted=PROXIES), [peer] * 1001)
    assert codes == [None] * 1000 + ["overloaded"]


def test_a_network_of_ipv6_is_one_address() -> None:
    limit = ConnectionLimit(1000, per_peer=1)
    assert _codes(limit, ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]) == [
        None,
        "too_many_connections",
        None,
    ]


def test_trusted_proxy_is_not_limited_by_a_setting_either() -> None:
    codes = _codes(ConnectionLimit(1000, 1, PROXIES), ["10.0.0.1", "10.0.0.1", "127.0.0.1", "127.0.0.1"])
    assert codes == [None, None, None, "too_many_connections"]


def test_connections_beyond_the_total_are_a_trouble() -> None:
    app = create_app(Settings(max_connections=20))
    counts, limit = app.state.metrics.troubles.counts, protocol_of(app).limit
    assert _codes(limit, ["127.0.0.1"] * 20) == [None] * 20
    assert "connections_exhausted" not in counts
    assert _codes(limit, ["127.0.0.1"] * 2) == ["overloaded"] * 2
    assert counts["connections_exhausted"] == 2


def test_closed_connections_make_room() -> None:
    limit = ConnectionLimit(total=1)
    peer, _ = limit.admit("203.0.113.9")
    limit.closed(peer)
    assert _codes(limit, ["203.0.113.9", "203.0.113.9"]) == [None, "overloaded"]


def test_far_beyond_the_total_nobody_is_told() -> None:
    limit = ConnectionLimit(total=1)
    for _ in range(SPARE_CONNECTIONS):
        limit.admit("203.0.113.9")
    assert not limit.exhausted
    limit.admit("203.0.113.9")
    assert limit.exhausted
