"""What is wrong with lines of a file is told once, with the lines it is about."""

import pytest

from app.cli.fault_lines import MAX_SHOWN, by_sentence, named, not_done
from app.cli.files.outcomes import OutcomeCounts
from app.errors import Fault, ValidationFailed


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([3], "line 3"),
        ([3, 5], "lines 3, 5"),
        (list(range(2, 12)), "lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"),
        (list(range(2, 1002)), "lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 990 more"),
    ],
)
def test_lines_are_named_until_they_are_many(lines: list[int], told: str) -> None:
    assert named(lines) == told


def test_the_same_fault_is_told_once_at_its_first_line() -> None:
    told = list(by_sentence([(2, "a is wrong"), (3, "b is wrong"), (4, "a is wrong")]))
    assert told == ["  lines 2, 4: a is wrong", "  line 3: b is wrong"]


def test_of_many_faults_the_lines_that_are_not_told_are_counted() -> None:
    faults = [(line, f"{line % (MAX_SHOWN + 1)} is wrong") for line in range(2 * MAX_SHOWN + 2)]
    told = list(by_sentence(faults))
    assert len(told) == MAX_SHOWN + 1
    assert told[-1] == "  and 2 more"


def test_lines_are_told_in_their_order() -> None:
    problems = [
        (line, ValidationFailed(faults=[Fault(("email",), "wrong", "is wrong")])) for line in (9, 2, 5)
    ]
    assert list(not_done(problems, "decided")) == ["3 not decided:", "  lines 2, 5, 9: email is wrong"]
    assert list(not_done([], "decided")) == []


def test_flags_are_told_with_their_lines() -> None:
    outcomes = OutcomeCounts()
    outcomes.flags["country_unknown"].extend((4, 7))
    assert "flag country_unknown in lines 4, 7" in list(outcomes.lines())
