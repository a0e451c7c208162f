"""The answers to requests that get no further. Those with one reason are alike, but for the ids in them."""

from collections.abc import Hashable
from dataclasses import dataclass

from starlette.types import Scope

from app.api.http.headers import Headers, lines_of
from app.api.http.key_lookups import make_room
from app.api.http.problems import MEDIA_TYPE, problem_bytes
from app.errors import Problem

MAX_KEPT = 256
"""Answers that are kept: one for each reason, and each time to wait."""
_ID = b'"request_id":"'


@dataclass(slots=True)
class _Kept:
    """The headers of an answer, and its body around the ids, of `length` bytes without them."""

    headers: bytes
    length: int
    before_ids: bytes
    after_ids: bytes


class Refusals:
    """Makes answers with these headers, and a few more that are those of the request."""

    def __init__(self, headers: Headers) -> None:
        self._last = lines_of([(b"content-type", MEDIA_TYPE.encode()), *headers])
        self._kept: dict[Hashable, _Kept] = {}

    def answer(self, problem: Problem, scope: Scope, headers: Headers) -> bytes:
        """The headers and the body for this problem, with those `headers` that its request gets."""
        reason = (
            problem.code,
            problem.detail,
            problem.faults,
            *problem.headers.items(),
            *problem.members.items(),
        )
        kept = self._kept.get(reason)
        if kept is None:
            make_room(self._kept, MAX_KEPT)
            kept = self._kept[reason] = self._keep(problem)
        ids = '","trace_id":"'.join((scope["request_id"], *scope["trace"].values())).encode()
        return b"%bcontent-length: %d\r\n%b%b\r\n%b%b%b" % (
            kept.headers,
            kept.length + len(ids),
            self._last,
            lines_of(headers),
            kept.before_ids,
            ids,
            kept.after_ids,
        )

    def _keep(self, problem: Problem) -> _Kept:
        # No other text holds this: within a string, the quotes would be escaped.
        before, found, after = problem_bytes(problem, {"request_id": ""}).partition(_ID)
        headers = lines_of((name.lower().encode(), value.encode()) for name, value in problem.headers.items())
        before += found
        return _Kept(headers, len(before) + len(after), before, after)
