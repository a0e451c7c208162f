"""Calls to a server over HTTP, one after another, so that the same calls have the same effects."""

import http.client
import re
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import orjson

from app.cli.context import CommandError

TIMEOUT_SECONDS = 60
_GAUGE = re.compile(r"^(lead_assignment_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


class Client:
    """A connection to a server. Answers other than the expected ones end the command."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise CommandError("--url must be the address of a development server: http://127.0.0.1:8000")
        self._connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=TIMEOUT_SECONDS
        )
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the body of an answer. Raises CommandError when there is none."""
        status, raw = self._answer(method, path, body)
        return status, orjson.loads(raw) if raw else None

    def get(self, path: str, **parameters: Any) -> Any:
        """The body of an answer to a GET."""
        return self._expect("GET", f"{path}?{urlencode(parameters)}" if parameters else path, None)

    def put(self, path: str, body: Any) -> Any:
        """The body of an answer to a PUT."""
        return self._expect("PUT", path, body)

    def post(self, path: str, body: Any) -> Any:
        """The body of an answer to a POST."""
        return self._expect("POST", path, body)

    def gauges(self) -> dict[str, float]:
        """The metrics of the workspace: by their name, and by their name and labels."""
        status, raw = self._answer("GET", "/metrics", None)
        if status != 200:
            raise CommandError(f"GET /metrics answers {status}.")
        found = {}
        for name, labels, value in _GAUGE.findall(raw.decode()):
            found[f"{name}{{{labels}}}" if labels else name] = float(value)
        return found

    def _expect(self, method: str, path: str, body: Any) -> Any:
        status, answer = self.send(method, path, body)
        if status >= 300:
            code = answer.get("code") if isinstance(answer, dict) else None
            errors = answer.get("errors") if isinstance(answer, dict) else None
            raise CommandError(f"{method} {path.partition('?')[0]} answers {status} {code}: {errors}")
        return answer

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        sent = None if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        try:
            self._connection.request(method, path, sent, self._headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CommandError(f"The server does not answer ({type(error).__name__}).") from None
