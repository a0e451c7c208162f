"""What cannot go on: every exception a caller may see, each with its status and code.

Expected outcomes are values; these are for the rest. Nothing here may ever hold a submitted value: `detail`
is our own sentence, and a fault names the place, not what stood there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in what was sent: where (keys and list positions from the root), what, and a sentence.

    `place` is where the path starts: the body, or `query`, `header`, `cookie`.
    """

    path: Path
    code: str
    detail: str
    place: str = "body"


class Problem(Exception):
    """The request ends here, with `status`; `code` is stable and meant for programs, `detail` for people."""

    status: ClassVar[int] = 500
    code: str = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "",
        faults: Sequence[Fault] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.retry_after = retry_after
        if code:
            self.code = code

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers this answer must carry; Retry-After is in whole seconds."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class MalformedJson(Problem):
    """The body is not the strict JSON we read (RFC 8259 within the limits of I-JSON)."""

    status, code, title = 400, "malformed_json", "The body is not well-formed JSON"


class BadRequest(Problem):
    """Something about the request itself, not its body, is not acceptable."""

    status, code, title = 400, "bad_request", "The request is not acceptable"


class Unauthenticated(Problem):
    """No key, or none that we know. Which of the two is not told."""

    status, code, title = 401, "unauthenticated", "A valid API key is needed"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="lead-assignment"'}


class Forbidden(Problem):
    """The key is known, but may not do this."""

    status, code, title = 403, "forbidden", "This key may not do that"


class NotFound(Problem):
    """Nothing of that name in the caller's workspace; another workspace's things look the same."""

    status, code, title = 404, "not_found", "There is no such thing"


class MethodNotAllowed(Problem):
    """The route is there, but not for this method."""

    status, code, title = 405, "method_not_allowed", "This method is not offered here"

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": self.allow}


class RequestTimeout(Problem):
    """The body did not arrive in time."""

    status, code, title = 408, "request_timeout", "The body did not arrive in time"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Connection": "close"}


class Conflict(Problem):
    """What is asked for does not fit the present state."""

    status, code, title = 409, "conflict", "The present state does not allow that"


class PreconditionFailed(Problem):
    """`If-Match` names another revision than the present one."""

    status, code, title = 412, "precondition_failed", "It has changed since you read it"


class TooLarge(Problem):
    """The body has more bytes than this route takes."""

    status, code, title = 413, "too_large", "The body is too large"

    @property
    def headers(self) -> Mapping[str, str]:
        # What is still to come of the body is not worth reading.
        return {"Connection": "close"}


class UnsupportedMediaType(Problem):
    """The content type is not one this route reads."""

    status, code, title = 415, "unsupported_media_type", "This content type is not read here"


class ValidationFailed(Problem):
    """Well-formed, but not something we can act upon; `faults` say where and why."""

    status, code, title = 422, "invalid", "The request is not valid"


def refused_at(path: Path, code: str, detail: str, place: str = "body") -> ValidationFailed:
    """One fault, ready to be raised."""
    return ValidationFailed(faults=[Fault(path, code, detail, place)])


class IdempotencyMismatch(Problem):
    """The idempotency key was used before, with another body or on another route."""

    status, code, title = 422, "idempotency_key_reused", "This idempotency key was used for another request"


class TooManyFailures(Problem):
    """Too many failed authentications from this peer or for this key id."""

    status, code, title = 429, "too_many_failures", "Too many failed attempts"


class Overloaded(Problem):
    """The wait for a decision would be too long; nothing was written."""

    status, code, title = 503, "overloaded", "Too busy at this moment"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, retry_after=retry_after)


class OutcomeUnknown(Problem):
    """Perhaps decided, perhaps not; repeating with the same idempotency key is safe."""

    status, code, title = 503, "outcome_unknown", "It is not known whether this was done"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail, retry_after=retry_after)


class DatabaseUnavailable(Problem):
    """The database does not answer; nothing was written."""

    status, code, title = 503, "database_unavailable", "The database does not answer"

    def __init__(self, detail: str = "", *, retry_after: int = 2) -> None:
        super().__init__(detail, retry_after=retry_after)
