"""The OpenAPI document: FastAPI's description of the routes, completed with keys, problems and formats."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from app.api.http.auth import access_of
from app.api.http.problems import MEDIA_TYPE
from app.contract.responses import ProblemDetails
from app.engine.explain.codes import CLAIMS, REFUSALS
from app.errors import (
    BadRequest,
    ClaimRefused,
    DatabaseUnavailable,
    Erased,
    Forbidden,
    IdempotencyMismatch,
    MalformedJson,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PreconditionFailed,
    Problem,
    RateLimited,
    RequestTimeout,
    TooLarge,
    TooManyFailures,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)

MAX_INT32 = 2**31 - 1
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "la_<env>_<id>_<secret>_<check>",
    "description": "An API key. Each route lists the scopes that grant access; `admin` includes all scopes.",
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "schema": {"type": "integer", "format": "int32"},
    }
}
_BODY = (MalformedJson, RequestTimeout, TooLarge, UnsupportedMediaType)
_KEY = (Unauthenticated, Forbidden, TooManyFailures, RateLimited, ValidationFailed)
_DATABASE = (Overloaded, DatabaseUnavailable)


def document(app: FastAPI) -> dict[str, Any]:
    """The document of this app, from which a client can be generated."""
    described = app.openapi()
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    # All errors are problems; FastAPI's own shapes of errors are never sent.
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    if "BatchRequest" in schemas:
        # FastAPI would repeat the schema of the items, which are validated one by one.
        item = {"$ref": "#/components/schemas/AssignRequest"}
        schemas["BatchRequest"]["properties"]["items"]["items"] = item
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}), ProblemDetails=problem)
    described["components"]["securitySchemes"] = {"bearer": _BEARER}
    for context in iter_route_contexts(app.routes):
        route: Any = context.original_route
        for method in route.methods if route.include_in_schema else ():
            operation = described["paths"][context.path][method.lower()]
            # It describes FastAPI's own shape, and is replaced where a route can answer 422 at all.
            operation["responses"].pop("422", None)
            kinds = {*access_of(route.endpoint).problems, *_kinds(str(context.path), method, operation)}
            _add_problems(operation, kinds, schemas)
    for schema in _integers(described):
        schema.setdefault("format", "int32" if schema.get("maximum", MAX_INT32) <= MAX_INT32 else "int64")
    return described


def _kinds(path: str, method: str, operation: dict[str, Any]) -> Iterator[type[Problem]]:
    """The kinds of problem that follow from what the operation reads and writes."""
    headers = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "header"}
    security = operation["security"]
    yield from (Problem, BadRequest)
    if path != "/healthz":
        yield from _DATABASE
    if security:
        yield from _KEY
    if "requestBody" in operation:
        yield from _BODY
    if "{" in path:
        yield NotFound
    if "Idempotency-Key" in headers:
        yield from (IdempotencyMismatch, Erased)
    if "If-Match" in headers:
        yield PreconditionFailed
    if method != "GET" and security != [{"bearer": ["leads:read"]}]:
        yield OutcomeUnknown


def _add_problems(operation: dict[str, Any], kinds: Iterable[type[Problem]], schemas: dict[str, Any]) -> None:
    by_status = defaultdict(list)
    for kind in sorted(kinds, key=lambda kind: kind.code):
        by_status[kind.status].append(kind)
    for status, alike in by_status.items():
        name = _schema_name(operation["operationId"], status, alike)
        schemas[name] = _schema(alike)
        response: dict[str, Any] = {
            "description": " ".join(f"`{kind.code}`: {kind.cause}" for kind in alike),
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        }
        if any(kind.retry_after is not None for kind in alike):
            response["headers"] = _RETRY_AFTER
        operation["responses"][str(status)] = response


def _schema_name(operation_id: str, status: int, kinds: list[type[Problem]]) -> str:
    """A name made of up to two codes. Operations share a schema when their codes are the same."""
    if status == Overloaded.status and {*kinds} <= {*_DATABASE, OutcomeUnknown}:
        return "UnavailableProblem" if OutcomeUnknown in kinds else "ReadUnavailableProblem"
    if len(kinds) > 2:
        return f"{_camel(operation_id)}Problem{status}"
    return "Or".join(_camel(kind.code) for kind in kinds) + "Problem"


def _camel(name: str) -> str:
    return name.title().replace("_", "")


def _schema(kinds: list[type[Problem]]) -> dict[str, Any]:
    codes = [code for kind in kinds for code in codes_of(kind)]
    return {
        "allOf": [{"$ref": "#/components/schemas/ProblemDetails"}],
        "type": "object",
        "properties": {"code": {"type": "string", "enum": codes}},
        "required": ["code"],
    }


def codes_of(kind: type[Problem]) -> list[str]:
    """The codes of a kind of problem: one, but for a refused claim, which has the code of its reason."""
    return sorted({**REFUSALS, **CLAIMS}) if kind is ClaimRefused else [kind.code]


def _integers(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema of an integer, at or below this value."""
    if isinstance(value, dict):
        if value.get("type") == "integer":
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _integers(each)
