"""What metrics count of a lead as intake made it: flags, verdicts on its contact data, and its channel."""

from app.dispatch.decision_session import DecisionSession
from app.engine.model.junk import Junk
from app.intake.arrival import IncomingLead
from app.metrics.counters import CHANNEL_LEADS, CONTACTS, FLAGGED, JUNK_LEADS, JUNK_PARTS

NO_CHANNEL = "none"


def count_arrival(session: DecisionSession, arrival: IncomingLead) -> None:
    """Count a lead that is decided."""
    tally = session.work.tally
    for flag in arrival.flags:
        tally[FLAGGED, flag] += 1
    contact = arrival.normalized.get("contact")
    if contact is not None:
        for verdict in (contact["email"], *contact["email_flags"]):
            tally[CONTACTS, f"email_{verdict}"] += 1
        tally[CONTACTS, f"phone_{contact['phone']}"] += 1
    tally[CHANNEL_LEADS, arrival.values.get("attribution", {}).get("channel", NO_CHANNEL)] += 1


def count_junk(session: DecisionSession, junk: Junk) -> None:
    """Count the signs that a lead is junk, and what followed."""
    tally = session.work.tally
    tally[JUNK_LEADS, junk.verdict] += 1
    for part in junk.parts:
        tally[JUNK_PARTS, part] += 1
