"""Codes in words, as tables and labels show them. Sentences come from the engine."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from app.console.names import owner_name, team_name
from app.engine.explain import codes
from app.plan.words.conditions import field_in_words
from app.store.leads.open_leads import ListedAssignment

NAMED = ("first_name", "last_name")
CONTACT = ("email", "phone", "company", "title", "website", "city", "country", "language")
"""The fields of a lead that people look for first, in this order."""
_CANDIDATES = {
    "chosen": "got the lead",
    "not_next": "could take it, another was next",
    "more_open_leads": "could take it, but has more open leads",
    "assigned_more_recently": "could take it, but got a lead more recently",
    "excluded": "excluded, or had this lead before",
    "zero_weight": "takes no turns here (weight 0)",
    "missing_language": "does not speak the language",
    "missing_skill": "lacks a skill",
    "cap_open": "at the cap on open leads",
    "cap_day": "at the daily cap",
    "cap_week": "at the weekly cap",
    "cap_rolling": "at a rolling cap",
    "not_found": "not in the directory",
    "share_taken": "had their share of what waited",
}
_CAUSES = {
    "assign": "arrived",
    "reassign": "moved by a person",
    "claim": "claimed",
    "release": "released from the queue",
    "import": "imported",
    "reject": "rejected",
    "take_away": "taken away",
    "escalate": "escalated",
    "handoff": "handed off",
    "give_back": "given back",
    "lease_ended": "claim ended",
    "max_wait": "waited too long",
    "cover": "covered",
    "return": "returned to its owner",
    "signal": "came back",
    "crm": "changed in the CRM",
    "crm_reassign": "moved in the CRM",
    "unblocked": "unblocked",
}
_STEPS = {
    "scored": "The lead got a band and points, and went on to the next step.",
    "not_reached": "An earlier step settled it.",
}
_FAILED = {
    "eq": "is not what the step asks for",
    "in": "is not what the step asks for",
    "ne": "is missing, or is what the step leaves out",
    "not_in": "is missing, or is what the step leaves out",
    "gt": "is missing, or is not above the limit of the step",
    "gte": "is missing, or is below the limit of the step",
    "lt": "is missing, or is not below the limit of the step",
    "lte": "is missing, or is above the limit of the step",
    "prefix": "does not begin as the step asks",
    "contains": "does not contain what the step asks for",
    "matches": "does not match the pattern of the step",
}
"""What a failed comparison says about its field. A trace does not hold what the plan compares with."""
_METHODS = {
    "mantel_haenszel": "Mantel-Haenszel test",
    "chi_square": "chi-squared test",
    "quasi_binomial_same_weekdays": "quasi-binomial test on the same weekdays",
    "binomial": "binomial test",
    "delong": "DeLong test",
}
_FOR_CALLERS = re.compile(r"; [^;.]*`[^;.]*(?=[;.])")
"""A clause that says where the API shows more."""
_REASONS = {
    "manual": "A person chose where it goes.",
    "claimed": "Claimed from a queue.",
    "escalated": "Nobody was in time, so it was escalated.",
    "taken_away": "It came from an owner who missed a deadline.",
    "reengaged": "A returning lead.",
}
_CLAIMS = {
    **codes.CLAIMS,
    "inactive": "This owner is not active.",
    "absent": "You are absent now, so you cannot claim.",
    "paused": "You are paused now, so you cannot claim.",
    "cap_open": "The cap on open leads is reached. Close or give back a lead first.",
    "cap_day": "The daily cap is reached.",
    "cap_week": "The weekly cap is reached.",
    "cap_rolling": "A cap is reached.",
    "already_claimed": "This lead was claimed before and not kept. Claim another one.",
    "claim_limit": "Too many claimed leads are untouched. Touch one of them first.",
}


_INITIALS: Mapping[str, str] = {"crm": "CRM", "utm": "UTM"}


def candidate(code: str) -> str:
    """What became of a candidate."""
    return _CANDIDATES.get(code, plain(code))


def cause(code: str) -> str:
    """What asked for a decision."""
    return _CAUSES.get(code, plain(code))


def reason(code: str) -> str:
    """Why a lead is where it is, for a list that has only the code."""
    return _REASONS.get(code) or _for_people(codes.REASONS.get(code, plain(code)))


@pass_context
def listed(context: Context, each: ListedAssignment) -> str:
    """Why a listed lead is where it is, with the names that the page has."""
    match each.reason:
        case "rule":
            return f"By rule {each.step}."
        case "round_robin" if each.team:
            return f"By turn in team {team_name(context, each.team)}."
        case "held":
            return "Nobody can take it yet, so it is held."
        case "queue":
            return f"No earlier step took it; {each.step} sends such leads here."
        case _:
            return reason(each.reason)


def step(code: str) -> str:
    """The result of a step."""
    return _for_people(
        _STEPS.get(code)
        or codes.STEPS.get(code)
        or codes.TARGETS.get(code)
        or codes.RETURNING_LEADS.get(code)
        or plain(code)
    )


def failed(condition: Mapping[str, str]) -> str:
    """Why a step was passed: the first comparison that did not hold."""
    told = _FAILED.get(condition["operator"], "does not meet the condition of the step")
    return f"{field_in_words(condition['field'])} {told}."


@pass_context
def finding(context: Context, found: Mapping[str, Any]) -> str:
    """The sentence of a finding, with an owner or a team by name where the page has names."""
    subject, text = found["subject"], str(found["text"])
    if subject["kind"] == "owner":
        text = text.replace(f"`{subject['id']}`", owner_name(context, subject["id"]))
    elif subject["kind"] == "team":
        text = text.replace(f"`{subject['id']}`", team_name(context, subject["id"]))
    team = subject.get("team")
    return text.replace(f"(team {team})", f"(team {team_name(context, team)})") if team else text


def method(code: str) -> str:
    """How a finding was tested."""
    for start, words in _METHODS.items():
        if code.startswith(start):
            rest = plain(code.removeprefix(start)).strip()
            return f"{words}, {rest}" if rest else words
    return plain(code)


def _for_people(sentence: str) -> str:
    """A sentence of the API's lists, without what only its callers can look up."""
    return _FOR_CALLERS.sub("", sentence).replace("`", "")


def no_actions(code: str | None) -> str:
    """Why a decision has no actions."""
    sentence = codes.NO_ACTIONS.get(code or "", "The plan has none for this decision.")
    return sentence.partition(";")[0].rstrip(".") + "."  # what follows says where the API lists them


def claim_refused(code: str) -> str:
    """Why somebody may not claim."""
    return _CLAIMS.get(code) or codes.REFUSALS.get(code) or "Claims are not possible now."


def plain(code: str) -> str:
    """Any other code."""
    return code.replace("_", " ")


def title_of(values: Mapping[str, Any]) -> str:
    """How a lead is called in a list: by name, company or address, as far as that may be seen."""
    name = " ".join(str(values[each]) for each in NAMED if values.get(each))
    return name or str(values.get("company") or values.get("email") or values.get("phone") or "")


def shown_fields(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields of a lead with their texts: name and contact first, then the others by name."""
    first = [*NAMED, *CONTACT]
    rest = sorted(set(values) - set(first))
    found = ((name, _text(values[name])) for name in (*first, *rest) if name in values)
    return [(_INITIALS.get(name) or plain(name), text) for name, text in found if text]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{plain(str(name))}: {text}" for name, each in value.items() if (text := _text(each))
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, map(_text, value)))
    return "" if value is None else str(value)


FILTERS: Mapping[str, Callable[..., str]] = {
    "candidate_words": candidate,
    "cause_words": cause,
    "reason_words": reason,
    "listed_words": listed,
    "step_words": step,
    "failed_words": failed,
    "finding_words": finding,
    "method_words": method,
    "no_actions_words": no_actions,
    "plain": plain,
}
"""The filters of templates by name."""
