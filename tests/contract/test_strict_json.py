"""A large body is checked in slices, with the result that it has when it is checked at once."""

import asyncio
import json
from typing import Any

import orjson
import pytest

from app.contract.limits import BodyLimits
from app.contract.strict_json import (
    AT_ONCE_BYTES,
    MAX_VALUES,
    PART_BYTES,
    SEARCHED_BYTES,
    InvalidItem,
    parse,
    parse_in_slices,
)
from app.errors import MalformedJson, Problem, ValidationFailed

LIMITS = BodyLimits(size=8 << 20, isolate_items="items")
ITEMS = 1000
FILLER = {f"field_{number}": "x" * 40 for number in range(40)}
FAULTY = {3: b'{"a":1,"a":2}', 5: b'{"a":"\\u0000"}', 7: b'{"a":1e300}'}


@pytest.mark.parametrize("faulty", [{}, FAULTY])
async def test_slices_find_what_a_check_at_once_finds(faulty: dict[int, bytes]) -> None:
    raw = _body(faulty)
    sliced, at_once = await parse_in_slices(raw, LIMITS), parse(raw, LIMITS)
    assert [_shown(item) for item in sliced["items"]] == [_shown(item) for item in at_once["items"]]
    assert {
        position for position, item in enumerate(sliced["items"]) if isinstance(item, InvalidItem)
    } == faulty.keys()


async def test_other_work_goes_on_while_a_large_body_is_checked() -> None:
    checking = asyncio.create_task(parse_in_slices(_body(FAULTY), LIMITS))
    turns = 0
    while not checking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 5


async def test_a_key_twice_beside_the_items_is_refused_in_slices_too() -> None:
    with pytest.raises(MalformedJson):
        await parse_in_slices(_body({})[:-1] + b',"x":1,"x":2}', LIMITS)


WHOLE = BodyLimits(size=8 << 20)
LISTS = {
    "fine": b'{"a":[%b],"b":[1],"c":"x"}',
    "deep": b'{"a":[%b],"b":[' + b"[" * 31 + b"]" * 31 + b"]}",
    "a large number": b'{"a":[%b,{"x":1e300}]}',
    "a key twice": b'{"a":[%b,{"x":1,"x":2}]}',
    "too many items": b'{"a":[%b],"b":[' + b",".join([b"1"] * 1001) + b"]}",
    "no object": b"[%b]",
    "cut off": b'{"a":[%b',
}


@pytest.mark.parametrize("shape", LISTS)
async def test_body_without_items_of_its_own_has_the_same_result_in_slices(shape: str) -> None:
    raw = LISTS[shape] % b",".join([orjson.dumps(FILLER)] * 100)
    assert len(raw) > AT_ONCE_BYTES
    try:
        sliced: Any = await parse_in_slices(raw, WHOLE)
    except Problem as problem:
        sliced = problem
    at_once = _at_once(raw, WHOLE)
    if isinstance(at_once, Problem):
        assert isinstance(sliced, Problem)
        assert (sliced.code, sliced.faults) == (at_once.code, at_once.faults)
    else:
        assert sliced == at_once


DENSE = {
    "items": b'{"items":[' + b",".join([b"{}"] * MAX_VALUES) + b",{}]}",
    "an item": b'{"items":[{"a":[' + b",".join([b"1"] * MAX_VALUES) + b"]},{}]}",
    "texts and values": b'{"items":[{"a":",\\"\\\\","b":[' + b",".join([b'","'] * MAX_VALUES) + b"]},{}]}",
}


@pytest.mark.parametrize("limits", [LIMITS, WHOLE], ids=["items", "whole"])
@pytest.mark.parametrize("shape", DENSE)
async def test_body_of_too_many_values_is_refused_before_it_is_loaded(shape: str, limits: BodyLimits) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await parse_in_slices(DENSE[shape], limits)
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [((), "too_many_items")]


@pytest.mark.parametrize(
    "text",
    [b"," * 8000, b'\\"' * 2000 + b"," * 4000, b'\\\\\\"' + b"," * 8000],
    ids=["plain", "escaped", "quotes"],
)
async def test_commas_in_texts_are_no_values(text: bytes) -> None:
    raw = b'{"items":[' + b",".join([b'{"a":"%b"}' % text] * 40) + b"]}"
    assert raw.count(b",") > MAX_VALUES
    assert len((await parse_in_slices(raw, LIMITS))["items"]) == 40


async def test_text_that_does_not_end_is_looked_at_once() -> None:
    raw = b'{"items":["' + b'\\",' * (1 << 20)
    with pytest.raises(MalformedJson):
        await parse_in_slices(raw, LIMITS)


@pytest.mark.parametrize("spaces", [1, 7, SEARCHED_BYTES])
@pytest.mark.parametrize("before", range(-3, 3))
async def test_key_that_stands_twice_is_found_wherever_the_body_is_cut(before: int, spaces: int) -> None:
    head, tail = b'{"items":[{"a":1,"f":"', b'","a"' + b" " * spaces + b":2}]}"
    raw = head + b"x" * (SEARCHED_BYTES - len(head) - 4 + before) + tail
    assert raw.index(b'"a" ') == SEARCHED_BYTES - 2 + before
    limits = BodyLimits(size=8 << 20, isolate_items="items", text=2 * SEARCHED_BYTES)
    (item,) = (await parse_in_slices(raw, limits))["items"]
    assert isinstance(item, InvalidItem)
    assert (item.fault.code, item.fault.path) == ("duplicate_key", ("items", 0, "a"))


NESTED = b'{"field_0":[{"field_0":1},{"field_0":2},{"field_0":"},{\\"field_0\\":3"}]}'
SHAPES = {
    "spaces": lambda: json.dumps({"items": [FILLER] * ITEMS}, indent=None).encode(),
    "indented": lambda: json.dumps({"items": [FILLER] * ITEMS}, indent=1).encode() + b"\n",
    "like a cut": lambda: b'{"items":[' + b",".join([NESTED] * 5000) + b"]}",
    "another key": lambda: _body({})[:-1] + b',"x":1}',
    "the same key": lambda: _body({})[:-1] + b',"items":[]}',
    "a list too many": lambda: _body({})[:-1] + b"]}",
    "a comma too many": lambda: _body({})[:-2] + b",]}",
    "no comma": lambda: _body({}).replace(b"},{", b"}{"),
    "cut off": lambda: _body({})[:-2],
    "not UTF-8": lambda: _body({500: b'{"field_0":"\xff"}'}),
    "a broken item": lambda: _body({500: b'{"field_0":}'}),
    "an item that is none": lambda: _body({500: b"7"}),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_body_of_any_shape_has_the_same_result_in_parts(shape: str) -> None:
    raw, limits = SHAPES[shape](), BodyLimits(size=8 << 20, isolate_items="items", items=5000)
    try:
        sliced: Any = await parse_in_slices(raw, limits)
    except Problem as problem:
        sliced = problem
    assert _comparable(sliced) == _comparable(_at_once(raw, limits))


async def test_other_work_goes_on_while_a_large_body_is_loaded() -> None:
    raw = _body({})
    checking = asyncio.create_task(parse_in_slices(raw, LIMITS))
    turns = 0
    while not checking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > len(raw) // PART_BYTES


def _at_once(raw: bytes, limits: BodyLimits) -> Any:
    try:
        return parse(raw, limits)
    except Problem as problem:
        return problem


def _comparable(result: Any) -> Any:
    if isinstance(result, Problem):
        return result.code, result.detail, result.faults
    return {**result, "items": [_shown(item) for item in result["items"]]}


def _body(faulty: dict[int, bytes]) -> bytes:
    filler = orjson.dumps(FILLER)
    items = b",".join(faulty.get(position, filler) for position in range(ITEMS))
    raw = b'{"items":[' + items + b"]}"
    assert len(raw) > AT_ONCE_BYTES
    return raw


def _shown(item: Any) -> Any:
    return item.fault if isinstance(item, InvalidItem) else item
