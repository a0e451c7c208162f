"""A large body is checked in slices, with the result that it has when it is checked at once."""

import asyncio
from typing import Any

import orjson
import pytest

from app.contract.limits import BodyLimits
from app.contract.strict_json import AT_ONCE_BYTES, InvalidItem, parse, parse_in_slices
from app.errors import MalformedJson

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


def _body(faulty: dict[int, bytes]) -> bytes:
    filler = orjson.dumps(FILLER)
    items = b",".join(faulty.get(position, filler) for position in range(ITEMS))
    raw = b'{"items":[' + items + b"]}"
    assert len(raw) > AT_ONCE_BYTES
    return raw


def _shown(item: Any) -> Any:
    return item.fault if isinstance(item, InvalidItem) else item
