"""The plain sentence that explains a decision to a sales rep.

It names the plan's words, the owner, and general facts about the lead. It never identifies the lead.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.engine.conditions.condition import Satisfied
from app.engine.lookup.tables import RowMatch
from app.values.countries import COUNTRIES
from app.values.languages import ENGLISH_NAMES

MAX_REASONS = 3
OWN_PREFIXES = ("attributes.", "account.attributes.")
MAX_VALUE_LENGTH = 60

_FORMS = {
    "employees": "{} employees",
    "visits": "{} visits",
    "product_interest": "interested in {}",
    "chosen_product": "{}",
    "previous_product": "previously {}",
    "pages": "viewed {}",
    "content": "read {}",
    "engagement": "engaged with {}",
    "flags": "flagged {}",
    "contact.email": "e-mail {}",
    "contact.email_flags": "e-mail flagged {}",
    "contact.phone": "phone {}",
    "geo_conflict_parts": "{} contradicts the country",
}
"""How a field and its value read, where "field value" does not read well."""
_HELD_BECAUSE = {
    "off_shift": "{} is off shift",
    "absent": "{} is absent",
    "paused": "{} is paused",
    "share_taken": "more members of {} start their shift soon",
}
_ACCOUNT_REASONS = {
    "account_delegate": "Account owner unavailable",
    "account_team": "Account owner unavailable",
    "customer_team": "The account is a customer",
}
_OWN_SOURCES = {
    "manual": "manually",
    "taken_away": "because a deadline was missed",
    "escalated": "as an escalation",
    "rejected": "after the reject",
    "covered": "to cover for an owner on leave",
    "returned": "because the owner is back",
}
"""How a lead that was settled outside the plan's steps went where it is."""
_KEPT = {
    "not_found": "is not in the directory",
    "excluded": "is excluded",
    "inactive": "is not active",
    "absent": "is absent",
    "paused": "is paused",
    "missing_skill": "lacks a required skill",
    "missing_language": "does not speak the language",
    "cap_open": "is at the cap on open leads",
    "cap_day": "is at the daily cap",
    "cap_week": "is at the weekly cap",
    "cap_rolling": "is at a cap",
    "zero_weight": "has weight 0",
    "off_shift": "is off shift",
}
"""What kept an owner from taking a lead, by the code of the refusal."""
_WHEREABOUTS = ("not active", "absent", "paused", "at the cap on open leads", "at the daily cap",
                "at the weekly cap", "at a cap", "off shift")  # fmt: skip
_TELLS = re.compile(rf"\b(is|has) (?:{'|'.join(_WHEREABOUTS)}|weight 0)( until [0-9: -]+ UTC)?")
_FREED = re.compile(r" The first of them is available again at [0-9: -]+ UTC\.")


def without_whereabouts(text: str) -> str:
    """A sentence for one owner, which does not tell why and until when others could not take the lead."""
    return _FREED.sub("", _TELLS.sub("is not available", text))


def settled(
    *,
    strategy: str,
    step: str,
    because: Sequence[Satisfied],
    kind: str,
    target: str,
    owner: str | None,
    pick: str | None,
    code: str | None = None,
    row: RowMatch | None = None,
    replaced: tuple[str, str, str | None] | None = None,
) -> str:
    """Why a step settled the lead as it did.

    `because` holds the comparisons that held and `row` the table row that matched. `target` is the name of
    the team, queue, path or block list, `owner` the name of the chosen owner, and `pick` how the team chose
    them. `code` is the target's own reason. `replaced` is the owner of the account who could not take the
    lead: the name, the code of the refusal, and until when.
    """
    reasons = _reasons(because, row)
    if strategy == "account":
        matched = f" Matched: {reasons}." if reasons else ""
        return _by_account(kind, target, owner, pick, code, replaced) + matched
    details = f" ({reasons})" if reasons else ""
    if strategy == "queue":
        return (
            f"Sent to queue {target}{details}."
            if reasons
            else f"No earlier step assigned it, so it waits in queue {target}."
        )
    source = _OWN_SOURCES.get(strategy) or f"by {_source(strategy, step, kind, pick)}"
    match kind:
        case "team":
            return f"Assigned {source}{details}. {owner} {_picked(pick, target)}."
        case "owner":
            return f"Assigned to {owner or target} {source}{details}."
        case "current_owner":
            return f"Stays with {owner} {source}{details}."
        case "block":
            return f"Blocked {source}{details}. Block list: {target}."
        case _:
            return f"Sent to {kind} {target} {source}{details}."


def held(*, strategy: str, step: str, target: str, why: str, until: datetime) -> str:
    """Nobody can take the lead yet, so it waits. `why` is the code of the refusal."""
    because = _HELD_BECAUSE.get(why, "{} is at a cap").format(target)
    details = "" if strategy in _OWN_SOURCES else f" ({_source(strategy, step, 'queue', None)})"
    return f"Held until {until:%Y-%m-%d %H:%M} UTC because {because}{details}."


def returning_lead(kind: str, owner: str) -> str:
    """A returning lead keeps its owner. `kind` is duplicate or reengaged."""
    if kind == "duplicate":
        return f"Duplicate submission. {owner} already has this lead."
    return f"Returning lead. It stays with {owner}."


def returning_lead_by_account(owner: str) -> str:
    """A returning lead goes to the owner of its account."""
    return f"Returning lead. It goes to {owner}, who owns the account."


def returning_lead_in_queue(queue: str) -> str:
    """A returning lead keeps its place in a queue."""
    return f"Returning lead. It keeps its place in queue {queue}."


def same_company(owner: str) -> str:
    """A lead goes to the owner of a colleague."""
    return f"{owner} has another lead of the same company."


def probable_person(owner: str) -> str:
    """A lead goes to the owner of a lead that is probably the same person."""
    return f"{owner} has a lead that is probably the same person."


def had_it(owner: str, code: str | None) -> str:
    """The owner who had the lead before; `code` says why they cannot keep it, if they cannot."""
    return f"{owner} had it before and {_KEPT[code]}." if code is not None else f"{owner} had it before."


def rechecked(providers: Sequence[str]) -> str:
    """Who told something that was not known before."""
    return f"It was decided again, because there is news from {', '.join(providers)}."


def rejected_by(owner: str, reason: str) -> str:
    """The owner who gave the lead back, and the reason as the plan names it."""
    return f"{owner} rejected it as {reason}."


def suppressed(list_: str, matched_by: str) -> str:
    """A suppression list blocks the lead."""
    what = {"email": "e-mail address", "phone": "phone number"}.get(matched_by, "e-mail domain")
    return f"Blocked because its {what} is on the suppression list {list_}."


def junk_blocked(parts: Sequence[str], score: int) -> str:
    """A lead is blocked because of its junk."""
    return f"Blocked as junk: {_named(parts)} ({score} points)."


def junk_review(parts: Sequence[str], score: int, queue: str) -> str:
    """Somebody is to look at a lead that looks like junk."""
    return f"Waits in queue {queue} because it looks like junk: {_named(parts)} ({score} points)."


def _named(parts: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in parts)


def left_product(products: Sequence[str], owner: str | None) -> str:
    """The notice to the previous owner of a lead that came for another product."""
    moved = f"One of your leads moved from {' and '.join(products)} to another product."
    return f"{moved} {owner} has it now." if owner else moved


def handed_off(owner: str | None, *, kept: bool) -> str:
    """The notice to the first owner of a lead that an event handed off. `kept` says that they keep it too."""
    who = f"{owner} has it {'too' if kept else 'now'}." if owner else "It waits in a queue."
    return f"One of your leads was handed off. {who}"


def active_again(signals: int) -> str:
    """The notice to the owner of a lead that was active, `signals` times since the notice before."""
    return (
        "One of your leads was active." if signals == 1 else f"One of your leads was active {signals} times."
    )


def claimed(owner: str, queue: str) -> str:
    """An owner took the lead out of a queue."""
    return f"Claimed by {owner} from queue {queue}."


def back_in_queue(owner: str, queue: str, code: str) -> str:
    """A claimed lead returns to its queue. `code` says whether the owner gave it back or the lease ended."""
    if code == "given_back":
        return f"{owner} gave it back. It has its old place in queue {queue}."
    return f"Claim lease ended: {owner} did not touch it in time. It has its old place in queue {queue}."


def your_lease_ended(queue: str) -> str:
    """The notice to the owner whose claim ended."""
    return f"Claim lease ended. You did not touch a claimed lead in time, so it is in queue {queue} again."


def waited_too_long(queue: str) -> str:
    """A lead leaves a queue because nobody claimed it for long enough. It stands before the next sentence."""
    return f"It waited in queue {queue} for as long as the plan allows."


def imported(owner: str) -> str:
    """The lead was imported with its owner."""
    return f"Imported. {owner} already owns it."


def manual(owner: str) -> str:
    """The caller named the owner."""
    return f"Assigned to {owner} manually."


def hosts(owner: str) -> str:
    """The lead booked a meeting with the owner."""
    return f"Assigned to {owner}, who has a meeting with the lead."


def followed(owner: str) -> str:
    """The owner of a lead was changed in the CRM."""
    return f"Assigned to {owner} in the CRM."


def waits_by_crm(queue: str, code: str) -> str:
    """The lead waits in a queue because of the CRM."""
    if code == "crm_loop":
        return f"The CRM changed it too often, so it waits in queue {queue}."
    return f"Put into queue {queue} in the CRM."


def fallback_queue(queue: str, *, published: bool) -> str:
    """No step settled the lead, or no plan is published."""
    why = "No step of the plan took it" if published else "No plan is published"
    return f"{why}, so it waits in queue {queue}."


def moved_to_fallback(queue: str, strategy: str) -> str:
    """A lead that the service moved, and that none of the targets named for it could take."""
    source = _OWN_SOURCES.get(strategy)
    return f"Sent to queue {queue} {source}." if source else fallback_queue(queue, published=True)


def owner_unavailable(owner: str, code: str, until: str | None) -> str:
    """An owner who was tried before the lead was left waiting. `until` is the time of the trace."""
    return f"{_kept(owner, code, until)}."


def team_unavailable(
    team: str, kept: Sequence[tuple[str, str, str | None]], more: int, frees: str | None
) -> str:
    """A team that was tried: its first members, each with what kept them, and when the first one is free."""
    if not kept:
        return f"Team {team} has no members."
    members = [_kept(*each) for each in kept]
    if more > 0:
        members.append(f"and {more} more cannot take it either")
    freed = f" The first of them is available again at {_clock(frees)}." if frees and len(kept) > 1 else ""
    return f"Nobody in team {team} can take it: {', '.join(members)}.{freed}"


def team_missing(team: str) -> str:
    """A team that was tried, and that the directory does not have."""
    return f"There is no team {team}."


def nobody_speaks(team: str, languages: Sequence[str], one_of: Sequence[str]) -> str:
    """A team that was tried, and no member speaks all the `languages` and one of the others."""
    wanted = [ENGLISH_NAMES.get(each, each) for each in languages]
    wanted += [" or ".join(ENGLISH_NAMES.get(each, each) for each in one_of)] if one_of else []
    return f"Nobody in team {team} speaks {' and '.join(wanted)}."


def _kept(owner: str, code: str, until: str | None) -> str:
    kept = f"{owner} {_KEPT.get(code, 'cannot take it')}"
    return f"{kept} until {_clock(until)}" if until else kept


def _clock(time: str) -> str:
    """A time of the trace, such as 2026-11-29T10:00:00Z."""
    return f"{time[:16].replace('T', ' ')} UTC"


def _by_account(
    kind: str,
    target: str,
    owner: str | None,
    pick: str | None,
    code: str | None,
    replaced: tuple[str, str, str | None] | None,
) -> str:
    if code == "account_owner":
        return f"Assigned to {owner}, who owns the account."
    why = _ACCOUNT_REASONS.get(code or "", "Account owner unavailable")
    if replaced is not None and code != "customer_team":
        name, refusal, until = replaced
        why = _kept(f"{name}, who owns the account,", refusal, until)
    match kind:
        case "team":
            return f"{why}, so it went to {owner}, who {_picked(pick, target)}."
        case "owner" if code == "account_cover":
            return f"{why}, so it went to {owner}, who covers for them."
        case "owner" if code == "account_delegate":
            return f"{why}, so it went to their delegate, {owner}."
        case "owner":
            return f"{why}, so it went to {owner}."
        case "current_owner":
            return f"{why}, so it stays with {owner}."
        case "block":
            return f"{why}, so it was blocked. Block list: {target}."
        case _:
            return f"{why}, so it went to {kind} {target}."


def _source(strategy: str, step: str, kind: str, pick: str | None) -> str:
    match strategy:
        case "rule":
            return f"rule {step}"
        case "score":
            return "lead score" if step == "score" else f"score {step}"
        case "handoff":
            return f"handoff {step}"
        case "product":
            return "product interest" if step == "product" else f"product step {step}"
        case "round_robin" | "max_wait" | "release" if kind == "team" and pick == "round_robin":
            return "round robin"
        case "release":
            return "its turn in the queue"
        case "max_wait":
            return "the wait limit of the queue"
        case _:
            return f"step {step}"


def _picked(pick: str | None, team: str) -> str:
    match pick:
        case "least_loaded":
            return f"has the fewest open leads in team {team}"
        case "longest_idle":
            return f"has waited longest for a lead in team {team}"
        case _:
            return f"is next in team {team}"


def _reasons(because: Sequence[Satisfied], match: RowMatch | None) -> str:
    phrases = list(dict.fromkeys(_phrase(field, operator, value) for field, operator, value in because))
    if match is not None:
        phrases.insert(0, f"row {match.row} of table {match.table}")
    shown = phrases[:MAX_REASONS]
    if len(phrases) > MAX_REASONS:
        shown.append(f"and {len(phrases) - MAX_REASONS} more")
    return ", ".join(shown)


def _phrase(field: str, operator: str, value: Any) -> str:
    # The name of a custom field is its owner's: BU__c stays BU__c.
    label = field if field.startswith(OWN_PREFIXES) else field.replace("_", " ")
    if operator == "exists":
        return f"with {label}" if value else f"without {label}"
    if operator == "not":
        excluded = _shown(field, value) if value is not None else None
        return f"{label} is not {excluded}" if excluded is not None else f"{label} does not match"
    shown = _shown(field, value)
    if shown is None:
        return f"{label} matches"
    return _FORMS[field].format(shown) if field in _FORMS else f"{label} {shown}"


def _shown(field: str, value: Any) -> str | None:
    """A value as the sentence shows it. None when the sentence must only name the field."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, (int, float)):
        return f"{value:,}"
    if not isinstance(value, str) or "@" in value or len(value) > MAX_VALUE_LENGTH or not value.isprintable():
        return None
    return COUNTRIES.get(value, value) if field == "country" else value
