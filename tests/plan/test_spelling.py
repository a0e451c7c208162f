"""What a misspelled name was probably meant to be."""

import pytest

from app.contract.requests import AssignRequest
from app.plan.document.plan import PlanDocument
from app.plan.language.spelling import closest, keys_at, one_typo

KNOWN = ["country", "email", "employees", "utm.source", "dach", "Coupon_Code__c", "inbound"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("cuntry", "country"),
        ("countrry", "country"),
        ("coumtry", "country"),
        ("conutry", "country"),
        ("emial", "email"),
        ("E-Mail", "email"),
        ("utm_source", "utm.source"),
        ("dahc", "dach"),
        ("coupon_code__c", "Coupon_Code__c"),
        ("Coupon_Cod__c", "Coupon_Code__c"),
        ("emplyoes", "employees"),
        ("country", None),
        ("city", None),
        ("da", None),
        ("dhca", None),
        ("", None),
        (5, None),
    ],
)
def test_closest_name_is_suggested(word: object, meant: str | None) -> None:
    assert closest(word, KNOWN) == meant


@pytest.mark.parametrize(
    ("one", "other", "typo"),
    [
        ("abc", "abc", False),
        ("abc", "ab", True),
        ("abc", "bc", True),
        ("abc", "acb", True),
        ("abc", "abd", True),
        ("abc", "cab", False),
        ("abcd", "badc", False),
        ("a", "", True),
        ("ab", "ba", True),
    ],
)
def test_one_typo_is_a_letter_more_less_or_changed_or_two_swapped(one: str, other: str, typo: bool) -> None:
    assert one_typo(one, other) is typo
    assert one_typo(other, one) is typo


def test_keys_of_a_nested_object_are_known() -> None:
    assert "email" in keys_at(AssignRequest, ("lead",))
    assert set(keys_at(AssignRequest, ("lead", "engagement", 0))) == {
        "at",
        "type",
        "name",
        "product",
        "count",
    }
    assert {"claimable_by", "crm"} <= set(keys_at(PlanDocument, ("queues", "any")))
    assert keys_at(AssignRequest, ("nothing", "here")) == []
