"""Countries as forms and CRMs send them."""

import pytest

from app.intake.country import code_of_country
from app.plan.language.countries import COUNTRIES


def test_every_code_and_english_name_is_recognized() -> None:
    for code, name in COUNTRIES.items():
        assert code_of_country(code) == code_of_country(code.lower()) == code
        assert code_of_country(name) == code_of_country(name.upper()) == code


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
    ],
)  # fmt: skip
def test_other_names_are_recognized(sent: str, code: str) -> None:
    assert code_of_country(sent) == code


@pytest.mark.parametrize(
    "sent", ["Atlantis", "Europe", "XX", "D", "Virgin Islands", "republic of", "x" * 8192, "-"]
)
def test_unknown_country_is_not_recognized(sent: str) -> None:
    assert code_of_country(sent) is None
