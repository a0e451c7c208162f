"""What persons allow, and what contacts them."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.dispatch.decision_session import DecisionSession
from app.dispatch.unit_of_work import UnitOfWork
from app.engine.followup.contact import NO_TERMS, ContactFacts
from app.engine.life.preferences import NO_PREFERENCES, ConsentAct, Preferences, joined
from app.ids import uuid7
from app.intake.suppressions import suppression_keys
from app.intake.zones import zones_of
from app.store.life.preferences import PreferenceChange


def contact_of(
    session: DecisionSession, lead_id: str | None, values: Mapping[str, Any]
) -> ContactFacts | None:
    """What is known of the person behind a lead. None when nothing is, and nothing asks."""
    terms = session.plan.contact
    preferences = session.work.preferences.get(lead_id) if lead_id is not None else None
    listed = bool(session.found.suppressed) and session.find_suppression(suppression_keys(values)) is not None
    if preferences is None and terms is NO_TERMS and not listed:
        return None
    quiet = terms.quiet or (preferences.quiet if preferences is not None else None)
    contacts = session.work.contacts.get(lead_id, ()) if lead_id is not None else ()
    zones = (zones_of(values) or (session.found.zone,)) if quiet is not None else ()
    return ContactFacts(preferences or NO_PREFERENCES, zones, tuple(contacts), listed)


def withdraw(
    session: DecisionSession, lead_id: str, acts: Sequence[tuple[str, ConsentAct]], actor: str
) -> None:
    """A person closes channels, also for their other leads with the same address."""
    for each in (lead_id, *session.stored.same_address.get(lead_id, ())):
        if each == lead_id or session.is_present(each):
            take_acts(session.work, each, acts, actor)


def keep_preferences(
    work: UnitOfWork, lead_id: str, preferences: Preferences, actor: str, details: Mapping[str, Any]
) -> None:
    """The person behind a lead allows this from now on. `details` are the acts that led there."""
    work.preferences[lead_id] = work.rows.preferences[lead_id] = preferences
    _take_actions_back(work, lead_id)
    change = PreferenceChange(lead_id, uuid7(), preferences.version, work.now, actor, details)
    work.rows.preference_changes.append(change)


def take_acts(
    work: UnitOfWork, lead_id: str, acts: Sequence[tuple[str, ConsentAct]], actor: str, *, lifts: bool = False
) -> Preferences:
    """Take acts about consent of the person behind a lead. Those that change nothing are not kept."""
    before = work.preferences.get(lead_id, NO_PREFERENCES)
    after = before.taking(acts, lifts=lifts)
    if after is not before:
        counted = {
            name: act.to_json() for name, act in after.consents.items() if before.consents.get(name) != act
        }
        keep_preferences(work, lead_id, after, actor, {"consents": counted})
    return after


def pass_preferences(work: UnitOfWork, from_id: str, to_id: str) -> None:
    """What the person behind a lead allows goes on with another lead of theirs; the stricter holds."""
    theirs = work.preferences.get(from_id)
    if theirs is None:
        return
    after = joined(work.preferences.get(to_id, NO_PREFERENCES), theirs)
    keep_preferences(work, to_id, after, "service", {"from_lead_id": from_id, **theirs.to_json()})


def stop_contacts(work: UnitOfWork, lead_id: str) -> None:
    """Nothing contacts the person behind a lead any more."""
    work.rows.closed[lead_id] = (None, work.now)


def _take_actions_back(work: UnitOfWork, lead_id: str) -> None:
    """What waits and goes through what the person has closed is not executed any more."""
    preferences = work.preferences.get(lead_id, NO_PREFERENCES)
    everything = lead_id in work.rows.closed and work.rows.closed[lead_id][0] is None
    if preferences.closes and not everything:
        work.rows.closed[lead_id] = (preferences, work.now)


def join_persons(work: UnitOfWork, from_id: str, to_id: str) -> None:
    """What the person behind a merged lead allows, and what contacted them, goes on with its survivor."""
    pass_preferences(work, from_id, to_id)
    _take_actions_back(work, to_id)
    work.contacts.setdefault(to_id, []).extend(work.contacts.get(from_id, ()))


def pass_contacts(work: UnitOfWork, from_id: str, to_id: str) -> None:
    """The contacts of a lead are those of another lead of the same person too, where they are counted."""
    if contacts := work.contacts.get(from_id):
        work.contacts.setdefault(to_id, []).extend(contacts)
        work.rows.passed_contacts.setdefault(to_id, ([], work.now))[0].append(from_id)
