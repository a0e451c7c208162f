"""Dates and booleans are read as people write them."""

import pytest

from app.values.booleans import read_boolean
from app.values.dates import Order, read_date


@pytest.mark.parametrize(
    ("sent", "order", "at"),
    [
        ("2026-11-20T10:00:00Z", None, "2026-11-20T10:00"),
        ("2026-11-20T10:00+02:00", None, "2026-11-20T08:00"),
        ("2026-11-20", None, "2026-11-20T00:00"), ("31.12.2026", None, "2026-12-31T00:00"),
        ("03.04.2026", None, "2026-04-03T00:00"), ("31.12.26", None, "2026-12-31T00:00"),
        ("31/12/2026", None, "2026-12-31T00:00"), ("12/31/2026", None, "2026-12-31T00:00"),
        ("04/04/2026", None, "2026-04-04T00:00"), ("03/04/2026", "dmy", "2026-04-03T00:00"),
        ("03/04/2026", "mdy", "2026-03-04T00:00"), ("Dec 31, 2026", None, "2026-12-31T00:00"),
        ("31. Dezember 2026", None, "2026-12-31T00:00"), ("1er AOÛT 2026", None, "2026-08-01T00:00"),
        ("1 aou\u0302t 2026", None, "2026-08-01T00:00"), ("3 września 2026", None, "2026-09-03T00:00"),
        ("5. März 2026", None, "2026-03-05T00:00"), ("1 de marzo de 2026", None, "2026-03-01T00:00"),
        ("12/31/2026 2:30 PM", None, "2026-12-31T14:30"), ("31.12.2026, 14:30 Uhr", None, "2026-12-31T14:30"),
        ("31-DEC-26", None, "2026-12-31T00:00"), ("2026年12月31日", None, "2026-12-31T00:00"),
        ("2026년 12월 31일 14:30", None, "2026-12-31T14:30"),
        ("1764460800000", None, "2025-11-30T00:00"), ("1764460800", None, "2025-11-30T00:00"),
    ],
)  # fmt: skip
def test_date_of_one_meaning_is_read(sent: str, order: Order | None, at: str) -> None:
    read = read_date(sent, order)
    assert read.at is not None
    assert read.at.isoformat() == f"{at}:00+00:00"


@pytest.mark.parametrize(
    ("sent", "ambiguous"), [("03/04/2026", True), ("soon", False), ("32.13.2026", False)]
)
def test_other_dates_are_not_read(sent: str, ambiguous: bool) -> None:
    read = read_date(sent)
    assert (read.at, read.ambiguous) == (None, ambiguous)


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (True, True), ("true", True), ("1", True), (1, True), ("Yes", True), ("on", True), ("y", True),
        ("ja", True),
        ("sí", True), ("oui", True), (False, False), ("false", False), ("0", False), ("NO", False),
        ("off", False), ("はい", True), ("Да", True), ("EVET", True), ("いいえ", False), ("нет", False),
        ("I agree to be contacted", None), ("2026-11-20", None), ("", None), (2, None), (None, None),
    ],
)  # fmt: skip
def test_boolean_is_a_word_of_a_list(sent: object, value: bool | None) -> None:
    assert read_boolean(sent) is value
