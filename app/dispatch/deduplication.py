"""What came before a job, in the books or in the same pass: the answer to its key, and the person."""

from dataclasses import replace
from datetime import timedelta

from app.dispatch.unit_of_work import UnitOfWork
from app.engine.model.decision import PriorAssignment
from app.errors import IdempotencyMismatch
from app.intake.arrival import IncomingLead
from app.store.path.facts import Prefetched, StoredReply
from app.store.path.idempotency import IdempotencyKey


def stored_reply(key: IdempotencyKey, found: Prefetched, booking: UnitOfWork) -> StoredReply | None:
    """The answer that this key stands for, if it has one that still holds.

    Raises IdempotencyMismatch when it, or the key of its batch's first item, came with another body.
    """
    for text in {key.text, key.first or key.text}:
        earlier = _replay(text, key.holds, found, booking)
        if earlier is not None and earlier.body_hash != key.body_hash:
            raise IdempotencyMismatch("this Idempotency-Key was used with another body")
    return _replay(key.text, key.holds, found, booking)


def find_prior(
    arrival: IncomingLead, window: timedelta | None, found: Prefetched, booking: UnitOfWork
) -> PriorAssignment | None:
    """The person, by the first of his keys that is known within the window; None is always, zero never."""
    for identity in arrival.keys:
        prior = _known_by(identity, found, booking)
        if prior is None:
            continue
        if window is None or (window and booking.now - prior.decided_at <= window):
            return prior
    return None


def _replay(text: str, holds: timedelta, found: Prefetched, booking: UnitOfWork) -> StoredReply | None:
    row = booking.rows.keys.get(text)
    if row is not None:
        return StoredReply(bytes.fromhex(row.body_hash), row.at, row.assignment_id, row.status, row.answer)
    earlier = found.replays.get(text)
    return earlier if earlier is not None and booking.now - earlier.at <= holds else None


def _known_by(identity: tuple[str, str], found: Prefetched, booking: UnitOfWork) -> PriorAssignment | None:
    lead_id = booking.rows.identities.get(identity)
    if lead_id is None:
        stored = found.priors.get(identity)
        if stored is None:
            return None
        lead_id = stored.lead_id
        booking.before.setdefault(lead_id, stored)
    return replace(booking.stands(lead_id), matched_by=identity[0])
