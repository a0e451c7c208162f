"""Paths of the console: the way back after signing in, which never leads elsewhere."""

import re
from urllib.parse import quote, unquote, urlsplit

ROOT = "/console"
SIGN_IN = f"{ROOT}/sign-in"
MAX_LENGTH = 2000

_LOCAL = re.compile(r"/console(?:/[A-Za-z0-9._~%:@-]+)*/?(?:\?[A-Za-z0-9._~%:@=&+,-]*)?")


def local_path(text: str | None) -> str:
    """The path of a page of the console, or the first page for any other text."""
    if text is None or len(text) > MAX_LENGTH or not _LOCAL.fullmatch(text):
        return ROOT
    path = unquote(text.partition("?")[0])
    if path.startswith((SIGN_IN, f"{ROOT}/link", f"{ROOT}/sign-out")) or "/." in path or "\\" in path:
        return ROOT
    return text


def path_of(url: str | None) -> str:
    """The path of a page of the console by its whole URL, such as `HX-Current-URL`."""
    parts = urlsplit(url or "")
    return local_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def sign_in_path(back: str) -> str:
    """The sign-in page that leads back to a page."""
    return SIGN_IN if back == ROOT else f"{SIGN_IN}?return={quote(back, safe='/')}"
