"""Two leads become one, and become two again: the one use case of callers and of CRMs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.dispatch.decision_rows import numbered_actions
from app.dispatch.decision_session import GONE, DecisionSession
from app.dispatch.persons import pass_keys
from app.dispatch.preferences import join_persons, keep_preferences, stop_contacts
from app.dispatch.refunds import give_back, turn_holder
from app.engine.followup.notices import notice
from app.engine.life.preferences import NO_PREFERENCES
from app.engine.model.lead_keys import EMAIL, PHONE
from app.engine.model.stored import lead_fields_from_json
from app.ids import uuid7
from app.intake.contact_quality import quality_of
from app.intake.lead_keys import keys_of
from app.intake.merging import merged, stricter_consent
from app.metrics.counters import MERGES
from app.store.leads.current_leads import CurrentLead
from app.store.leads.merges import MergeRow, Source, StoredMerge

TOLD = {
    "api": "A lead of yours was merged with another one.",
    "crm": "A lead of yours was merged with another one in the CRM.",
}

_CONTACTS = {"email": "email", "email_domain": "email", "phone": "phone"}
"""What identifies a person and is stored as a field, each by the field that it is read from."""
_FIELD_OF_KEY = {EMAIL: "email", PHONE: "phone"}


@dataclass(frozen=True, slots=True)
class MergeOrigin:
    """Who merges, and why. `actor` is the id of an API key or of an endpoint."""

    source: Source
    actor: str
    reason: str | None = None


def merge(session: DecisionSession, loser: CurrentLead, survivor_id: str, origin: MergeOrigin) -> MergeRow:
    """Let a lead take the place of another one, which is no more.

    The owner's place of the other is free, its turn given back, its clocks withdrawn. Fields, consent, keys
    and deals go on with the survivor.
    """
    work, loser_id = session.work, loser.prior.lead_id
    refunded: list[str] = []
    for tracked in [each for each in session.history(loser_id) if each.open]:
        holder = turn_holder(work, tracked)
        if holder is not None and not holder.refunded:
            give_back(work, tracked, "refund")
            refunded.append(holder.id)
        if tracked.id != loser.prior.assignment_id:
            work.end_tracked(tracked, "merged")
    _tell(session, loser, origin.source)
    survivor = session.get_lead(survivor_id)
    granted = _grants_taken(session, loser_id, survivor_id)
    own = {name: survivor.values.get(name) for name in _CONTACTS}
    changed = _pass_fields(session, loser, survivor)
    for owner_id in sorted(loser.prior.barred - survivor.prior.barred):
        survivor = work.bar(session.get_lead(survivor_id), owner_id)
    work.merge(loser)
    join_persons(work, loser_id, survivor_id)
    if survivor.prior.state == "blocked":
        stop_contacts(work, survivor_id)
    session.pass_deals(loser_id, survivor_id)
    pass_keys(session, loser_id, survivor_id)
    row = MergeRow(
        id=uuid7(),
        lead_id=loser_id,
        survivor_id=survivor_id,
        at=work.now,
        source=origin.source,
        actor=origin.actor,
        reason=origin.reason,
        state=loser.prior.state,
        refunded=refunded,
        taken={"fields": changed, "grants": granted, "own": own},
    )
    work.rows.merges.merges.append(row)
    work.tally[MERGES, origin.source] += 1
    return row


def give_fields_back(session: DecisionSession, of: StoredMerge, loser: CurrentLead) -> CurrentLead:
    """Take from the survivor what came with the merge, unless it changed since. Returns the other lead.

    Of their consents the stricter stays with both.
    """
    survivor = session.get_lead(of.survivor_id)
    taken = of.taken or {}
    before, after = (lead_fields_from_json(_present(taken.get("fields", {}), at)) for at in (0, 1))
    values = dict(survivor.values)
    for name in {*before, *after} - {"consent"}:
        if values.get(name) == after.get(name):
            values[name] = before.get(name)
    values |= _own_contacts(of, values, taken.get("own", {}))
    joined = survivor.values.get("consent") or {}
    own = before.get("consent", {}) if "consent" in after else joined
    values["consent"] = _of_own(joined, own)
    keep_fields(session, survivor, values)
    consent = _of_own(
        {**(loser.values.get("consent") or {}), **_withdrawn(joined)}, loser.values.get("consent")
    )
    loser = keep_fields(session, loser, {**loser.values, "consent": consent})
    _part_preferences(session, of, taken.get("grants", ()))
    return loser


def give_keys_back(session: DecisionSession, of: StoredMerge) -> None:
    """The keys lead to their first lead again, and no longer to the survivor that got them from it."""
    session.work.identify(of.keys, of.lead_id)
    for key in of.gained:
        session.work.forget(key, of.survivor_id)


def keep_fields(session: DecisionSession, lead: CurrentLead, values: Mapping[str, Any]) -> CurrentLead:
    """The lead keeps its assignment, and has these fields from now on. Empty ones are gone."""
    values = {name: value for name, value in values.items() if value not in (None, {})}
    names = {*values, *lead.values}
    changed = {name: values.get(name) for name in names if values.get(name) != lead.values.get(name)}
    if not changed:
        return lead
    of = lead.fields_from or lead.prior.assignment_id
    earlier = lead.signals.fields if lead.signals.fields_of == of else {}
    signals = replace(lead.signals, fields={**earlier, **changed}, fields_of=of)
    session.work.keep_signals(lead, values, signals)
    return replace(lead, values=values, signals=signals)


def is_gone(lead: CurrentLead | None) -> bool:
    """Whether there is no lead to merge."""
    return lead is None or lead.prior.state in GONE


def _pass_fields(
    session: DecisionSession, loser: CurrentLead, survivor: CurrentLead
) -> dict[str, Sequence[Any]]:
    """The survivor has the fields that it lacked. Returns each that changed, before and after."""
    values = merged(loser.values, survivor.values, session.plan.declared)
    if consent := stricter_consent(survivor.values.get("consent"), loser.values.get("consent")):
        values["consent"] = consent
    before = survivor.values
    keep_fields(session, survivor, values)
    return {
        name: (before.get(name), values.get(name))
        for name in {*values, *before}
        if values.get(name) != before.get(name)
    }


def _own_contacts(of: StoredMerge, values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The survivor's own address and number, where those of the other lead replaced them since the merge.

    They are keys of the other lead again: what comes with them belongs there.
    """
    theirs = {
        name
        for key in keys_of(values, values.get("flags", ()), "")
        if (name := _FIELD_OF_KEY.get(key.kind)) in own and key in of.gained
    }
    if not theirs:
        return {}
    names = [name for name, of_field in _CONTACTS.items() if of_field in theirs]
    back = {name: own[name] for name in names}
    kept = {name: value for name, value in {**values, **back}.items() if value is not None}
    return {**back, "geo_conflict_parts": None, **quality_of(kept)}


def _present(fields: Mapping[str, Sequence[Any]], at: int) -> dict[str, Any]:
    return {name: pair[at] for name, pair in fields.items() if pair[at] is not None}


def _withdrawn(consent: Mapping[str, Any]) -> dict[str, Any]:
    return {channel: given for channel, given in consent.items() if given is False}


def _of_own(joined: Mapping[str, Any], own: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of joined consents those that a lead had itself, and every one that was withdrawn."""
    return {channel: given for channel, given in joined.items() if given is False or channel in (own or {})}


def _grants_taken(session: DecisionSession, loser_id: str, survivor_id: str) -> list[str]:
    """The consents that the survivor has only from the other lead."""
    theirs = session.work.preferences.get(loser_id, NO_PREFERENCES).consents
    own = session.work.preferences.get(survivor_id, NO_PREFERENCES).consents
    return sorted(name for name, act in theirs.items() if act.state == "granted" and name not in own)


def _part_preferences(session: DecisionSession, of: StoredMerge, granted: Sequence[str]) -> None:
    """What was withdrawn stays so for both, and so do quiet hours and caps.

    What only the other lead had granted is its own again.
    """
    work = session.work
    joined = work.preferences.get(of.survivor_id)
    if joined is None:
        return
    details = {"from_merge": of.id}
    closed = [(name, act) for name, act in joined.consents.items() if act.state != "granted"]
    theirs = work.preferences.get(of.lead_id, NO_PREFERENCES)
    after = theirs.taking(closed).with_limits_of(joined)
    if replace(after, version=theirs.version) != theirs:
        after = replace(after, version=theirs.version + 1)
        keep_preferences(work, of.lead_id, after, "service", details)
    left = {
        name: act
        for name, act in joined.consents.items()
        if name not in granted or act != theirs.consents.get(name)
    }
    if len(left) < len(joined.consents):
        kept = replace(joined, version=joined.version + 1, consents=left)
        keep_preferences(work, of.survivor_id, kept, "service", details)


def _tell(session: DecisionSession, lead: CurrentLead, source: Source) -> None:
    """The owner of a lead that is no more has nothing left to do."""
    work, prior = session.work, lead.prior
    owner = work.facts.directory.owners.get(prior.owner or "")
    if prior.state != "assigned" or owner is None:
        return
    actions = [{"type": "cancel_task", "params": {"owner": owner.id, "code": "merged"}, "due_at": None}]
    if owner.active:
        actions.append(notice(owner, "merged", TOLD[source]))
    work.add_actions(numbered_actions(uuid7(), prior.lead_id, prior.assignment_id, actions, work.now))
