"""Postal codes have one form for each country."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.values.postal_codes import postal_beginning, postal_code


@pytest.mark.parametrize(
    ("sent", "country", "form"),
    [
        ("02139", "US", "02139"), ("2139", "US", "02139"), ("501", "US", "00501"), ("'02139", "US", "02139"),
        ("z:01960", "US", "01960"), ("z:01960", None, "01960"), ('="02139"', "US", "02139"),
        ("2139.0", "US", "02139"), ("02139-4307", "US", "02139"), ("02139-4307", None, "02139"),
        ("021394307", "US", "02139"), ("2139-4307", "US", "02139"), (" 90210 ", None, "90210"),
        ("D-80331", "DE", "80331"), ("D-80331", None, "80331"), ("DE 80331", "DE", "80331"),
        ("D80331", "DE", "80331"), ("1067", "DE", "01067"), ("D-1067", None, "01067"),
        ("A-1010", "AT", "1010"), ("CH-8001", "CH", "8001"), ("F-75001", "FR", "75001"),
        ("1000", "FR", "01000"),
        ("100", "IT", "00100"), ("8001", "ES", "08001"), ("800", "AU", "0800"), ("150", "NO", "0150"),
        ("110 00", "CZ", "11000"),
        ("114 55", "SE", "11455"), ("00-950", "PL", "00950"), ("1000-001", "PT", "1000001"),
        ("01310-100", "BR", "01310100"), ("1310100", "BR", "01310100"), ("60-8501", "JP", "0608501"),
        ("110 001", "IN", "110001"), ("SW1A1AA", "GB", "SW1A 1AA"), ("sw1a 1aa", "GB", "SW1A 1AA"),
        ("SW1A1AA", None, "SW1A 1AA"), ("E1", "GB", "E1"), ("e14ab", "GB", "E1 4AB"), ("EC1A", "GB", "EC1A"),
        ("k1a0b1", "CA", "K1A 0B1"), ("K1A-0B1", None, "K1A 0B1"), ("K1A", "CA", "K1A"),
        ("1011ab", "NL", "1011 AB"), ("NL-1011 AB", "NL", "1011 AB"), ("d02af30", "IE", "D02 AF30"),
        ("c1002aaa", "AR", "C1002AAA"), ("b1640", "AR", "B1640"), ("H1001", "ZZ", "H1001"),
        ("〒100-0001", "JP", "1000001"), ("〒 100-0001", None, "1000001"), ("NSW 2000", "AU", "2000"),
        ("vic, 3000", "AU", "3000"), ("ON k1a0b1", "CA", "K1A 0B1"),
        ("MA 02139", "US", "02139"), ("DE 19801-1234", "US", "19801"),
        ("F-98000", "MC", "98000"), ("CH-9490", "LI", "9490"),
        ("００１００", "IT", "00100"), ("x  9", "ZZ", "X 9"),
    ],
)  # fmt: skip
def test_postal_code_has_the_form_of_its_country(sent: str, country: str | None, form: str) -> None:
    assert postal_code(sent, country) == form
    assert postal_code(form, country) == form


@pytest.mark.parametrize(
    ("sent", "country"),
    [
        ("unknown", "US"), ("K1A 0B1", "US"), ("1", "US"), ("123456", "US"), ("80331", "AT"), ("8033", "IN"),
        ("12345", "GB"), ("Z1A 0B1", "CA"), ("-", None), ("?", "ZZ"), ("9" * 50, None), ("0101", "NL"),
        ("A-1010", "DE"), ("DE-80331", "US"), ("D-80331", "US"), ("D 80331", "NL"),
        ("D-80331", "GB"), ("D-80331", "ZZ"),
        ("00000", "US"), ("0000", "AT"), ("QQ1 1AA", "GB"), ("n/a", None), ("Berlin", "ZZ"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_postal_code_has_no_form(sent: str, country: str | None) -> None:
    assert postal_code(sent, country) is None


@pytest.mark.parametrize(
    ("sent", "form"), [("01310-1", "013101"), ("'021", "021"), ("E1", "E1"), ("N1 ", "N1 "), ("D-80", "80")]
)
def test_beginning_of_digits_has_no_separators(sent: str, form: str) -> None:
    assert postal_beginning(sent) == form


@given(st.text(max_size=20), st.sampled_from([None, "US", "DE", "GB", "CA", "NL", "IE", "BR", "AR", "ZZ"]))
def test_form_of_any_text_is_its_own_form(text: str, country: str | None) -> None:
    form = postal_code(text, country)
    assert form is None or postal_code(form, country) == form
