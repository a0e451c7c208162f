"""Faults of a file are reported once, with the lines they apply to."""

import pytest

from app.cli.fault_lines import MAX_SHOWN, by_sentence, line_numbers, not_done
from app.cli.files.outcomes import OutcomeCounts
from app.errors import Fault, ValidationFailed


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([3], "line 3"),
        ([3, 5], "lines 3, 5"),
        (list(range(2, 12)), "lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"),
        (list(range(2, 1002)), "lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 990 more"),
    ],
)
def test_first_line_numbers_are_listed_and_the_others_are_counted(lines: list[int], text: str) -> None:
    assert line_numbers(lines) == text


def test_repeated_fault_is_reported_once_at_its_first_line() -> None:
    told = list(by_sentence([(2, "a is wrong"), (3, "b is wrong"), (4, "a is wrong")]))
    assert told == ["  lines 2, 4: a is wrong", "  line 3: b is wrong"]


def test_lines_of_faults_that_are_not_shown_are_counted() -> None:
    faults = [(line, f"{line % (MAX_SHOWN + 1)} is wrong") for line in range(2 * MAX_SHOWN + 2)]
    told = list(by_sentence(faults))
    assert len(told) == MAX_SHOWN + 1
    assert told[-1] == "  and 2 more"


def test_faults_are_reported_in_the_order_of_their_lines() -> None:
    problems = [
        (line, ValidationFailed(faults=[Fault(("email",), "wrong", "is wrong")])) for line in (9, 2, 5)
    ]
    assert list(not_done(problems, "decided")) == ["3 not decided:", "  lines 2, 5, 9: email is wrong"]
    assert list(not_done([], "decided")) == []


def test_flags_are_reported_with_their_lines() -> None:
    outcomes = OutcomeCounts()
    outcomes.flags["country_unknown"].extend((4, 7))
    assert "flag country_unknown in lines 4, 7" in list(outcomes.lines())
