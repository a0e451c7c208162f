"""The OpenAPI document: what FastAPI knows of the routes, and how keys and errors work everywhere."""

from typing import Any

from fastapi import FastAPI

from app.api.http.problems import MEDIA_TYPE
from app.contract.responses import ProblemDetails

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "la_<env>_<id>_<secret>_<check>",
    "description": "An API key. The scopes a route needs stand with it; `admin` holds all.",
}
_PROBLEM = {
    "description": "A problem (RFC 9457); `code` says which.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of this app, from which a client can be generated."""
    described = app.openapi()
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    # Our errors are problems; FastAPI's own shapes for them never leave.
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}), ProblemBody=problem)
    described["components"]["securitySchemes"] = {"bearer": _BEARER}
    described["components"]["responses"] = {"Problem": _PROBLEM}
    for path in described.get("paths", {}).values():
        for operation in path.values():
            responses = operation["responses"]
            if _is_frameworks(responses.get("422")):
                del responses["422"]
            responses["default"] = {"$ref": "#/components/responses/Problem"}
    return described


def _is_frameworks(response: dict[str, Any] | None) -> bool:
    return response is not None and "HTTPValidationError" in str(response)
