"""Bodies are strict JSON within limits (S-09 to S-12)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.contract.limits import BodyLimits
from tests.api.small_app import Small, lead_bytes, post

LIMITS = BodyLimits()


async def test_the_example_is_accepted(small: Small, example_bytes: bytes) -> None:
    answer = await post(small, example_bytes)
    assert answer.status_code == 200
    assert answer.json()["keys"] == ["dry_run", "exclude", "lead", "trigger"]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"nothing", b'{"a": 1,}', b"{'a': 1}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}',
        b'{"a": 01}', b'{"a": 1e400}', b'{"a": ' + b"9" * 400 + b"}", b'{"a": "\xff"}', b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"), b'{"a": "\\ud800"}', b'{"a": "\\udc00\\ud800"}', b'{"a": "\x00"}',
        b'{"a": "\n"}', b'{"a": 1} {"a": 1}',
        b"[" * 60_000, b'{"a":' * 10_000, b" ", b'{"a": 1}//',
    ],
)  # fmt: skip
async def test_body_that_is_not_strict_json_gets_400(small: Small, body: bytes) -> None:
    answer = await post(small, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"a":1,"a":1}', "a"),
        (b'{"a" :1,"b":":","a":1}', "a"),
        (b'{"lead":{"email":"a@b.example","email":"a@b.example"}}', "lead.email"),
        (b'{"lead":{"engagement":[{"type":"a"},{"type":"a","type":"b"}]}}', "lead.engagement[1].type"),
        (b'{"a":{"x":1},"b":"\\":","a":{}}', "a"),
        (b'{"a":1,"\\u0061":2}', "a"),
        (b'[{"a":1},{"a":1,"a":2}]', "[1].a"),
    ],
)
async def test_duplicate_key_is_reported_with_its_path(small: Small, body: bytes, path: str) -> None:
    answer = await post(small, body)
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, "duplicate_key")]


def _nested(depth: int) -> Any:
    return {"a": _nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("attributes", "path", "code"),
    [
        (_nested(31), "lead.attributes" + ".a" * 30, "too_deep"),
        ({f"k{number}": 1 for number in range(501)}, "lead.attributes", "too_many_keys"),
        ({"list": [0] * 1001}, "lead.attributes.list", "too_many_items"),
        ({"text": "x" * 8193}, "lead.attributes.text", "too_long"),
        ({"text": "ü" * 4097}, "lead.attributes.text", "too_long"),
        ({"k" * 8193: 1}, "lead.attributes.…", "too_long"),
        ({"nul": "\0"}, "lead.attributes.nul", "invalid_text"),
        ({"\0": 1}, "lead.attributes.…", "invalid_text"),
        ({"deep": ["\0"]}, "lead.attributes.deep[0]", "invalid_text"),
        ({"number": 1e16}, "lead.attributes.number", "out_of_range"),
        ({"number": 2**63}, "lead.attributes.number", "out_of_range"),
    ],
)
async def test_exceeded_limit_is_reported_with_its_path(
    small: Small, attributes: Any, path: str, code: str
) -> None:
    answer = await post(small, lead_bytes(attributes=attributes))
    assert answer.status_code == 422
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]


@pytest.mark.parametrize(
    "attributes",
    [
        _nested(30), {f"k{number}": 1 for number in range(500)}, {"list": [0] * 1000}, {"text": "ü" * 4096},
        {"numbers": [1e15, -1e15, 2**63 - 1, -(2**63), 0.1]}, {"text": "\\u0000 \":\" \" : "},
        {"": [{}, [], None]},
    ],
)  # fmt: skip
async def test_body_at_the_limit_is_accepted(small: Small, attributes: Any) -> None:
    answer = await post(small, lead_bytes(attributes=attributes))
    assert answer.status_code == 200
    assert answer.json()["lead"]["attributes"] == attributes


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200), ("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 200),
        ("application/vnd.acme+json", 200), ("text/json", 415), ("text/plain", 415), ("", 415),
        ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415), ("json", 415),
    ],
)  # fmt: skip
async def test_only_json_is_read(small: Small, content_type: str, status: int) -> None:
    assert (await post(small, lead_bytes(), content_type=content_type)).status_code == status


async def test_a_compressed_body_is_not_read(small: Small) -> None:
    assert (await post(small, lead_bytes(), content_encoding="gzip")).status_code == 415


async def test_a_body_over_the_limit_gets_413(small: Small) -> None:
    answer = await post(small, b" " * (LIMITS.size + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("promised", [None, "5", "99999999999999999999", "-1", "ten"])
async def test_the_limit_holds_while_streaming_whatever_was_promised(
    small: Small, promised: str | None
) -> None:
    """A caller without end: were more than the limit taken in, this test would not end either."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1024
            yield b" " * 1024

    answer = await post(small, endless(), **({"content_length": promised} if promised else {}))
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"
    assert taken <= LIMITS.size + 1024


async def test_endless_body_is_abandoned(small: Small) -> None:
    async def stalled() -> dict[str, Any]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await small.app({**_scope(small), "path": "/impatient", "raw_path": b"/impatient"}, stalled, send)
    assert statuses[0] == 408


async def test_truncated_body_is_not_used(small: Small) -> None:
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": lead_bytes(), "more_body": True}, {"type": "http.disconnect"}]
    )
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await small.app(_scope(small), receive, send)
    assert statuses[0] == 400


def _scope(small: Small) -> dict[str, Any]:
    return {
        "type": "http", "method": "POST", "path": "/assign", "raw_path": b"/assign", "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"), (b"authorization", b"Bearer dev-key"),
            (b"content-type", b"application/json"),
        ],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "scheme": "http", "app": small.app,
    }  # fmt: skip
