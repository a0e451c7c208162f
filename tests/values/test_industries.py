"""Industries of one list, from what people and CRMs write."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.engine.conditions.condition import compile_condition
from app.intake.arrival import normalize
from app.plan.language.conditions import parse_condition
from app.plan.language.fields import PIPELINE
from app.values.folding import fold, read_rows
from app.values.industries import industries, read_industry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "industry"),
    [
        ("Maschinenbau", "machinery"),
        ("Construction mécanique", "machinery"),
        ("COMPUTER_SOFTWARE", "software"),
        ("Food & Beverage", "food_beverage"),
        ("Hospital & Health Care", "healthcare"),
        ("Versicherungsbranche", "insurance"),
        ("Automotive industry", "automotive"),
        ("Secteur bancaire", "banking"),
        ("Розничная торговля", "retail"),
        ("製造業", "manufacturing"),
        ("real_estate", "real_estate"),
        ("Select", None),
        ("Other", None),
        ("Handel", None),
        ("umbrella repair industry", None),
        ("x" * 101, None),
    ],
)
def test_industry_is_one_of_the_list_or_unknown(text: str, industry: str | None) -> None:
    assert read_industry(text) == industry


def test_no_phrase_of_the_list_has_two_meanings() -> None:
    meant: dict[str, str] = {}
    for name, *written in read_rows("industries.tab"):
        for each in written:
            assert meant.setdefault(fold(each), name) == name
    assert all(read_industry(name) == name for name in industries())


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("machinery", True),
        ("Mechanical Engineering", True),
        ({"in": ["Construction mécanique", "chemicals"]}, True),
        ({"ne": "Machinery"}, False),
        ({"contains": "bau"}, True),
        ({"prefix": "masch"}, True),
        ("manufacturing", False),
    ],
)
def test_condition_compares_industries_and_looks_into_the_text_that_was_sent(
    condition: Any, holds: bool
) -> None:
    lead = normalize({"company": "ACME", "industry": "Maschinenbau"})
    assert (lead.values["industry"], lead.normalized["industry"]) == ("Maschinenbau", "machinery")
    parsed = parse_condition({"industry": condition}, PIPELINE)
    assert compile_condition(parsed).holds(lead.values, NOW) is holds
