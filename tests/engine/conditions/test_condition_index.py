"""The index over many conditions."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.conditions.condition import Condition, compile_condition
from app.engine.conditions.index import ConditionIndex
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import PIPELINE

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def condition(written: object) -> Condition:
    return compile_condition(parse_condition(written, PIPELINE))


def condition_index(*written: object) -> ConditionIndex:
    return ConditionIndex([None if each is None else condition(each) for each in written])


def test_candidates_exclude_impossible_conditions_and_keep_the_order() -> None:
    index = condition_index(
        {"source": "b"},
        None,
        {"source": ["a", "c"]},
        {"visits": {"gt": 3}},
        {"source": "A"},
        {"city": {"prefix": "Ber"}},
    )
    assert list(index.candidates({"source": "a"})) == [1, 2, 3, 4]
    assert list(index.candidates({"source": "B", "city": "berlin"})) == [0, 1, 3, 5]
    assert list(index.candidates({})) == [1, 3]


def test_prefixes_of_several_lengths_are_found() -> None:
    index = condition_index(
        *({"postal_code": {"prefix": prefix}} for prefix in ("1", "10", "101", "2", "10115", "101159"))
    )
    assert list(index.candidates({"postal_code": "10115"})) == [0, 1, 2, 4]
    assert list(index.candidates({"postal_code": "1"})) == [0]
    assert list(index.candidates({"postal_code": 10115})) == []


def test_condition_with_several_prefixes_is_found_once() -> None:
    index = condition_index({"phone": {"prefix": ["+4", "+49", "+1"]}}, {"phone": {"prefix": ["+49"]}})
    assert list(index.candidates({"phone": "+4930"})) == [0, 1]
    assert list(index.candidates({"phone": "+1202"})) == [0]
    assert list(index.candidates({"phone": "+33"})) == []


def test_a_condition_is_filed_under_its_rarest_requirement() -> None:
    index = condition_index(*({"country": "DE", "source": f"s{n}"} for n in range(1_000)))
    assert list(index.candidates({"country": "DE", "source": "S500"})) == [500]
    assert list(index.candidates({"country": "DE"})) == []


def test_ten_thousand_rules_leave_as_few_candidates_as_ten() -> None:
    for size in (10, 10_000):
        rules = [{"attributes.territory": f"t{n}", "country": "DE", "visits": {"gt": 1}} for n in range(size)]
        index = condition_index(*rules, None)
        values = {"country": "DE", "visits": 2, "attributes": {"territory": "T7"}}
        assert list(index.candidates(values)) == [7, size]


def test_state_stored_as_a_name_is_found_by_its_code() -> None:
    index = condition_index({"state": "CA"}, {"state": "TX"})
    assert list(index.candidates({"state": "California", "country": "US"})) == [0]
    assert list(index.candidates({"state": "California"})) == [0]


_TEXTS = st.sampled_from(["a", "A", "ab", "abc", "b", "Straße", "STRASSE", "İ"])
_NUMBERS = st.sampled_from([0, 1, 1.0, 2, 2.5])
_FIELD_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "source": _TEXTS,
    "city": _TEXTS,
    "employees": _NUMBERS,
    "consent.email": st.booleans(),
    "country": st.sampled_from(["US", "IT", "DE"]),
    "state": st.sampled_from(["CA", "ca", "US-CA", "IT-CA", "California", "Bayern", "BY"]),
    "attributes.x": st.one_of(_TEXTS, _NUMBERS, st.booleans()),
}


@st.composite
def _leaves(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(sorted(_FIELD_VALUES)))
    value = draw(_FIELD_VALUES[field])
    operators = ["eq", "ne"]
    if field != "consent.email" and not isinstance(value, bool):
        operators += ["in", "not_in"]
    if isinstance(value, str):
        operators += ["prefix", "contains"]
    operator = draw(st.sampled_from(operators))
    more = _TEXTS if isinstance(value, str) else _NUMBERS
    if field == "country":
        more = _FIELD_VALUES[field]
    operand = [value, draw(more)] if operator in ("in", "not_in") else value
    return {field: {operator: operand}}


_CONDITIONS = st.recursive(
    _leaves(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)


@st.composite
def _leads(draw: st.DrawFn) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, possible in _FIELD_VALUES.items():
        if draw(st.booleans()):
            first, _, rest = name.partition(".")
            value = draw(possible)
            values[first] = {rest: value} if rest else value
    return values


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.none(), _CONDITIONS), max_size=12), _leads())
def test_a_condition_that_holds_is_never_ruled_out(written: list[object], values: dict[str, Any]) -> None:
    compiled = [None if each is None else condition(each) for each in written]
    candidates = list(ConditionIndex(compiled).candidates(values))
    holding = [at for at, each in enumerate(compiled) if each is None or each.holds(values, NOW)]
    assert set(holding) <= set(candidates)
    assert candidates == sorted(set(candidates))
