"""Numbers that cannot be anybody's are told apart from numbers that only look odd."""

import pytest

from app.intake.contact import read_phone


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("0000000000", None), ("0000000000", "US"), ("1111111111", "US"), ("99999999", "DE"),
        ("1234567890", "US"), ("0123456789", "DE"), ("9876543210", "IN"), ("(212) 555-0123", "US"),
        ("555-0123", "US"), ("+1 604 555 0199", None), ("+44 7700 900123", None), ("020 7946 0321", "GB"),
        ("+49 30 23125 444", None), ("0491 570 156", "AU"), ("+33 6 39 98 12 34", None), ("123", "US"),
        ("11111", "US"), ("555-0123", None), ("(212) 555-0199", None), ("1-212-555-0142", None),
    ],
)  # fmt: skip
def test_number_of_nobody_is_implausible(text: str, region: str | None) -> None:
    assert read_phone(text, region).implausible


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+49 30 901820", None), ("030 123456", "DE"), ("(212) 555-0200", "US"), ("212 456 7890", "US"),
        ("+44 7700 912345", None), ("+1 650 253 0000", None), ("089 99998", "DE"), ("reception", "DE"),
        ("030 222222", "DE"), ("555-0123", "DE"), ("555-0200", None), ("(555) 019-9123", None),
    ],
)  # fmt: skip
def test_number_that_only_looks_odd_is_plausible(text: str, region: str | None) -> None:
    assert not read_phone(text, region).implausible


def test_verdict_does_not_change_the_number() -> None:
    assert read_phone("(212) 555-0123", "US").e164 == "+12125550123"
