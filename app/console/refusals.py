"""Problems as people see them: a page in words, or for htmx a part that a script shows beside its control."""

from collections.abc import MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.problems import problem_response
from app.console.addresses import ROOT, local_path, path_of, sign_in_path
from app.console.rendering import is_htmx, render, with_headers
from app.contract.faults import MAX_ERRORS, entry_of
from app.errors import Forbidden, MethodNotAllowed, NotFound, Problem, Unauthenticated

_ADVICE = {
    403: "Ask the person who manages your keys for one that may do this.",
    404: "It may have been deleted, or the address has a typing error.",
    405: "Go back to the page that you came from, and try again from there.",
    409: "Somebody else was faster. Go back, reload the page, and look again.",
    429: "You called very often in a short time. Wait a moment, then reload the page.",
    500: "This is a defect of the service. Try again; if it stays, report the request id below.",
    503: "The service is busy, or its database is away. Nothing was changed. Reload the page in a moment.",
}


def respond_as_page(problem: Problem, scope: MutableMapping[str, Any]) -> Response:
    """The response to a problem that no route has handled: a page for what is at `/console`."""
    if scope["path"] != ROOT and not scope["path"].startswith(f"{ROOT}/"):
        return problem_response(problem, scope)
    return with_headers(refusal(Request(scope), problem))


def refusal(request: Request, problem: Problem, *, is_poll: bool = False) -> Response:
    """The response to a problem.

    Who is not signed in is sent to the sign-in page, with the way back; the whole page goes there, never
    a part of it.
    """
    if isinstance(problem, Unauthenticated):
        return _to_sign_in(request, is_poll=is_poll)
    context = {
        "status": problem.status,
        "code": problem.code,
        "heading": _heading(problem),
        "detail": problem.detail,
        "faults": [(entry_of(fault)["path"], fault.detail) for fault in problem.faults[:MAX_ERRORS]],
        "advice": "" if _says_what(problem) else _ADVICE.get(problem.status, ""),
        "request_id": request.scope["request_id"],
    }
    template = "problem_part.html" if is_htmx(request) else "problem.html"
    response = render(request, template, context, status=problem.status)
    response.headers.update(problem.headers)
    return response


def _says_what(problem: Problem) -> bool:
    """Whether something that was not found says itself what it is, and what to do."""
    return isinstance(problem, NotFound) and bool(problem.detail)


def _heading(problem: Problem) -> str:
    match problem:
        case Forbidden():
            return "You cannot do this"
        case NotFound():
            return "Not found" if _says_what(problem) else "There is no such page"
        case MethodNotAllowed():
            return "This page does not take that"
        case _ if problem.status == Problem.status:
            return "Something went wrong"
        case _:
            return type(problem).title


def _to_sign_in(request: Request, *, is_poll: bool) -> Response:
    if is_htmx(request):
        back = path_of(request.headers.get("hx-current-url"))
        # Browsers write a line of error for each 401. Nobody asked for a poll, so it is none.
        return Response(status_code=204 if is_poll else 401, headers={"HX-Redirect": sign_in_path(back)})
    query = request.url.query
    path = f"{request.url.path}?{query}" if query else request.url.path
    back = local_path(path) if request.method == "GET" else ROOT
    return RedirectResponse(sign_in_path(back), 303)
