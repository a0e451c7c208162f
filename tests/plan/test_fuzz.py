"""Any input gives a document or findings, never an exception."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.plan.document.plan import PlanDocument
from app.plan.findings import CODES
from app.plan.reader.read import read_plan
from app.plan_check.check import KnownNames, check
from tests.plan.plans import SCORED, WHOLE, scored, whole

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["0", "now", "{", "DE", "90d"]),
)
_KEYS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        [
            "rule",
            "queue",
            "round_robin",
            "score",
            "bands",
            "from",
            "value",
            "type",
            "points",
            "name",
            "when",
            "then",
            "team",
            "all",
            "any",
            "not",
            "in",
            "country",
            "else",
        ]
    ),
)
_DATA = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


_PLACES = [(make, place) for make in (whole, scored) for place in _places(make()) if place]


def _answered(source: Any) -> None:
    read = read_plan(source)
    findings = check(read, KnownNames()) if isinstance(read, PlanDocument) else read
    assert isinstance(read, PlanDocument) or findings
    assert all(finding.code in CODES for finding in findings)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(_PLACES), _DATA)
def test_any_value_at_any_path_gives_a_document_or_findings(
    where: tuple[Callable[[], dict[str, Any]], tuple[Any, ...]], value: object
) -> None:
    make, place = where
    plan = make()
    *way, last = place
    container: Any = plan
    for step in way:
        container = container[step]
    container[last] = value
    _answered(plan)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted({*whole(), *scored()})), _DATA))
def test_any_data_gives_a_document_or_findings(plan: dict[str, object]) -> None:
    _answered(plan)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([WHOLE, SCORED]), st.floats(0, 1), st.integers(0, 40), st.text(max_size=6))
def test_text_with_any_part_replaced_gives_a_document_or_findings(
    text: str, at: float, length: int, instead: str
) -> None:
    start = int(at * (len(text) - 1))
    _answered(text[:start] + instead + text[start + length :])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_document_or_findings(source: bytes) -> None:
    _answered(source)
