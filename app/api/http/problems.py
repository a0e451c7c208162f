"""Every error as problem details (RFC 9457): where, what, and never the value that was sent."""

from dataclasses import replace
from http import HTTPStatus

import asyncpg
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.contract.faults import MAX_ERRORS, document_of, entry_of, fault_of
from app.errors import (
    BadRequest,
    DatabaseUnavailable,
    Fault,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Problem,
    TooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.store.connection.pool import CONNECTION_ERRORS, is_connection_error

MEDIA_TYPE = "application/problem+json"
MAX_BYTES = 8192


def problem_bytes(problem: Problem, request_id: str) -> bytes:
    """The body of an answer, at most 8 KiB: of many or long faults the first ones are told."""
    told = [entry_of(fault) for fault in problem.faults[:MAX_ERRORS]]
    while True:
        body = orjson.dumps(document_of(problem, request_id, told))
        if len(body) <= MAX_BYTES or not told:
            return body
        told = told[: len(told) // 2]


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
        fault = fault_of({**found, "loc": rest}, ())
        faults.append(fault if place == "body" else replace(fault, place=place))
    return ValidationFailed(faults=faults)


def of_http(error: HTTPException) -> Problem:
    """What the framework refused; its own texts may repeat the request and are left out."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed((error.headers or {}).get("Allow", ""))
    known = {problem.status: problem for problem in (BadRequest, NotFound, TooLarge, UnsupportedMediaType)}
    return known.get(error.status_code, BadRequest if error.status_code < 500 else Problem)()


_BUSY = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)
HANDLED = (Problem, RequestValidationError, HTTPException, *_BUSY, *CONNECTION_ERRORS)
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
        case _ if is_connection_error(error):
            return DatabaseUnavailable()
        case _:
            return Problem()


def install(app: FastAPI) -> None:
    """Makes every error of these kinds a problem."""

    async def tell(request: Request, error: Exception) -> Response:
        return problem_response(problem_of(error), request_id_of(request))

    for kind in HANDLED:
        app.add_exception_handler(kind, tell)
