"""States have one form, by ISO 3166-2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.values.folding import read_rows
from app.values.states import STATE_COUNTRIES, StateOptions, read_state

ROWS = [(row[0], name) for row in read_rows("states.tab") for name in row[1:]]


@pytest.mark.parametrize(
    ("sent", "country", "form"),
    [
        ("California", "US", "CA"), ("Calif.", "US", "CA"), ("US-CA", "US", "CA"), ("ca", "US", "CA"),
        ("W.VA", "US", "WV"), ("d.c.", "US", "DC"), ("Washington, DC", "US", "DC"),

        ("Texas (TX)", "US", "TX"),
        ("CA - California", "US", "CA"), ("State of Texas", "US", "TX"), ("Île-de-France", "FR", "IDF"),
        ("ile de france", "FR", "IDF"), ("Québec", "CA", "QC"), ("Newfoundland & Labrador", "CA", "NL"),
        ("N.S.W.", "AU", "NSW"), ("São Paulo", "BR", "SP"), ("Edomex", "MX", "MEX"), ("N.L.", "MX", "NLE"),
        ("Orissa", "IN", "OD"), ("J&K", "IN", "JK"), ("Bayern", "DE", "BY"), ("Bavaria", "DE", "BY"),
        ("NRW", "DE", "NW"), ("Thueringen", "DE", "TH"), ("Wien", "AT", "9"), ("NÖ", "AT", "3"),
        ("Genève", "CH", "GE"), ("Zuerich", "CH", "ZH"), ("Lombardia", "IT", "25"), ("Roma", "IT", "RM"),
        ("Andalucía", "ES", "AN"), ("Cataluña", "ES", "CT"), ("Scotland", "GB", "SCT"), ("Kent", "GB", "KEN"),
        ("Noord-Holland", "NL", "Noord-Holland"), ("California", None, "US-CA"), ("us_ca", None, "US-CA"),
        ("Western Australia", None, "AU-WA"), ("WA", None, "WA"), ("ca", None, "CA"),
        ("Distrito Federal", None, "Distrito Federal"), ("Distrito Federal", "MX", "CMX"),
        ("Georgia", None, "US-GA"),
    ],
)  # fmt: skip
def test_state_has_the_form_of_its_country(sent: str, country: str | None, form: str) -> None:
    assert read_state(sent, country) == form
    assert read_state(form, country) == form


@pytest.mark.parametrize(
    ("sent", "country"),
    [
        ("Ontario", "US"),
        ("US-CA", "DE"),
        ("Atlantis", "US"),
        ("Noord-Holland", None),
        ("-", None),
        ("W", None),
    ],
)
def test_unknown_state_has_no_form(sent: str, country: str | None) -> None:
    assert read_state(sent, country) is None


@pytest.mark.parametrize("option", ["CA", "California", "Calif.", "US-CA"])
def test_any_way_to_name_a_state_finds_it(option: str) -> None:
    options = StateOptions([option])
    assert options.has("CA", "US")
    assert options.has("CA", None)
    assert options.has("US-CA", None)
    assert not options.has("ON", "CA")
    # A bare code is that code in every country.
    assert options.has("CA", "IT") is (option == "CA")


@given(st.sampled_from(ROWS))
def test_every_name_finds_its_state_and_the_state_of_no_other_country(row: tuple[str, str]) -> None:
    full, name = row
    country, code = full.split("-")
    form = read_state(name, country)
    assert form == code
    if sum(map(str.isalpha, name)) > 3:  # a shorter one is a code
        assert StateOptions([name]).has(form, country)
        others = STATE_COUNTRIES - {country}
        assert not any(
            StateOptions([name]).has(form, other) for other in others if read_state(name, other) != form
        )


@given(st.text(max_size=20), st.sampled_from([None, "NL", *sorted(STATE_COUNTRIES)]))
def test_form_of_any_text_is_its_own_form(text: str, country: str | None) -> None:
    form = read_state(text, country)
    assert form is None or read_state(form, country) == form


@pytest.mark.parametrize(
    ("sent", "country", "form"),
    [
        ("N.Y.", "US", "NY"), ("Va.", "US", "VA"), ("P.R.", "US", "PR"), ("S. D.", "US", "SD"),
        ("B.C.", "CA", "BC"),
        ("B.C.", "MX", "BCN"), ("Vic.", "AU", "VIC"), ("Jal.", "MX", "JAL"), ("U.P.", "IN", "UP"),
        ("N.Y.", None, "NY"),
        ("No. Carolina", "US", "NC"), ("Greater London", "GB", "LND"), ("Hants", "GB", "HAM"),
        ("Peterborough", "GB", "PTE"), ("Glasgow City", "GB", "GLG"), ("Co. Durham", "GB", "DUR"),
    ],
)  # fmt: skip
def test_codes_may_have_dots(sent: str, country: str | None, form: str) -> None:
    assert read_state(sent, country) == form
    assert StateOptions([sent]).has(form, country)
