"""What is left of the name of an erased owner in texts."""

import pytest

from app.engine.model.unnamed import former_names

ANA = {"name": "Ana Moreno", "email": "ana@acme.example", "crm": {"hubspot": "ana-8841"}}


@pytest.mark.parametrize(
    ("id_", "text", "left"),
    [
        ("ana", "Ask ana@acme.example or ANA@Acme.example, id ana-8841", "Ask ana or ana, id ana"),
        ("Ana", "Ana Moreno (ana) was absent, Ana agreed", "Ana (ana) was absent, Ana agreed"),
        ("ana@acme", "To ana@acme.example, not to ana@acme", "To ana@acme, not to ana@acme"),
        ("Ana Moreno 2", "Ana Moreno 2 was called Ana Moreno", "Ana Moreno 2 was called Ana Moreno 2"),
        ("o1", "Mariana Moreno and Ana Moreno", "Mariana Moreno and o1"),
    ],
    ids=[
        "address begins with the id",
        "name begins with the id",
        "id is part of the address",
        "id holds the name",
        "words",
    ],
)
def test_no_name_or_address_is_left_whatever_the_id(id_: str, text: str, left: str) -> None:
    former = former_names(id_, [ANA])
    assert former.written(text) == left
    assert former.said(text) == left
