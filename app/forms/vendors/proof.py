"""Proofs of origin that several tools have: an HMAC over the body, with or without a time, and handshakes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from app.webhooks.crm_events import Refused, Verified
from app.webhooks.vendors.base import equal, fitting_secret

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DIGITS = 18
_MAX_FIELDS = 100


def check_signature(
    secrets: Sequence[bytes], given: bytes | None, expected: Callable[[bytes], Sequence[bytes]]
) -> Verified:
    """Compares a signature with those that a secret makes. Codes: `signature_missing`, `…_mismatch`."""
    if not given:
        raise Refused("signature_missing")

    def fits(secret: bytes) -> bool:
        return any([equal(given, each) for each in expected(secret)])  # noqa: C419 - all are compared

    return Verified(fitting_secret(secrets, fits, "signature_mismatch"))


def check_time(
    given: bytes | None, unit: timedelta, now: datetime, before: timedelta, after: timedelta
) -> bytes:
    """The time, if it lies at most `before` before and `after` after now. Codes: `timestamp_…`."""
    if not given:
        raise Refused("timestamp_missing")
    if not given.isdigit() or len(given) > _MAX_DIGITS:
        raise Refused("timestamp_invalid")
    micros = timedelta(microseconds=1)
    age = (now - _EPOCH) // micros - int(given) * (unit // micros)
    if not -(after // micros) <= age <= before // micros:
        raise Refused("timestamp_out_of_range")
    return given


def asked_in(query: bytes) -> dict[str, str]:
    """The fields of the query string of a handshake. Empty if there are too many."""
    try:
        return dict(parse_qsl(query.decode("latin-1"), max_num_fields=_MAX_FIELDS))
    except ValueError:
        return {}
