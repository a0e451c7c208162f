"""The YAML of an imported plan says exactly what it was written from."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.plan.reader.text import load_plan_text
from app.salesforce.plan_text import WIDTH, plan_text

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
) | st.sampled_from(
    [
        "no",
        "null",
        "0123",
        "2026-01-01",
        "~",
        "- a",
        "a: b",
        "#x",
        "US",
        "[not provided]",
        "\\x00",
        "1.5",
        "{a}",
    ]
)
VALUES = st.recursive(
    TEXTS | st.integers(-(10**15), 10**15) | st.booleans() | st.none(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXTS, inside, max_size=4),
    max_leaves=15,
)


@given(st.lists(VALUES, min_size=1, max_size=4), st.dictionaries(TEXTS, VALUES, min_size=1), TEXTS)
def test_values_are_read_back_as_they_were_written(
    items: list[Any], named: dict[str, Any], comment: str
) -> None:
    plan = {"comment": comment, "pipeline": items, "queues": named}
    assert load_plan_text(plan_text([comment], plan, {("pipeline", 0): [comment]})) == plan


def test_lines_are_short() -> None:
    codes = [str(code) for code in range(1000, 1400)]
    text = plan_text([], {"pipeline": [{"rule": {"when": {"postal_code": {"prefix": codes}}}}]}, {})
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(text.splitlines()) > 10
