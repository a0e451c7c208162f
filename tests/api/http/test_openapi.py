"""The OpenAPI document has everything that a generated client needs."""

from typing import Any

import pytest

from app.api.http.openapi import document
from app.main import create_app
from app.settings import Settings
from tests.api.small_app import Small


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The document of the service."""
    return document(create_app(Settings()))


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["operationId"]: each for path in described["paths"].values() for each in path.values()}


def test_every_operation_has_a_name_and_scopes(small: Small) -> None:
    found = operations(document(small.app))
    assert found["assign"]["security"] == [{"bearer": ["assign"]}]
    assert found["healthz"]["security"] == []
    assert "HTTPValidationError" not in str(document(small.app))


def test_operations_are_named_by_verb_and_noun(described: dict[str, Any]) -> None:
    names = set(operations(described))
    assert {
        "assign_lead", "assign_leads", "reassign_lead", "claim_lead", "report_event", "get_assignment",
        "explain_assignment", "get_lead", "find_leads", "look_up_lead", "create_plan", "get_active_plan",
        "bulk_upsert_owners", "bulk_upsert_teams", "bulk_upsert_accounts", "list_ledger_entries",
    } <= names  # fmt: skip
    assert all("_" in name for name in names)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in references(described):
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_every_schema_is_used(described: dict[str, Any]) -> None:
    used = {reference.removeprefix("#/components/schemas/") for reference in references(described)}
    assert set(described["components"]["schemas"]) == used


def test_every_integer_has_a_format(described: dict[str, Any]) -> None:
    formats = [schema.get("format") for schema in objects(described) if schema.get("type") == "integer"]
    assert set(formats) == {"int32", "int64"}
    owner = described["components"]["schemas"]["Owner"]["properties"]
    assert owner["revision"]["format"] == "int64"
    assert described["components"]["schemas"]["Decision"]["properties"]["priority"]["format"] == "int32"


def test_problems_of_a_route_name_their_codes(described: dict[str, Any]) -> None:
    claim = operations(described)["claim_lead"]["responses"]
    assert codes(described, claim["409"]) == ["lead_not_in_queue", "queue_empty"]
    assert {"forbidden", "not_in_team", "held_for_another"} <= set(codes(described, claim["403"]))
    assert codes(described, claim["422"]) == ["idempotency_key_reused", "invalid"]
    assert codes(described, operations(described)["check_health"]["responses"]["400"]) == ["bad_request"]


def test_retry_after_is_described_where_it_is_sent(described: dict[str, Any]) -> None:
    for operation in operations(described).values():
        with_header = {status for status, each in operation["responses"].items() if "headers" in each}
        assert with_header == {"429", "503"} & set(operation["responses"])


def test_headers_that_an_endpoint_reads_are_described(described: dict[str, Any]) -> None:
    found = operations(described)
    assert headers(found["assign_lead"]) == {"Idempotency-Key"}
    assert headers(found["create_plan"]) == {"Idempotency-Key"}
    assert headers(found["upsert_owner"]) == headers(found["delete_table"]) == {"If-Match", "If-None-Match"}
    assert headers(found["get_owner"]) == set()


def test_items_of_a_batch_are_described_as_requests(described: dict[str, Any]) -> None:
    items = described["components"]["schemas"]["BatchRequest"]["properties"]["items"]
    assert items["maxItems"] == 1000
    assert items["items"] == {"$ref": "#/components/schemas/AssignRequest"}


def headers(operation: dict[str, Any]) -> set[str]:
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == "header"}


def codes(described: dict[str, Any], response: dict[str, Any]) -> list[str]:
    reference = response["content"]["application/problem+json"]["schema"]["$ref"]
    schema = described["components"]["schemas"][reference.rpartition("/")[2]]
    found: list[str] = schema["properties"]["code"]["enum"]
    return found


def objects(value: object) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in objects(item))]
    return [found for item in value for found in objects(item)] if isinstance(value, list) else []


def references(described: object) -> list[str]:
    return [each["$ref"] for each in objects(described) if isinstance(each.get("$ref"), str)]
