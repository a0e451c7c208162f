"""Every error as problem details (RFC 9457): the place and the reason, never the submitted value."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.contract.faults import MAX_ERRORS, document_of, entry_of, fault_of
from app.dispatch.failures import SERVER_ERRORS, is_database_error, note_unusable, why_unavailable
from app.errors import (
    BadRequest,
    Fault,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Problem,
    TooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.store.connection.pool import CONNECTION_ERRORS
from app.store.connection.unusable import unusable_code

MEDIA_TYPE = "application/problem+json"
MAX_BYTES = 8192


def problem_bytes(problem: Problem, ids: Mapping[str, str]) -> bytes:
    """The body of the response, at most 8 KiB. It lists as many faults as fit."""
    errors = [entry_of(fault) for fault in problem.faults[:MAX_ERRORS]]
    while True:
        body = orjson.dumps(document_of(problem, ids, errors), option=orjson.OPT_UTC_Z)
        if len(body) <= MAX_BYTES or not errors:
            return body
        errors = errors[: len(errors) // 2]


def problem_response(problem: Problem, scope: Mapping[str, Any]) -> Response:
    """The response to a problem of this request."""
    ids = {"request_id": scope["request_id"], **scope.get("trace", {})}
    return Response(problem_bytes(problem, ids), problem.status, dict(problem.headers), media_type=MEDIA_TYPE)


Respond = Callable[[Problem, MutableMapping[str, Any]], Response]
"""Makes the response to a problem of the request with this scope."""


def _of_validation(error: RequestValidationError) -> Problem:
    """The faults that FastAPI found. A path parameter that cannot be an id is an unknown id."""
    faults: list[Fault] = []
    for found in error.errors():
        place, *rest = found["loc"]
        if place == "path":
            return NotFound()
        fault = fault_of({**found, "loc": rest}, ())
        faults.append(fault if place == "body" else replace(fault, place=place))
    return ValidationFailed(faults=faults)


def _of_http(error: HTTPException) -> Problem:
    """An error of the framework. Its own message may repeat the request and is left out."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed((error.headers or {}).get("Allow", ""))
    known = {problem.status: problem for problem in (BadRequest, NotFound, TooLarge, UnsupportedMediaType)}
    return known.get(error.status_code, BadRequest if error.status_code < 500 else Problem)()


_BUSY = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)
HANDLED = (Problem, RequestValidationError, HTTPException, *_BUSY, *CONNECTION_ERRORS, *SERVER_ERRORS)
"""The kinds of error that become a problem here. `RequestMiddleware` handles all others."""


def problem_of(error: Exception) -> Problem:
    """The problem that the caller gets for this error."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case HTTPException():
            return _of_http(error)
        case asyncpg.LockNotAvailableError() | asyncpg.QueryCanceledError():
            return Overloaded("The database is busy.")
        case _ if is_database_error(error):
            return why_unavailable(error)
        case _:
            return Problem()


def handled(error: Exception, app: FastAPI) -> Problem:
    """The problem that the caller gets, while the app remembers what is wrong with its database."""
    if unusable_code(error) is not None:
        note_unusable(app.state.pool, error)
    return problem_of(error)


def install(app: FastAPI, respond: Respond = problem_response) -> None:
    """Registers the handlers that turn errors into problems, which `respond` makes responses of."""

    async def handle(request: Request, error: Exception) -> Response:
        return respond(handled(error, request.app), request.scope)

    for kind in HANDLED:
        app.add_exception_handler(kind, handle)
