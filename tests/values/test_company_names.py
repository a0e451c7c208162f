"""Names of companies without their legal form."""

import pytest

from app.intake.name_scores import name_score
from app.values.company_names import company_name


@pytest.mark.parametrize(
    ("text", "country", "words"),
    [
        ("Nordlicht AS", "NO", ("nordlicht",)),
        ("Nordlicht AS", "US", ("nordlicht", "as")),
        ("SA Fontaine", None, ("sa", "fontaine")),
        ("SA Fontaine", "BE", ("fontaine",)),
        ("The Home Shop, Inc.", None, ("home", "shop")),
        ("Alpha Inc. (Class A)", None, ("alpha",)),
        ("K. & L. Ltd.", None, ("k", "l")),
        ("GmbH", None, ("gmbh",)),
    ],
)
def test_legal_form_is_taken_off_where_the_country_uses_it(
    text: str, country: str | None, words: tuple[str, ...]
) -> None:
    name = company_name(text, country)
    assert name is not None
    assert name.words == words


@pytest.mark.parametrize("text", ["n/a", "-", "Test", "self employed", "", "   ", None, 7])
def test_placeholder_names_no_company(text: object) -> None:
    assert company_name(text) is None


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("Ericson Telecom", "Ericsson Telecom", 0.85, 0.99),
        ("Quarry Oil", "Quarry Petroleum", 0.0, 0.7),
        ("Quarry Mfg", "Quarry Manufacturing", 0.85, 0.99),
        ("Quarry Natl.", "Quarry National", 0.85, 0.99),
        ("Quarry Grp", "Quarry Group", 0.85, 1.0),
        ("PNC Financial Services", "PennyMac Financial Services", 0.0, 0.84),
        ("Harbor Quarry", "Hrabor Quarry", 0.85, 0.99),
        ("Kestrel", "Kestrle", 0.85, 0.99),
        ("Kestrelon", "estrelon", 0.85, 0.99),
        ("Kedron", "Kedren", 0.6, 0.84),
        ("Nestor", "Kestor", 0.0, 0.59),
        ("Delta Group", "Delta", 0.6, 0.84),
        ("Werk 1 Ulm", "Werk 2 Ulm", 0.0, 0.84),
        ("Kestrel Icn", "Kestrel Inc", 0.85, 0.95),
        ("Kestrel Corrp", "Kestrel Corp", 0.85, 0.95),
        ("Kestrel Gmbhh", "Kestrel GmbH", 0.85, 0.95),
        ("Kestrel Holding SPLC", "Kestrel Holdings plc", 0.95, 0.99),
        ("Kestrel Core", "Kestrel Corp", 0.0, 0.84),
        ("Kestrel Ink", "Kestrel Inc", 0.0, 0.84),
        ("Kestrel AI", "Kestrel AG", 0.0, 0.84),
        ("Kestrel Kestrem", "Kestrel", 0.0, 0.84),
        ("Kestrel Icn", "Harrier Inc", 0.0, 0.59),
        ("Firma Eins", "株式会社青空商事", 0.0, 0.0),
    ],
)
def test_score_tells_spelling_from_another_company(one: str, other: str, least: float, most: float) -> None:
    names = company_name(one), company_name(other)
    assert names[0] is not None
    assert names[1] is not None
    assert least <= name_score(names[0], names[1]) <= most
    assert name_score(names[0], names[1]) == name_score(names[1], names[0])
