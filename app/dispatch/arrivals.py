"""What metrics count of a lead as intake made it: flags, verdicts on its contact data, and its channel."""

from app.dispatch.decision_session import DecisionSession
from app.engine.model.junk import Junk
from app.intake.arrival import IncomingLead
from app.metrics.counters import JUNK_LEADS, JUNK_PARTS

NO_CHANNEL = "none"


def count_arrival(session: DecisionSession, arrival: IncomingLead) -> None:
    """Count a lead that is decided."""
    session.flags.update(arrival.flags)
    contact = arrival.normalized.get("contact")
    if contact is not None:
        session.contacts.update((f"email_{contact['email']}", f"phone_{contact['phone']}"))
        session.contacts.update(f"email_{flag}" for flag in contact["email_flags"])
    session.channels[arrival.values.get("attribution", {}).get("channel", NO_CHANNEL)] += 1


def count_junk(session: DecisionSession, junk: Junk) -> None:
    """Count what speaks for it that a lead is junk, and what followed."""
    tally = session.work.tally
    tally[JUNK_LEADS, junk.verdict] += 1
    for part in junk.parts:
        tally[JUNK_PARTS, part] += 1
