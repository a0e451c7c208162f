"""What earlier conditions take of later ones, compared with every lead of a small world."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.conditions.condition import Condition, compile_condition
from app.plan.document.own_fields import read_own_fields
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import PIPELINE
from app.plan_check.clauses import MAX_CUBES, Alternatives, alternatives, vocabulary_of
from app.plan_check.shadows import MAX_COMPARISONS, Cover, Shadows

NOW = datetime(2026, 11, 20, tzinfo=UTC)
WORLD: dict[str, list[Any]] = {
    "country": [None, "DE", "FR", "NL", "US"],
    "city": [None, "Alamo", "Los Alamos", "york"],
    "employees": [None, 4, 5, 6, 10, "5-6", "6-10", "6+"],
    "pages": [None, [], ["a"], ["A", "b"]],
    "language": [None, "de", ["en"], ["de", "en"]],
    "state": [None, "CA", "California", "IT-CA", "TX"],
    "attributes.x": [None, "a", "ab", ["a"], ["ab", 5], 5, 6.5, True],
    "consent.phone": [None, True, False],
    "last_seen_at": [None, NOW, datetime(2026, 1, 1, tzinfo=UTC)],
}


def _lead(values: dict[str, Any]) -> dict[str, Any]:
    lead: dict[str, Any] = {}
    for name, value in values.items():
        first, _, rest = name.partition(".")
        if rest:
            lead.setdefault(first, {})[rest] = value
        else:
            lead[name] = value
    return lead


def leads(*conditions: Any) -> Iterator[dict[str, Any]]:
    """Every lead of the world, as far as the conditions can tell them apart."""
    written = str(conditions)
    used = [name for name in WORLD if name in written]
    for values in product(*(WORLD[name] for name in used)):
        yield _lead(dict(zip(used, values, strict=True)))


@lru_cache
def _compiled(written: bytes) -> Condition:
    """A condition, which is made once for all leads of the world."""
    return compile_condition(parse_condition(orjson.loads(written), PIPELINE))


def holds(written: Any, lead: dict[str, Any]) -> bool:
    return written is None or _compiled(orjson.dumps(written)).holds(lead, NOW)


def read(written: Any) -> Alternatives:
    return alternatives(None if written is None else parse_condition(written, PIPELINE))


def cover(*conditions: Any) -> Cover:
    """What all conditions but the last take of the last."""
    apart = [read(each) for each in conditions]
    shadows = Shadows(apart)
    for position, each in enumerate(apart[:-1]):
        shadows.add(position, each)
    return shadows.cover(apart[-1])


def unused(*conditions: Any) -> list[str]:
    """The paths of the values of the last condition that are of no use."""
    atoms = cover(*conditions).atoms
    return [each.path for each in read(conditions[-1]).words if each.atoms and each.atoms <= set(atoms)]


def some(values: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


COUNTRIES = st.sampled_from(["DE", "FR", "NL", "US"])
TEXTS = ["Alamo", "Los Alamos", "york", "Los", "A"]
NUMBERS = st.sampled_from([4, 5, 6, 10])
BOUND = st.sampled_from(["gt", "gte", "lt", "lte"])
COMPARISONS = st.one_of(
    st.builds(lambda value: {"country": value}, COUNTRIES | some(["DE", "FR", "NL"]) | st.none()),
    st.builds(
        lambda operator, value: {"country": {operator: value}},
        st.sampled_from(["in", "not_in"]),
        some(["DE", "FR", "NL"]),
    ),
    st.builds(
        lambda operator, value: {"city": {operator: value}},
        st.sampled_from(["eq", "ne", "prefix", "contains"]),
        st.sampled_from(TEXTS),
    ),
    st.builds(
        lambda operator, value: {"city": {operator: value}},
        st.sampled_from(["in", "not_in", "prefix", "contains"]),
        some(TEXTS),
    ),
    st.builds(lambda operator, value: {"employees": {operator: value}}, BOUND, NUMBERS),
    st.builds(lambda one, other: {"employees": {"gte": one, "lt": other}}, NUMBERS, NUMBERS),
    st.builds(
        lambda operator, value: {"employees": {operator: value}},
        st.sampled_from(["eq", "ne"]),
        NUMBERS | st.just("5-6"),
    ),
    st.builds(
        lambda operator, value: {"employees": {operator: value}},
        st.sampled_from(["in", "not_in"]),
        some([4, 5, 10, "5-6", "6+"]),
    ),
    st.builds(
        lambda field, operator, value: {field: {operator: value}},
        st.sampled_from(["language", "state"]),
        st.sampled_from(["eq", "ne", "prefix", "contains"]),
        st.sampled_from(["de", "en", "d", "US-CA", "IT-CA", "CA", "California"]),
    ),
    st.builds(
        lambda value: {"pages": {"contains": value}}, st.sampled_from(["a", "b"]) | some(["a", "b", "c"])
    ),
    st.builds(
        lambda operator, value: {"attributes.x": {operator: value}},
        st.sampled_from(["eq", "ne"]),
        st.sampled_from(["a", "ab", 5, 6.5, True]),
    ),
    st.builds(
        lambda operator, value: {"attributes.x": {operator: value}},
        st.sampled_from(["in", "not_in", "contains"]),
        some(["a", "ab", 5]),
    ),
    st.builds(
        lambda operator, value: {"attributes.x": {operator: value}},
        st.sampled_from(["prefix", "contains"]),
        st.sampled_from(["a", "ab"]),
    ),
    st.builds(lambda operator, value: {"attributes.x": {operator: value}}, BOUND, NUMBERS),
    st.builds(
        lambda operator, value: {"consent.phone": {operator: value}},
        st.sampled_from(["eq", "ne", "exists"]),
        st.booleans(),
    ),
    st.builds(lambda value: {"city": {"exists": value}}, st.booleans()),
    st.builds(
        lambda operator, value: {"last_seen_at": {operator: value}},
        st.sampled_from(["gt", "gte", "lt", "lte", "eq", "ne"]),
        st.sampled_from(["now", "30d ago", "60d ago", "2026-01-01"]),
    ),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda parts: st.one_of(
        st.builds(lambda each: {"all": each}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda each: {"any": each}, st.lists(parts, min_size=1, max_size=3)),
        st.builds(lambda each: {"not": each}, parts),
    ),
    max_leaves=5,
)


@settings(max_examples=120, deadline=None)
@given(st.lists(CONDITIONS, min_size=2, max_size=4))
def test_no_lead_is_left_of_a_condition_that_is_covered(conditions: list[Any]) -> None:
    by = cover(*conditions).by
    if by:
        for lead in leads(*conditions):
            assert not holds(conditions[-1], lead) or any(holds(conditions[at], lead) for at in by)


@settings(max_examples=120, deadline=None)
@given(CONDITIONS)
def test_no_lead_meets_a_condition_without_alternatives(condition: Any) -> None:
    if not read(condition).cubes:
        assert not any(holds(condition, lead) for lead in leads(condition))


@settings(max_examples=80, deadline=None)
@given(st.lists(CONDITIONS, min_size=2, max_size=4))
def test_what_is_of_no_use_can_be_removed(conditions: list[Any]) -> None:
    found = cover(*conditions)
    last = conditions[-1]
    words = [each for each in read(last).words if each.atoms and each.atoms <= set(found.atoms)]
    places = [(each.path, {found.atoms[atom] for atom in each.atoms}) for each in words]
    for path, by in [*places, *((path, set(at)) for path, at in found.branches.items())]:
        without = removed(last, path)
        for lead in leads(*conditions):
            if holds(last, lead) and not (without is not None and holds(without, lead)):
                assert any(holds(conditions[at], lead) for at in by), path


def removed(condition: Any, path: str) -> Any:
    """The condition without the value or branch at a path. None when nothing is left that could be true."""
    steps: list[Any] = []
    rest = path
    while rest:
        if rest.startswith("["):
            number, _, rest = rest[1:].partition("]")
            steps.append(int(number))
        else:
            names = [name for name in (*WORLD, "any", "all", "not", *OPERATORS) if rest.startswith(name)]
            name = max(names, key=len)
            steps.append(name)
            rest = rest.removeprefix(name)
        rest = rest.removeprefix(".")
    return _without(deepcopy(condition), steps)


OPERATORS = ("eq", "ne", "in", "not_in", "prefix", "contains", "gt", "gte", "lt", "lte", "exists")


def _without(node: Any, steps: list[Any]) -> Any:
    if not steps:
        return None
    inner = _without(node[steps[0]], steps[1:])
    if inner is not None:
        node[steps[0]] = inner
        return node
    if isinstance(node, list) and steps[0] != "all":
        rest = [each for place, each in enumerate(node) if place != steps[0]]
        return rest or None
    return None


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"country": "DE"}, {"country": "Germany", "city": "x"}),
        ({"employees": {"gt": 5}}, {"employees": {"gt": 10}}),
        ({"employees": {"gt": 5}}, {"employees": {"gte": 6}}),
        ({"employees": {"gte": 5}}, {"employees": {"gt": 5, "lt": 9}}),
        ({"employees": {"lt": 50}}, {"employees": [1, 2]}),
        ({"city": {"contains": "Alamo"}}, {"city": {"contains": "Los Alamos"}}),
        ({"city": {"contains": "Alamo"}}, {"city": ["Los Alamos", "alamo"]}),
        ({"city": {"contains": ["York", "Alamo"]}}, {"city": {"contains": ["Los Alamos", "New York"]}}),
        ({"postal_code": {"prefix": "02"}}, {"postal_code": {"prefix": ["021", "022"]}}),
        ({"postal_code": {"prefix": ["02", "03"]}}, {"postal_code": "02139"}),
        ({"city": {"ne": "York"}}, {"city": {"prefix": "Los"}}),
        ({"city": {"not_in": ["York"]}}, {"city": {"not_in": ["Leeds", "york"]}}),
        ({"not": {"city": "York"}}, {"city": None}),
        ({"not": {"city": "York"}}, {"not": {"city": ["York", "Leeds"]}}),
        ({"exists": "city"}, {"city": {"ne": "York"}}),
        ({"city": {"matches": "k$"}}, {"city": {"matches": "k$"}, "country": "DE"}),
        ({"any": [{"country": "DE"}, {"city": "York"}]}, {"city": "york"}),
        ({"any": [{"country": "DE", "tier": "a"}, {"city": "York"}]}, {"country": "DE", "tier": "A"}),
        ({"not": {"any": [{"country": "DE"}, {"tier": "a"}]}}, {"country": "FR", "not": {"tier": "a"}}),
        ({"consent.phone": {"ne": True}}, {"consent.phone": False}),
        ({"pages": {"contains": ["a", "b"]}}, {"pages": {"contains": "A"}}),
        ({"last_seen_at": {"gt": "30d ago"}}, {"last_seen_at": {"gt": "7d ago"}}),
        ({"engagement": {"name": "demo", "count": {"gte": 2}}}, {"engagement": {"name": "Demo", "count": 3}}),
        (None, {"country": "DE"}),
    ],
)
def test_narrower_condition_is_covered(earlier: Any, later: Any) -> None:
    assert cover(earlier, later).by == (0,)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"country": "DE", "city": "x"}, {"country": "DE"}),
        ({"employees": {"gt": 10}}, {"employees": {"gt": 5}}),
        ({"employees": {"gt": 5}}, {"employees": {"gte": 5}}),
        ({"employees": {"gt": 5}}, {"not": {"employees": {"lte": 5}}}),
        ({"city": {"contains": "Los Alamos"}}, {"city": {"contains": "Alamo"}}),
        ({"attributes.x": {"contains": "Alamo"}}, {"attributes.x": {"contains": "Los Alamos"}}),
        ({"pages": {"contains": "a"}}, {"pages": {"contains": "ab"}}),
        ({"city": {"ne": "York"}}, {"not": {"city": "York"}}),
        ({"attributes.x": 1}, {"attributes.x": "1"}),
        ({"attributes.x": 1}, {"attributes.x": True}),
        ({"title": {"matches": "vp"}}, {"title": {"matches": "VP"}}),
        ({"last_seen_at": {"gt": "2026-01-01"}}, {"last_seen_at": {"gt": "7d ago"}}),
        ({"country": "DE"}, None),
        ({"consent.phone": True}, {"not": {"consent.phone": False}}),
        ({"language": {"ne": "en"}}, {"language": {"prefix": "d"}}),
        ({"language": {"not_in": ["en"]}}, {"language": {"contains": "d"}}),
        ({"state": {"prefix": "us"}}, {"state": "US-CA"}),
    ],
)
def test_condition_that_some_lead_meets_alone_is_not_covered(earlier: Any, later: Any) -> None:
    assert cover(earlier, later) == Cover()


def test_several_conditions_together_cover_one() -> None:
    germany, france = {"country": "DE"}, {"country": ["FR", "NL"]}
    assert cover(germany, france, {"country": ["DE", "FR"], "tier": "a"}).by == (0, 1)
    both = {"country": ["DE", "FR"], "tier": ["a", "b"]}
    parts = [{"country": country, "tier": tier} for country in ("DE", "FR") for tier in ("a", "b")]
    assert cover(*parts, both).by == (0, 1, 2, 3)
    assert cover(*parts[:3], both).by == ()


@pytest.mark.parametrize(
    ("earlier", "later", "paths"),
    [
        ({"country": ["NL", "DE"]}, {"country": ["BR", "NL"]}, ["country[1]"]),
        ({"country": "NL"}, {"country": ["BR", "NL"], "tier": "a"}, ["country[1]"]),
        ({"country": "NL", "tier": "a"}, {"country": ["BR", "NL"]}, []),
        ({"city": {"contains": "York"}}, {"city": {"contains": ["New York", "Rome"]}}, ["city.contains[0]"]),
        (
            {"postal_code": {"prefix": "0"}},
            {"postal_code": {"prefix": ["1", "01"]}},
            ["postal_code.prefix[1]"],
        ),
        ({"country": "NL"}, {"any": [{"country": "NL"}, {"source": "a"}]}, ["any[0].country"]),
        (
            {"phone": {"prefix": [f"+4{n}" for n in range(30)]}, "city": {"contains": ["York", "Rome"]}},
            {"phone": {"prefix": ["+415", "+1", "+42"]}, "city": ["New York", "york"]},
            ["phone.prefix[0]", "phone.prefix[2]"],
        ),
    ],
)
def test_value_of_no_use_is_found(earlier: Any, later: Any, paths: list[str]) -> None:
    assert unused(earlier, later) == paths


def test_branch_of_no_use_is_found() -> None:
    branches = [{"source": "a", "tier": "x"}, {"country": "NL", "tier": "x"}]
    assert cover({"country": "NL"}, {"any": branches}).branches == {"any[1]": (0,)}
    nested = {"employees": {"gt": 5}, "all": [{"any": branches}]}
    assert cover({"country": "NL"}, nested).branches == {"all[0].any[1]": (0,)}


def taken_with(fields: Any, earlier: Any, later: Any) -> tuple[int, ...]:
    """What the first condition takes of the second, in a plan with these fields."""
    own = read_own_fields(fields)
    catalog, words = PIPELINE.extended(own.fields), vocabulary_of(own)
    first, second = (alternatives(parse_condition(each, catalog), words) for each in (earlier, later))
    shadows = Shadows([first, second])
    shadows.add(0, first)
    return shadows.cover(second).by


def test_derived_field_is_read_as_the_values_that_give_it() -> None:
    regions = {"region": {"from": "country", "EMEA": ["DE", "NL"], "NA": ["US"]}}
    assert taken_with(regions, {"region": "EMEA"}, {"country": "NL"}) == (0,)
    assert taken_with(regions, {"country": ["NL", "DE", "AT"]}, {"region": "emea"}) == (0,)
    assert taken_with(regions, {"not": {"region": "EMEA"}}, {"country": "US"}) == (0,)
    assert taken_with(regions, {"region": "NA"}, {"country": "NL"}) == ()


@pytest.mark.parametrize(
    ("field", "first", "second", "later", "by"),
    [
        ("country", ["DE", "NL"], ["NL", "US"], {"country": "NL"}, ()),
        ("country", ["DE", "NL"], ["NL", "US"], {"country": "US"}, (0,)),
        ("country", ["DE", "NL"], ["NL"], {"country": "NL"}, ()),
        ("language", ["en"], ["de"], {"language": "de"}, ()),
        ("state", ["US-CA"], ["IT-CA"], {"state": "IT-CA"}, ()),
        ("state", ["US-CA"], ["US-TX"], {"state": "US-TX"}, (0,)),
    ],
)
def test_first_case_of_a_derived_field_has_its_values(
    field: str, first: list[str], second: list[str], later: Any, by: tuple[int, ...]
) -> None:
    cases = [{"when": {field: first}, "value": "one"}, {"when": {field: second}, "value": "two"}]
    assert taken_with({"part": cases}, {"part": "two"}, later) == by


def test_disjunctions_beyond_the_bound_only_equal_themselves() -> None:
    fields = ("tier", "source", "city", "industry")
    wide = {
        "all": [
            {"any": [{field: f"{part}{n}", "employees": {"gt": n}} for n in range(4)]}
            for part, field in enumerate(fields)
        ]
    }
    assert len(read(wide).cubes) <= MAX_CUBES
    assert cover(wide, {**wide, "country": "DE"}).by == (0,)


def test_comparisons_are_bounded() -> None:
    apart = [read({"employees": {"gt": n}, "visits": {"lt": n}}) for n in range(1_000)]
    shadows = Shadows(apart)
    for position, each in enumerate(apart):
        shadows.cover(each)
        shadows.add(position, each)
    assert shadows.comparisons <= MAX_COMPARISONS + len(apart)


@pytest.mark.parametrize(
    ("earlier", "later", "by"),
    [
        ({"country": "US", "state": "CA"}, {"country": "US", "state": "California"}, (0,)),
        ({"country": "US", "state": "California"}, {"country": "US", "state": ["CA", "US-CA"]}, (0,)),
        ({"state": "CA"}, {"state": "California"}, (0,)),
        ({"state": "CA"}, {"country": "IT", "state": "Cagliari"}, (0,)),
        ({"state": "California"}, {"state": "CA"}, ()),
        ({"country": "IT", "state": "CA"}, {"country": "US", "state": "CA"}, ()),
        ({"country": ["US", "IT"], "state": "California"}, {"country": "US", "state": "CA"}, (0,)),
    ],
)
def test_a_state_is_compared_with_its_country(earlier: Any, later: Any, by: tuple[int, ...]) -> None:
    assert cover(earlier, later).by == by


def test_a_state_in_two_lists_is_found_in_any_spelling() -> None:
    assert unused({"state": ["CA", "NV"]}, {"state": ["California", "OR"]}) == ["state[0]"]
