"""Problems as people see them: a page in words, or for htmx the problem beside its control."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.problems import problem_response
from app.console.addresses import ROOT, local_path, path_of, sign_in_path
from app.console.rendering import is_htmx, render
from app.errors import Forbidden, NotFound, Problem, Unauthenticated

_ADVICE = {
    403: "Ask the person who manages your keys for one that may do this.",
    404: "It may have been deleted, or the address has a typing error.",
    409: "Somebody else was faster. Go back, reload the page, and look again.",
    429: "You called very often in a short time. Wait a moment, then reload the page.",
    503: "The service is busy, or its database is away. Nothing was changed. Reload the page in a moment.",
}


def refusal(request: Request, problem: Problem) -> Response:
    """The response to a problem.

    Who is not signed in is sent to the sign-in page, with the way back; the whole page goes there, never
    a part of it.
    """
    if isinstance(problem, Unauthenticated):
        return _to_sign_in(request)
    if is_htmx(request):
        return problem_response(problem, request.scope)
    context = {
        "status": problem.status,
        "heading": _heading(problem),
        "detail": problem.detail,
        "faults": [(".".join(map(str, fault.path)), fault.detail) for fault in problem.faults],
        "advice": _ADVICE.get(problem.status, ""),
    }
    response = render(request, "problem.html", context, status=problem.status)
    response.headers.update(problem.headers)
    return response


def _heading(problem: Problem) -> str:
    if isinstance(problem, Forbidden):
        return "You cannot do this"
    if isinstance(problem, NotFound):
        return "There is no such page"
    return type(problem).title


def _to_sign_in(request: Request) -> Response:
    if is_htmx(request):
        back = path_of(request.headers.get("hx-current-url"))
        return Response(status_code=401, headers={"HX-Redirect": sign_in_path(back)})
    query = request.url.query
    path = f"{request.url.path}?{query}" if query else request.url.path
    back = local_path(path) if request.method == "GET" else ROOT
    return RedirectResponse(sign_in_path(back), 303)
