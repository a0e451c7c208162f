"""Signing in with a key, with a link, or in development with one click; and signing out."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.http.auth import is_local, public
from app.console.addresses import ROOT, SIGN_IN, local_path
from app.console.forms import FormParameter
from app.console.rendering import render
from app.console.route import ConsoleRoute, session_of
from app.console.sessions import COOKIE, SESSION_SECONDS, ConsoleSessions
from app.errors import Forbidden, TooManyFailures, Unauthenticated
from app.settings import Settings
from app.tokens import Token

router = APIRouter(route_class=ConsoleRoute)
MAX_KEY = 255
Back = Annotated[str | None, Query(alias="return", max_length=2000)]


@router.get(SIGN_IN)
@public()
async def get_sign_in(request: Request, back: Back = None) -> Response:
    """Shows the form for a key. People who are signed in go on."""
    if await session_of(request) is not None:
        return RedirectResponse(local_path(back), 303)
    return _form(request, local_path(back))


@router.post(SIGN_IN)
@public()
async def sign_in(request: Request, form: FormParameter) -> Response:
    """Begins a session."""
    back = local_path(form.text("return"))
    key = form.text("key", max_length=10_000)
    if not key:
        return _form(request, back, "Enter an API key.", 422)
    if len(key) > MAX_KEY:
        return _form(request, back, "This is not an API key. A key begins with la_.", 422)
    try:
        token = await _sessions(request).sign_in(key, request.scope)
    except TooManyFailures as problem:
        wait = f"Too many attempts failed. Try again in {problem.retry_after} seconds."
        response = _form(request, back, wait, 429)
        response.headers.update(problem.headers)
        return response
    except Unauthenticated:
        return _form(request, back, "This key is unknown or revoked. Check that all of it was copied.", 401)
    return _signed_in(request, token, back)


@router.post(f"{SIGN_IN}/development")
@public()
async def sign_in_developer(request: Request, form: FormParameter) -> Response:
    """Begins a session with the key of development, from this machine only."""
    if not _is_development(request):
        raise Forbidden("This works in development only, on the machine itself.")
    token = await _sessions(request).sign_in_developer(request.scope)
    return _signed_in(request, token, local_path(form.text("return")))


@router.get(f"{ROOT}/link/{{token}}")
@public()
async def get_link(request: Request, token: str) -> Response:
    """Shows a button. Programs that look at links before people do cannot use one up."""
    return render(request, "link.html", {"token": token})


@router.post(f"{ROOT}/link/{{token}}")
@public()
async def use_link(request: Request, token: str) -> Response:
    """Begins a session with a sign-in link."""
    return _signed_in(request, await _sessions(request).sign_in_by_link(token, request.scope), ROOT)


@router.post(f"{ROOT}/sign-out")
@public()
async def sign_out(request: Request) -> Response:
    """Ends the session. People who have none any more are signed out as well."""
    session = await session_of(request)
    if session is not None:
        await _sessions(request).sign_out(session)
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, path=ROOT, secure=_is_secure(request), httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


def _form(request: Request, back: str, error: str = "", status: int = 200) -> Response:
    context = {"back": back, "error": error, "development": _is_development(request)}
    return render(request, "sign_in.html", context, status=status)


def _signed_in(request: Request, token: Token, back: str) -> Response:
    response = RedirectResponse(back, 303)
    response.set_cookie(
        COOKIE,
        token.text(),
        max_age=SESSION_SECONDS,
        path=ROOT,
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


def _sessions(request: Request) -> ConsoleSessions:
    sessions: ConsoleSessions = request.app.state.console_sessions
    return sessions


def _is_development(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    return settings.development and is_local(request.scope)


def _is_secure(request: Request) -> bool:
    """Whether browsers reach the service by https. A wrong header can only make a cookie stricter."""
    settings: Settings = request.app.state.settings
    return (
        request.url.scheme == "https"
        or request.headers.get("x-forwarded-proto", "").partition(",")[0].strip() == "https"
        or (settings.public_base_url or "").startswith("https:")
    )
