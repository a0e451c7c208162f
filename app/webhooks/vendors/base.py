"""What most kinds of endpoints share."""

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.webhooks.crm_events import Answer, Refused, WebhookRequest

TOLERANCE = timedelta(minutes=5)
"""How far a signed time may be from the time of the system, on either side."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DIGITS = 18


class PlainAnswers:
    """A vendor that looks at nothing but the status code, and whose bodies hold no credentials."""

    def to_store(self, body: bytes) -> bytes:
        return body

    def accepted(self) -> Answer:
        return Answer(200)

    def not_stored(self) -> Answer:
        return Answer(503)


def fitting_secret(secrets: Sequence[bytes], fits: Callable[[bytes], bool], code: str) -> int:
    """The position of the first secret that fits. All are tried, so that the time tells nothing.

    Raises Refused with this code if none fits.
    """
    fitting = [position for position, secret in enumerate(secrets) if secret and fits(secret)]
    if not fitting:
        raise Refused(code)
    return fitting[0]


def equal(given: bytes, expected: bytes) -> bool:
    """Compares in a time that does not depend on where the bytes differ."""
    return hmac.compare_digest(given, expected)


def check_timestamp(header: bytes | None, unit: timedelta, now: datetime) -> bytes:
    """The header, if the time it holds, counted in this unit, is close enough to now. Raises Refused."""
    if header is None:
        raise Refused("timestamp_missing")
    if not header.isdigit() or len(header) > _MAX_DIGITS:
        raise Refused("timestamp_invalid")
    # Whole numbers: a float would blur the last milliseconds.
    away = (now - _EPOCH) // timedelta(microseconds=1) - int(header) * (unit // timedelta(microseconds=1))
    if abs(away) > TOLERANCE // timedelta(microseconds=1):
        raise Refused("timestamp_out_of_range")
    return header


def bearer_token(request: WebhookRequest) -> bytes:
    """The token of `Authorization: Bearer`. Raises Refused."""
    scheme, _, token = request.headers.get("authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Refused("token_missing")
    return token.strip()
