"""Every error as problem details (RFC 9457): where, what, and never the value that was sent."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.problems import (
    BadRequest,
    Fault,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Path,
    Problem,
    Refused,
    StoreAway,
    TooLarge,
    UnsupportedMedia,
)
from app.store.database import AWAY, is_away

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
MAX_BYTES = 8192

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_UNSAID = "…"

# pydantic's error type -> our code and sentence; {braces} are filled with limits only, never with input.
_SENTENCES = {
    "missing": ("missing", "is required"),
    "extra_forbidden": ("unknown_field", "is not a known field"),
    "string_type": ("wrong_type", "must be text"),
    "bool_type": ("wrong_type", "must be true or false"),
    "int_type": ("wrong_type", "must be a whole number"),
    "int_from_float": ("wrong_type", "must be a whole number"),
    "int_parsing": ("wrong_type", "must be a whole number"),
    "int_parsing_size": ("out_of_range", "is too large"),
    "float_type": ("wrong_type", "must be a number"),
    "float_parsing": ("wrong_type", "must be a number"),
    "list_type": ("wrong_type", "must be a list"),
    "dict_type": ("wrong_type", "must be an object"),
    "model_type": ("wrong_type", "must be an object"),
    "model_attributes_type": ("wrong_type", "must be an object"),
    "finite_number": ("out_of_range", "must be a finite number"),
    "literal_error": ("not_allowed", "must be one of {expected}"),
    "enum": ("not_allowed", "must be one of {expected}"),
    "string_pattern_mismatch": ("bad_format", "does not have the required form"),
    "string_too_long": ("too_long", "must be at most {max_length} characters"),
    "string_too_short": ("too_short", "must be at least {min_length} characters"),
    "too_long": ("too_many_items", "must hold at most {max_length} items"),
    "too_short": ("too_few_items", "must hold at least {min_length} items"),
    "greater_than_equal": ("out_of_range", "must be at least {ge}"),
    "less_than_equal": ("out_of_range", "must be at most {le}"),
    "greater_than": ("out_of_range", "must be more than {gt}"),
    "less_than": ("out_of_range", "must be less than {lt}"),
    "uuid_parsing": ("bad_format", "must be an id as we gave it"),
    "uuid_type": ("wrong_type", "must be an id as we gave it"),
}


_OURS = "said:"


def said(code: str, sentence: str) -> PydanticCustomError:
    """The error a validator of ours raises: its code and sentence reach the caller as they are."""
    return PydanticCustomError(_OURS + code, sentence)


def faults_of(errors: Iterable[Mapping[str, Any]], root: Path = ()) -> list[Fault]:
    """pydantic's errors as faults; `root` is where the validated value stands in the body."""
    return [_fault(error, root) for error in errors]


def _fault(error: Mapping[str, Any], root: Path) -> Fault:
    path = (*root, *(part if isinstance(part, int) else str(part) for part in error["loc"]))
    kind = error["type"]
    if kind.startswith(_OURS):
        return Fault(path, kind.removeprefix(_OURS), error["msg"])
    # Sentences of pydantic's that we have not read could repeat what was sent.
    code, sentence = _SENTENCES.get(kind, ("invalid", "is not valid"))
    return Fault(path, code, sentence.format_map(error.get("ctx", {})))


def problem_bytes(problem: Problem, request_id: str) -> bytes:
    """The body of an answer, at most 8 KiB: of many or long faults the first ones are told."""
    told = [_told(fault) for fault in problem.faults[:MAX_ERRORS]]
    while True:
        body = orjson.dumps(_document(problem, request_id, told))
        if len(body) <= MAX_BYTES or not told:
            return body
        told = told[: len(told) // 2]


def problem_document(problem: Problem) -> dict[str, Any]:
    """The same as an object, for an item of a batch; the batch's answer carries the request id."""
    return _document(problem, "", [_told(fault) for fault in problem.faults[:MAX_ERRORS]])


def _document(problem: Problem, request_id: str, told: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": f"urn:lead-assignment:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    }
    if problem.detail:
        document["detail"] = problem.detail
    if request_id:
        document["request_id"] = request_id
    if problem.faults:
        document["errors"] = told
        document["errors_total"] = len(problem.faults)
    return document


def _told(fault: Fault) -> dict[str, str]:
    parts = [part if isinstance(part, int) or _NAME.fullmatch(part) else _UNSAID for part in fault.path]
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    pointer = "".join(f"/{part}" for part in parts)
    where = {"pointer": f"#{pointer}"} if fault.place == "body" else {"in": fault.place}
    return {"path": dotted.removeprefix("."), **where, "code": fault.code, "detail": fault.detail}


def problem_response(problem: Problem, request_id: str) -> Response:
    """The whole answer."""
    return Response(
        problem_bytes(problem, request_id), problem.status, dict(problem.headers), media_type=MEDIA_TYPE
    )


def request_id_of(request: Request) -> str:
    """The id under which this request stands in the logs."""
    return str(request.scope.get("request_id", ""))


def of_validation(error: RequestValidationError) -> Problem:
    """What FastAPI found wrong. A path parameter that cannot be an id is an unknown id."""
    faults: list[Fault] = []
    for found in error.errors():
        place, *rest = found["loc"]
        if place == "path":
            return NotFound()
        fault = _fault({**found, "loc": rest}, ())
        faults.append(fault if place == "body" else replace(fault, place=place))
    return Refused(faults=faults)


def of_http(error: HTTPException) -> Problem:
    """What the framework refused; its own texts may repeat the request and are left out."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed((error.headers or {}).get("Allow", ""))
    known = {problem.status: problem for problem in (BadRequest, NotFound, TooLarge, UnsupportedMedia)}
    return known.get(error.status_code, BadRequest if error.status_code < 500 else Problem)()


_BUSY = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)
TOLD = (Problem, RequestValidationError, HTTPException, *_BUSY, *AWAY)
"""The kinds of error that have a problem of their own; `headers.Edge` tells what nobody expected."""


def problem_of(error: Exception) -> Problem:
    """What a caller is told of this error."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return of_validation(error)
        case HTTPException():
            return of_http(error)
        case asyncpg.LockNotAvailableError() | asyncpg.QueryCanceledError():
            return Overloaded("The database is too busy at this moment.")
        case _ if is_away(error):
            return StoreAway()
        case _:
            return Problem()


def install(app: FastAPI) -> None:
    """Makes every error of these kinds a problem."""

    async def tell(request: Request, error: Exception) -> Response:
        return problem_response(problem_of(error), request_id_of(request))

    for kind in TOLD:
        app.add_exception_handler(kind, tell)
