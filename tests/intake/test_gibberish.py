"""Names that nobody has, and names that only look so."""

import pytest

from app.intake.arrival import normalize
from app.intake.gibberish import is_gibberish

REAL = [
    ("Ng", "Wai"),
    ("Aoife", "O Connell"),
    ("Sørine", "Wiśniewska"),
    ("Trần Thị", "Hương"),
    ("Wm", "Xu"),
    ("Annna", "Heikkkinen"),
    ("Smrz", "Strnad"),
    ("Grgur", "Brkić"),
    ("伟", "李"),
    ("Ida", "Null"),
    ("Petr", "Krpec"),
    ("Jiří", "Čtvrtník"),
    ("Marta", "Brzęczyszczykiewicz"),
    ("Lew", "Schtschedrin"),
    ("Gustav", "Hertz"),
    ("Ewa", "Siewert"),
    ("Fiona", "Flaherty"),
    ("Nomsa", "Nxumalo"),
    ("Rhys", "Llwyd"),
    ("Иван", "Лукенко"),
    ("김", "민준"),
    ("محمد", "الأحمد"),
    ("A.J.", "St.Clair"),
    ("Lisa", "Test"),
]
MADE_UP = [
    ("asdf", "ghjkl"),
    ("qwertz", "zuiop"),
    ("Yxcvbnm", ""),
    ("aaaa", "bbbb"),
    ("http://billig.example", "x"),
    ("Besucht", "www.billig.example"),
    ("test", "user"),
    ("Test", "TEST"),
    ("sdfsdf", "Meier"),
    ("hahaha", "haha"),
    ("Zkqvtwxp", "Hjwqzkt"),
    ("фывап", "йцукен"),
    ("asdasd", "asd"),
]


@pytest.mark.parametrize("name", REAL)
def test_a_name_of_some_language_is_no_gibberish(name: tuple[str, str]) -> None:
    assert not is_gibberish(name)


@pytest.mark.parametrize("name", MADE_UP)
def test_what_somebody_typed_to_get_past_a_form_is_gibberish(name: tuple[str, str]) -> None:
    assert is_gibberish(name)


@pytest.mark.parametrize(
    ("sent", "parts"),
    [
        ({"email": "ida@firma.example"}, []),
        ({"email": "ida@firma.example", "honeypot": ""}, []),
        ({"email": "ida@firma.example", "honeypot": False}, []),
        ({"email": "ida@firma.example", "honeypot": "https://x.example"}, ["honeypot"]),
        ({"email": "bot@trashmail.com"}, ["disposable_email"]),
        ({"email": "k@privaterelay.appleid.com"}, []),
        ({"email": "k@duck.com"}, []),
        ({"email": "k@gmail.com"}, []),
        ({"email": "ida@firma.example", "phone": "+1 212 555 0123"}, ["implausible_phone"]),
        ({"phone": "+1 212 555 0123"}, ["implausible_phone", "unreachable"]),
        ({"company": "Firma"}, ["unreachable"]),
        ({"external_id": "4711"}, []),
        ({"external_id": "4711", "email": "no address"}, ["unreachable"]),
        ({"email": "ida@firma.example", "first_name": "John", "last_name": "Doe"}, ["placeholder_name"]),
        ({"email": "ida@firma.example", "first_name": "asdf"}, ["gibberish_name"]),
        (
            {"email": "test@meta.com", "last_name": "<test lead: dummy data for last_name>"},
            ["platform_test"],
        ),
    ],
)
def test_each_part_is_named_for_what_the_lead_says(sent: dict[str, object], parts: list[str]) -> None:
    assert normalize(sent).values.get("junk_parts", []) == parts
