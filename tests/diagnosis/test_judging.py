"""Which tests become findings: Holm opens, Benjamini and Hochberg lists."""

from dataclasses import replace
from random import Random

import pytest

from app.diagnosis.findings import Effect, Hypothesis, Kind, Subject
from app.diagnosis.judging import BENJAMINI_HOCHBERG, HOLM, judge

OWNER = Hypothesis(
    code="owner_conversion",
    subject=Subject(Kind.OWNER, "ana"),
    text="",
    effect=Effect("conversion", "share", 0.2),
    look_at="",
    p_value=1.0,
    method="exact",
    worth=True,
)


def with_p(*p_values: float) -> list[Hypothesis]:
    """One test for each p-value."""
    return [
        replace(OWNER, subject=Subject(Kind.OWNER, str(number)), p_value=p)
        for number, p in enumerate(p_values)
    ]


@pytest.mark.parametrize(
    ("p_values", "passed"),
    [
        ((0.003, 0.011, 0.02, 0.04, 0.045, 0.2, 0.3, 0.5, 0.7, 0.9), [HOLM]),
        (
            (0.001, 0.008, 0.012, 0.019, 0.03, 0.2, 0.3, 0.5, 0.7, 0.9),
            [HOLM, BENJAMINI_HOCHBERG, BENJAMINI_HOCHBERG, BENJAMINI_HOCHBERG],
        ),
        # By Benjamini and Hochberg alone the two would pass at 0.05.
        ((0.03, 0.04), []),
        ((0.04,), [HOLM]),
        ((), []),
    ],
    ids=["one by both", "one by Holm, three more listed", "closed gate", "one test", "no test"],
)
def test_findings_of_a_run(p_values: tuple[float, ...], passed: list[str]) -> None:
    assert [each.passed for each in judge(with_p(*p_values)) if each.is_finding] == passed


def test_most_certain_comes_first() -> None:
    assert [each.hypothesis.p_value for each in judge(with_p(0.5, 0.001, 0.2))] == [0.001, 0.2, 0.5]


def test_small_effect_is_counted_as_a_test_and_is_no_finding() -> None:
    small, large = with_p(0.001, 0.03)
    judged = judge([replace(small, worth=False), large])
    assert [each.holm for each in judged] == [0.002, 0.03]
    assert [each.hypothesis.p_value for each in judged if each.is_finding] == [0.03]


def test_same_numbers_are_tested_once() -> None:
    """A team that only one rule feeds has the numbers of this rule. Two rules may have the same by chance."""
    data = ((40, 3, 50, 20),)
    rule = replace(OWNER, subject=Subject(Kind.RULE, "dach"), data=data, p_value=0.02)
    team = replace(OWNER, subject=Subject(Kind.TEAM, "berlin"), data=data, p_value=0.02)
    other = replace(rule, subject=Subject(Kind.RULE, "uk"))
    another_code = replace(team, code="low_contact")
    judged = judge([rule, team, other, another_code])
    assert sorted(each.hypothesis.subject.id for each in judged) == ["berlin", "dach", "uk"]


def test_no_finding_in_nineteen_of_twenty_runs_without_any_difference() -> None:
    rng = Random(7)
    runs = 2000
    wrong = sum(
        any(each.is_finding for each in judge(with_p(*(rng.random() for _ in range(30)))))
        for _ in range(runs)
    )
    assert wrong / runs < 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
