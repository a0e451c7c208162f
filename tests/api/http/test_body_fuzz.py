"""Nothing a caller sends ends in a 500, and no doubled key slips through (S-12, S-15)."""

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.limits import BodyLimits
from app.contract.strict_json import parse
from app.errors import MalformedJson, Problem, ValidationFailed
from tests.api.small_app import Small

LIMITS = BodyLimits()
PIECES = [
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud83d", b"null", b"1e999", b"-", b"\xff",
    b"9" * 30, b'"a":1,"a":2', b"true", b"\xf0\x9f", b" " * 50, b'"\xe2\x80\xa8"',
]  # fmt: skip


_TEXT = st.text(st.sampled_from('a":\\ \n{}[],\u0000ü'), max_size=5)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_TEXT, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def _written(value: Any, space: str) -> str:
    """JSON text in which a tuple is an object: of its pairs, some may have the same key."""
    if isinstance(value, tuple):
        pairs = (f"{orjson.dumps(key).decode()}{space}:{_written(item, space)}" for key, item in value)
        return "{" + f",{space}".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item, space) for item in value) + "]"
    return orjson.dumps(value).decode()


def _has_double(value: Any) -> bool:
    if isinstance(value, tuple):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(_has_double(item) for _, item in value)
    return isinstance(value, list) and any(map(_has_double, value))


def _has_nul(value: Any) -> bool:
    if isinstance(value, tuple):
        return any("\0" in key or _has_nul(item) for key, item in value)
    return any(map(_has_nul, value)) if isinstance(value, list) else isinstance(value, str) and "\0" in value


@settings(max_examples=1000, deadline=None)
@given(_VALUES, st.sampled_from(["", " ", "\n"]))
def test_doubled_keys_and_nul_are_found_wherever_they_are(value: Any, space: str) -> None:
    raw = _written(value, space).encode()
    try:
        document = parse(raw, LIMITS)
    except ValidationFailed:
        assert _has_nul(value)
    except MalformedJson:
        assert _has_double(value)
    else:
        assert not _has_double(value)
        assert not _has_nul(value)
        assert document == orjson.loads(raw)


@pytest.mark.parametrize("count", [2000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_thousands_of_malformed_bodies_and_not_one_500(
    small: Small, example_bytes: bytes, count: int
) -> None:
    chance = random.Random(20261121)
    statuses: dict[int, int] = {}
    async with small.client() as client:
        for _ in range(count):
            body = bytearray(example_bytes)
            for _ in range(chance.randint(1, 4)):
                start = chance.randrange(len(body))
                body[start : start + chance.choice([0, 0, 1, 5, 200])] = chance.choice(PIECES)
            answer = await client.post(
                chance.choice(["/assign", "/assign/batch"]),
                content=bytes(body),
                headers={"content-type": "application/json"},
            )
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert set(statuses) <= {200, 400, 422}
    assert statuses[400] > count // 2
    assert statuses[422] > count // 20


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200) | _VALUES.map(lambda value: orjson.dumps(value, default=list)))
def test_any_bytes_parse_to_a_value_or_a_problem(raw: bytes) -> None:
    for limits in (LIMITS, BodyLimits(isolate_items="items")):
        try:
            parse(raw, limits)
        except Problem as problem:
            status = problem.status
        else:
            status = 200
        assert status in (200, 400, 422)
