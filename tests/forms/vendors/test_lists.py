"""Fields that JSON holds in lists."""

from typing import Any

import pytest

from tests.forms.vendors.sent import form, one, sent

WHO = {"email": "liv@dahl.example", "first_name": "Liv", "last_name": "Dahl", "company": "Dahl"}


@pytest.mark.parametrize(
    "document",
    [
        {"fields": [{"name": "email", "value": "liv@dahl.example"},
                    {"name": "full_name", "value": "Liv Dahl"}, {"name": "company", "value": "Dahl"}]},
        [{"label": "Work e-mail", "value": "liv@dahl.example"}, {"label": "Name", "value": "Liv Dahl"},
         {"label": "Company", "value": "Dahl"}],
        {"data": {"fields": [
            {"key": "question_1", "label": "Company", "type": "INPUT_TEXT", "value": "Dahl"},
            {"key": "question_2", "label": "Name", "type": "INPUT_TEXT", "value": "Liv Dahl"},
            {"key": "question_3", "label": "Email", "type": "INPUT_EMAIL", "value": "liv@dahl.example"}]}},
        {"submission": {"questions": [
            {"id": "a1", "name": "Deine E-Mail", "type": "EmailInput", "value": "liv@dahl.example"},
            {"id": "a2", "name": "Vor- und Nachname", "type": "ShortAnswer", "value": "Liv Dahl"},
            {"id": "a3", "name": "Dein Unternehmen", "type": "ShortAnswer", "value": "Dahl"}]}},
        {"data": {"contact": {"name": {"first": "Liv", "last": "Dahl"}, "company": {"name": "Dahl"},
            "emails": [{"type": "home", "value": "l@home.example"},
                       {"type": "work", "value": "liv@dahl.example", "primary": True}]}}},
    ],
)  # fmt: skip
def test_fields_in_lists_are_read_like_others(document: Any) -> None:
    found = one("generic", sent(document))
    assert {name: found.lead.get(name) for name in WHO} == WHO
    assert "attributes" not in found.lead


@pytest.mark.parametrize(
    "inside",
    [
        {"utm": {"utm_source": "bing", "utm_medium": "cpc"}},
        {"contact": {"attribution": {"utmSource": "bing", "utm_medium": "cpc"}}},
        {"context": {"campaign": {"source": "bing", "medium": "cpc"}}},
        {"urlParameters": [{"name": "utm_source", "value": "bing"}, {"name": "utm_medium", "value": "cpc"}]},
    ],
)
def test_tags_inside_of_objects_are_tags(inside: dict[str, Any]) -> None:
    found = one("generic", sent({"email": "liv@dahl.example", **inside}))
    assert found.lead == {"email": "liv@dahl.example", "utm": {"source": "bing", "medium": "cpc"}}
    assert found.unmapped == {}


def test_the_main_one_of_several_numbers_counts() -> None:
    phones = [
        {"label": "home", "value": "+4722000000"},
        {"label": "work", "value": "+4722123456", "primary": True},
    ]
    found = one("generic", sent({"person": {"phone": phones}}))
    assert found.lead == {"phone": "+4722123456"}


def test_names_in_brackets_are_objects() -> None:
    found = one(
        "html", form({"user[name]": "Liv Dahl", "user[email]": "liv@dahl.example", "user[company]": "Dahl"})
    )
    assert found.lead == WHO


def test_what_nothing_maps_in_a_list_keeps_its_label() -> None:
    fields = [{"label": "E-mail", "value": "liv@dahl.example"}, {"label": "Sail number", "value": 7}]
    assert one("generic", sent({"fields": fields, "tags": ["a", "b"]})).unmapped == {
        "Sail number": 7,
        "tags": ["a", "b"],
    }


def test_a_choice_is_the_text_of_its_option() -> None:
    options = [{"id": "x1", "text": "11-50"}, {"id": "x2", "text": "51-200"}]
    fields = [
        {"label": "E-mail", "value": "liv@dahl.example"},
        {"label": "Company size", "value": ["x2"], "options": options},
        {"label": "Sails", "value": ["x1", "other"], "options": options},
    ]
    found = one("generic", sent({"fields": fields}))
    assert found.lead["employees"] == "51-200"
    assert found.unmapped == {"Sails": ["x1", "other"]}


def test_a_list_of_things_is_no_list_of_fields() -> None:
    deals = [{"name": "Sails", "size": 3}, {"name": "Masts", "size": 1}]
    found = one("generic", sent({"email": "liv@dahl.example", "deals": deals}))
    assert found.lead == {"email": "liv@dahl.example"}
    assert found.unmapped == {"deals": deals}
