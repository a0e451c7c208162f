"""Countries as forms and CRMs send them."""

import pytest

from app.values.countries import COUNTRIES, country_code


def test_every_code_and_english_name_is_recognized() -> None:
    for code, name in COUNTRIES.items():
        assert country_code(code) == code
        assert country_code(code.lower()) == (None if code == "NA" else code)
        assert country_code(name) == country_code(name.upper()) == code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("DEU", "DE"), ("gbr", "GB"), ("U.S.A.", "US"), ("U.K.", "GB"), ("The Netherlands", "NL"),
        ("Holland", "NL"), ("Cote d'Ivoire", "CI"), ("Ivory Coast", "CI"), ("Türkiye", "TR"),
        ("Turkiye", "TR"), ("Brasil", "BR"), ("Saint Lucia", "LC"), ("Trinidad and Tobago", "TT"),
        ("Guinea Bissau", "GW"), ("España", "ES"), ("Republic of Korea", "KR"),
        ("Korea, Republic of", "KR"), ("Moldova, Republic of", "MD"),
        ("Democratic People's Republic of Korea", "KP"),
        ("Korea, Democratic People's Republic of", "KP"), ("Islamic Republic of Iran", "IR"),
        ("Federal Republic of Germany", "DE"), ("Republic of China", "TW"),
        ("People's Republic of China", "CN"), ("Dominican Republic", "DO"),
        ("Commonwealth of Dominica", "DM"), ("Democratic Republic of the Congo", "CD"),
        ("Republic of the Congo", "CG"), ("Niger", "NE"),
        ("Australien", "AU"), ("Vereinigtes Königreich", "GB"), ("SÜDKOREA", "KR"), ("Rumaenien", "RO"),
        ("Vereinigte Staaten von Amerika", "US"), ("Weißrussland", "BY"), ("Saudi-Arabien", "SA"),
        ("CAN", "CA"), ("U.S.", "US"), ("Curacao", "CW"), ("Myanmar", "MM"), ("Bosnia & Herzegovina", "BA"),
        ("St. Lucia", "LC"), ("Iran (Islamic Republic of)", "IR"), ("Virgin Islands, U.S.", "VI"),
        ("Congo, The Democratic Republic of the", "CD"), ("Taiwan, Province of China", "TW"),
        ("Tanzania, United Republic of", "TZ"), ("Bonaire, Sint Eustatius and Saba", "BQ"),
        ("Holy See (Vatican City State)", "VA"), ("United States of America (the)", "US"),
        ("EE.UU.", "US"), ("États-Unis", "US"), ("Stany Zjednoczone", "US"), ("アメリカ合衆国", "US"),
        ("भारत", "IN"),
        ("Almanya", "DE"), ("ALLEMAGNE", "DE"), ("Германия", "DE"), ("🇩🇪", "DE"), ("Georgia", "GE"),
        ("Jersey", "JE"), ("US - United States", "US"), ("Taiwan, China", "TW"), ("NA", "NA"),
        ("NAM", "NA"), ("G.B.", "GB"), ("U.A.E.", "AE"), ("Schweiz/Suisse", "CH"),
        ("HIRVATISTAN", "HR"), ("Namibia", "NA"), ("Germany, DE", "DE"), ("GER", "DE"), ("Bosnien", "BA"),
        ("P.R. China", "CN"), ("États-Unis d'Amérique", "US"), ("한국", "KR"), ("السعودية", "SA"),
    ],
)  # fmt: skip
def test_other_names_are_recognized(sent: str, code: str) -> None:
    assert country_code(sent) == code


@pytest.mark.parametrize(
    "sent",
    [
        "Atlantis",
        "Europe",
        "XX",
        "D",
        "Virgin Islands",
        "republic of",
        "x" * 8192,
        "-",
        "N/A",
        "n/a",
        "n.a.",
        "Germany/Austria",
        "na",
        "",
    ],
)
def test_unknown_country_is_not_recognized(sent: str) -> None:
    assert country_code(sent) is None
