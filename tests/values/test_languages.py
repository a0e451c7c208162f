"""Languages are read from tags and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.values.languages import read_languages, spoken, unknown_languages


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ("de", ["de"]), ("DE", ["de"]), ("de-AT", ["de"]), ("pt_BR", ["pt"]), ("zh-Hant-TW", ["zh"]),
        ("gsw", ["gsw"]), ("deu", ["de"]), ("nb-NO", ["no"]), ("iw", ["he"]), ("German", ["de"]),
        ("Deutsch", ["de"]), ("ALLEMAND", ["de"]), ("Français", ["fr"]), ("Español", ["es"]),
        ("日本語", ["ja"]), ("русский", ["ru"]), ("English (US)", ["en"]), ("Brazilian Portuguese", ["pt"]),
        ("US English", ["en"]), ("Latin American Spanish", ["es"]), ("Swiss German", ["gsw"]),
        ("Chinese (Simplified)", ["zh"]), ("Tagalog", ["fil"]), ("en, es", ["en", "es"]),
        ("English and Spanish", ["en", "es"]), ("Deutsch; Englisch", ["de", "en"]), ("en/fr", ["en", "fr"]),
        ("de-DE,de;q=0.9,en;q=0.8", ["de", "en"]), ("中文", ["zh"]), ("Français ou anglais", ["fr", "en"]),
        ("English, Spanish, and French", ["en", "es", "fr"]),
    ],
)  # fmt: skip
def test_tags_and_names_are_languages(sent: str, codes: list[str]) -> None:
    assert read_languages(sent) == tuple(codes) == spoken([sent])
    assert unknown_languages(sent) == []


@pytest.mark.parametrize(
    "sent",
    [
        "Plattdüütsch",
        "xx",
        "N/A",
        "-",
        "No English",
        "Other than English",
        "not German",
        "A\u0130",
        "x" * 300,
    ],
)
def test_unknown_language_is_none(sent: str) -> None:
    assert read_languages(sent) is None
    assert unknown_languages(sent)


@given(st.text(max_size=20))
def test_languages_of_any_text_are_read_again_as_they_are(text: str) -> None:
    codes = read_languages(text)
    assert codes is None or read_languages(", ".join(codes)) == codes
