"""What is read without the parser is what the parser would have read, and one whole request."""

import random
from typing import Any

import httptools
import pytest

from app.api.http.auth import credentials_digest
from app.api.http.plain_request import MAX_HEADERS, MAX_KNOWN, MAX_SIZE, PlainRequests

TARGETS = [("POST", "/assign"), ("POST", "/assign/batch")]
PLAIN = PlainRequests(TARGETS, wants_headers=True)
HEAD = b"POST /assign HTTP/1.1\r\nHost: a.example:8000\r\n"
WHOLE = HEAD + b"Content-Length: 2\r\n\r\n{}"
LONG = WHOLE.replace(
    b"\r\n\r\n",
    b'\r\nUser-Agent: A/1.0 (b; c) "d"\r\naccept:*/*\r\nConnection: Keep-Alive\r\nX_y!: a:b  c\r\n\r\n',
)


class Parsed:
    """What the parser makes of bytes."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.requests = b"", b"", 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.requests += 1


def _check(data: bytes, read: dict[str, Any]) -> None:
    parsed = Parsed(data)
    assert (parsed.requests, parsed.headers) == (1, read["headers"])
    assert (parsed.parser.get_method().decode(), parsed.url.decode()) == (read["method"], read["path"])
    assert data.endswith(b"\r\n\r\n" + parsed.body)
    assert parsed.parser.get_http_version() == "1.1"
    assert parsed.parser.should_keep_alive()
    assert not parsed.parser.should_upgrade()


@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        LONG,
        WHOLE.replace(b"/assign", b"/assign/batch"),
        HEAD + b"Content-Length: 0\r\n\r\n",
        WHOLE.replace(b"a.example:8000", b"[::1]"),
    ],
)
def test_ordinary_request_is_read(data: bytes) -> None:
    read = PLAIN.read(data)
    assert read is not None
    _check(data, read)
    remembering = PlainRequests(TARGETS)
    assert remembering.read(data) == read
    again = remembering.read(data)
    assert again == {**read, "headers": (), "credentials": credentials_digest(read)}
    assert remembering.read(data + b" ") is None
    assert remembering.read(data[:-1]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WHOLE + WHOLE,
        WHOLE + b"\r\n",
        b"\r\n" + WHOLE,
        WHOLE[:-1],
        WHOLE[:-2],
        WHOLE[:-4],
        WHOLE.replace(b"POST", b"PUT"),
        WHOLE.replace(b"/assign", b"/assign?a=b"),
        WHOLE.replace(b"/assign", b"/other"),
        WHOLE.replace(b"1.1", b"1.0"),
        WHOLE.replace(b"Content-Length: 2\r\n", b""),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length: 02"),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length: +2"),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length: 2, 2"),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length: 2\r\nContent-Length: 2"),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length : 2"),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length: 2 "),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length:\t2"),
        WHOLE.replace(b"Content-Length: 2", b"Content-Length:\r\n 2"),
        WHOLE.replace(b"Host: a.example:8000\r\n", b""),
        WHOLE.replace(b"Host: a.example:8000", b"Host: a\r\nHost: a"),
        WHOLE.replace(b"Host: a.example:8000", b"Host: a/b"),
        WHOLE.replace(b"\r\n", b"\n"),
        WHOLE.replace(b"1.1\r\n", b"1.1\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX: a\nY: b\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX: a\rb\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX: a\0b\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX: \xff\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX: a\r\n b\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX:\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\n: a\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nProxy-Connection: close\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nX-HTTP-Method-Override: PUT\r\n\r\n"),
        WHOLE.replace(b"\r\n\r\n", b"".join(b"\r\nX-%d: a" % n for n in range(MAX_HEADERS)) + b"\r\n\r\n"),
        HEAD + b"Content-Length: %d\r\n\r\n" % MAX_SIZE + b"a" * MAX_SIZE,
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert PLAIN.read(data) is None


@pytest.mark.parametrize("name", [b"X-Request-Id", b"Traceparent"])
def test_request_that_has_a_name_is_read_with_its_headers_each_time(name: bytes) -> None:
    remembering = PlainRequests(TARGETS)
    named = WHOLE.replace(b"\r\n", b"\r\n" + name + b": a\r\n", 1)
    for _ in range(2):
        read = remembering.read(named)
        assert read is not None
        assert (name.lower(), b"a") in read["headers"]


def test_what_is_remembered_holds_no_secret_and_has_an_end() -> None:
    remembering = PlainRequests(TARGETS)
    for number in range(MAX_KNOWN + 10):
        remembering.read(WHOLE.replace(b"\r\n", b"\r\nAuthorization: Bearer canary-%d\r\n" % number, 1))
    kept = vars(remembering)
    assert "canary" not in str(kept)
    assert max(len(each) for each in kept.values() if isinstance(each, dict)) == MAX_KNOWN


def test_what_is_read_of_broken_requests_is_what_the_parser_reads() -> None:
    chosen = random.Random(20261201)
    pieces = [
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b":",
        b"\0",
        b",",
        b"0",
        b"2",
        b"\x80",
        b"Host: b\r\n",
        b"a",
    ]
    read_at_all, remembering = 0, PlainRequests(TARGETS)
    for _ in range(4000):
        data = chosen.choice([WHOLE, LONG])
        for _ in range(chosen.randint(1, 2)):
            at, size = chosen.randrange(len(data)), chosen.choice([0, 0, 1, 2])
            data = data[:at] + chosen.choice(pieces) + data[at + size :]
        if (read := PLAIN.read(data)) is not None:
            read_at_all += 1
            _check(data, read)
        for _ in range(2):
            again = remembering.read(data)
            assert (again is None) == (read is None)
    assert read_at_all > 100
