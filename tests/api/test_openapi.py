"""The OpenAPI document tells a generated client everything."""

from app.api.http.openapi import document
from tests.api.small_app import Small


def test_every_operation_has_a_name_a_key_and_problems(small: Small) -> None:
    described = document(small.app)
    operations = {
        (path, method): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert operations["/assign", "post"]["operationId"] == "assign"
    assert operations["/assign", "post"]["security"] == [{"bearer": ["assign"]}]
    assert operations["/healthz", "get"]["security"] == []
    for operation in operations.values():
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
    assert "HTTPValidationError" not in str(described)


def test_every_reference_leads_somewhere(small: Small) -> None:
    described = document(small.app)
    for reference in _references(described):
        found = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_the_items_of_a_batch_are_described_as_requests(small: Small) -> None:
    items = document(small.app)["components"]["schemas"]["BatchRequest"]["properties"]["items"]
    assert items["maxItems"] == 1000
    assert items["items"]["required"] == ["lead"]


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in _references(item)]
    return [found for item in value for found in _references(item)] if isinstance(value, list) else []
