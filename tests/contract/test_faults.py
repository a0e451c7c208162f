"""Faults in requests: an unknown field is told with the one that was probably meant."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.contract.directory import TeamInput
from app.contract.events import EventBatch, EventRequest
from app.contract.faults import MAX_ERRORS, problem_document, validation_failed
from app.contract.form_mapping import FormMapping
from app.contract.requests import AssignRequest

LEAD = {"email": "a@b.example"}


@pytest.mark.parametrize(
    ("model", "body", "path", "detail"),
    [
        (AssignRequest, {"lead": {**LEAD, "cuntry": "DE"}}, ("lead", "cuntry"), "did you mean country?"),
        (
            AssignRequest,
            {"lead": {**LEAD, "postalCode": "1"}},
            ("lead", "postalCode"),
            "did you mean postal_code?",
        ),
        (AssignRequest, {"lead": LEAD, "tigger": "form"}, ("tigger",), "did you mean trigger?"),
        (
            AssignRequest,
            {"lead": {**LEAD, "engagement": [{"nmae": "x"}]}},
            ("lead", "engagement", 0, "nmae"),
            "did you mean name?",
        ),
        (AssignRequest, {"lead": {**LEAD, "shoe_size": 9}}, ("lead", "shoe_size"), "is not a known field"),
        (
            TeamInput,
            {"members": [{"owner": "a", "wieght": 1}]},
            ("members", 0, "wieght"),
            "did you mean weight?",
        ),
    ],
)
def test_unknown_field_is_told_with_the_known_one(
    model: Any, body: Any, path: tuple[str | int, ...], detail: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(body)
    (fault,) = validation_failed(refusal.value, model=model).faults
    assert (fault.path, fault.code) == (path, "unknown_field")
    assert fault.detail.endswith(detail)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"fields": {"email": 7}}, [("fields", "email")]),
        ({"fields": {"email": ["a", 7]}}, [("fields", "email"), ("fields", "email", 1)]),
        ({"fields": {"shoe_size": "a"}}, [("fields", "shoe_size")]),
        ({"id": {}, "at": 5}, [("id",), ("at",)]),
    ],
)
def test_place_of_a_fault_is_a_place_of_the_body_and_nothing_of_our_types(
    body: Any, places: list[tuple[str | int, ...]]
) -> None:
    with pytest.raises(ValidationError) as refusal:
        FormMapping.model_validate(body)
    problem = validation_failed(refusal.value)
    assert [fault.path for fault in problem.faults] == places
    assert problem.faults_total == len(places)


@pytest.mark.parametrize(
    ("model", "body"), [(EventBatch, {"items": []}), (EventRequest, {"type": "note", "id": ""})]
)
def test_what_is_empty_is_called_empty(model: type[BaseModel], body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(body)
    faults = validation_failed(raised.value).faults
    assert [fault.detail for fault in faults] == ["must not be empty"]


def test_only_the_faults_that_are_listed_are_made_and_all_are_counted() -> None:
    with pytest.raises(ValidationError) as raised:
        TeamInput.model_validate({"members": [{"wieght": 1}] * MAX_ERRORS})
    problem = validation_failed(raised.value, model=TeamInput)
    assert len(problem.faults) == MAX_ERRORS
    assert problem_document(problem)["errors_total"] == 2 * MAX_ERRORS
