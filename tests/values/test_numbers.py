"""Numbers and ranges are read as people write them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.values.numbers import Decimal, Range, read_number


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ("250", 250), ("250.0", 250), ("$1,250,000", 1_250_000), ("1.250.000", 1_250_000),
        ("1.250,50", 1250.5),
        ("1,250.50", 1250.5), ("1'250'000", 1_250_000), ("1 250 000", 1_250_000), ("12,50,000", 1_250_000),
        ("0.125", 0.125), ("1,5", 1.5), ("-5", -5), ("5k", 5000), ("1.2M", 1_200_000),
        ("€ 40 Mio.", 40_000_000), ("EUR 1.250.000", 1_250_000), ("R$ 1.200,50", 1200.5),
        ("200 Mitarbeiter", 200), ("１２３", 123), ("50-50", 50), ("51-200", "51-200"), ("51–200", "51-200"),
        ("51…200", "51-200"), ("51...200", "51-200"), ("51..200", "51-200"),
        ("51 - 200 employees", "51-200"), ("1 to 10", "1-10"), ("1000+", "1000+"), ("500 or more", "500+"),
        (">1000", "1001+"), ("<50", "..49"), ("up to 50", "..50"), ("1-10M", "1000000-10000000"),
        ("$1M - $10M", "1000000-10000000"), ("-5-10", "-5..10"),
        ("..49", "..49"), ("200..", "200+"), ("100 et plus", "100+"),
        ("ca. 500", 500), ("approx. 200", 200), ("~500", 500), ("environ 200", 200), ("cerca de 90", 90),
        ("około 60", 60), ("約500名", 500), ("200人", 200), ("51〜200名", "51-200"), ("50 (approx.)", 50),
        ("plus de 1000", "1001+"), ("más de 100", "101+"), ("mais de 250", "251+"), ("meer dan 250", "251+"),
        ("über 100", "101+"), ("ponad 100", "101+"), ("more than 50 people", "51+"), ("+ de 50", "51+"),
        ("moins de 50", "..49"), ("menos de 50", "..49"), ("færre enn 10", "..9"), ("50名未満", "..49"),
        ("50 people or more", "50+"),
        ("jusqu'à 50", "..50"), ("hasta 20", "..20"), ("tot 50", "..50"), ("10 ou moins", "..10"),
        ("50 et +", "50+"), ("100名以上", "100+"), ("à partir de 50", "50+"), ("od 50", "50+"),
        ("entre 11 et 50", "11-50"), ("da 11 a 50", "11-50"), ("od 11 do 50", "11-50"),
        ("entre 10 y 50 empleados", "10-50"), ("de 11 à 50 salariés", "11-50"), ("11 till 50", "11-50"),
        ("1,2 millions d'euros", 1_200_000), ("2 milhões", 2_000_000), ("5 milioni di euro", 5_000_000),
        ("3 mln zł", 3_000_000), ("1,5 млн", 1_500_000), ("3億円", 300_000_000), ("10 万", 100_000),
        ("€ 1.000.000,-", 1_000_000), ("just me", 1), ("nur ich", 1), ("1 (just me)", 1),
    ],
)  # fmt: skip
def test_number_or_range_is_read(sent: str, value: int | float | str) -> None:
    read = read_number(sent, whole=True)
    assert read is not None
    assert (read.value, type(read.value), read.ambiguous) == (value, type(value), False)


@pytest.mark.parametrize(
    ("sent", "decimal", "value", "ambiguous"),
    [
        ("1,200", None, 1200, True), ("1.200", None, 1200, True), ("1,200", "point", 1200, False),
        ("1,200", "comma", 1.2, False), ("1.200", "comma", 1200, False), ("1.200", "point", 1.2, False),
        ("1,000-5,000", None, "1000-5000", True), ("10,001+", "point", "10001+", False),
    ],
)  # fmt: skip
def test_one_separator_before_three_digits_is_read_by_the_decimal_sign(
    sent: str, decimal: Decimal | None, value: Any, ambiguous: bool
) -> None:
    read = read_number(sent, decimal)
    assert read is not None
    assert (read.value, read.ambiguous) == (value, ambiguous)


@pytest.mark.parametrize(
    "sent",
    [
        "about fifty",
        "about",
        "me",
        "do",
        "de 50",
        "",
        "-",
        "+",
        "10-Jan",
        "2026-11-20",
        "030-123456",
        "1,2,3",
        "5 - 1",
        "1e5",
        "100%",
        "9" * 90,
    ],
)
def test_what_is_no_number_is_not_read(sent: str) -> None:
    assert read_number(sent) is None


@given(st.text("0123456789.,-+ kM$€<>'", max_size=12), st.sampled_from([None, "point", "comma"]))
def test_stored_form_of_any_range_is_parsed_back(text: str, decimal: Decimal | None) -> None:
    read = read_number(text, decimal)
    if read is not None and isinstance(read.value, str):
        span = Range.parse(read.value)
        assert span is not None
        assert str(span) == read.value
        again = read_number(read.value, "point")
        assert again is None or again.value == read.value
