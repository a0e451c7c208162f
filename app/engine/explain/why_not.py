"""One sentence for each owner who did not get a lead. It says what kept them, never who the lead is."""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.values.languages import ENGLISH_NAMES

_REFUSED = {
    "inactive": "Was not active",
    "absent": "Absent",
    "paused": "Paused",
    "missing_skill": "Lacks a skill that the lead needs",
    "missing_language": "Speaks none of the lead's languages",
    "cap_open": "At the cap on open leads",
    "cap_day": "At the daily cap",
    "cap_week": "At the weekly cap",
    "cap_rolling": "At a rolling cap",
    "zero_weight": "Takes no turns in this team (weight 0)",
    "off_shift": "Off shift",
    "share_taken": "Had their share of what waited",
    "not_found": "Was not in the directory then",
}
_HAD = {
    "rejected": "Rejected this lead before",
    "taken_away": "Missed a deadline of this lead before",
    "lease_ended": "Claimed this lead before and did not touch it in time",
    "given_back": "Gave this lead back before",
}
"""What became of the lead when the owner had it before, by why their assignment ended."""
_PASSED_OVER = {
    "not_next": "Could have taken it; {} was next in turn",
    "more_open_leads": "Could have taken it; {} had fewer open leads",
    "assigned_more_recently": "Could have taken it; {} had waited longer",
}
_FREES = frozenset(("cap_day", "cap_week", "cap_rolling"))


def refused(code: str, until: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """What kept an owner, by the code of the refusal, and until when, in their own zone."""
    text = _REFUSED.get(code, "Could not take it")
    if until is None:
        return text
    clock = _clock(until, zone, now)
    return f"{text}, frees {clock}" if code in _FREES else f"{text} until {clock}"


def without_languages(every: Collection[str], one_of: Collection[str]) -> str:
    """The languages that an owner does not speak: all that are needed, or those of which one would do."""
    names = [ENGLISH_NAMES.get(each, each) for each in sorted(every)]
    some = [ENGLISH_NAMES.get(each, each) for each in sorted(one_of)]
    if len(some) > 1:
        return f"Speaks neither {' nor '.join(some)}"
    return f"Speaks no {' and no '.join(dict.fromkeys((*names, *some)))}"


def without_skills(skills: Collection[str]) -> str:
    """The skills of the plan that an owner lacks."""
    names = " and ".join(sorted(skills))
    return f"Lacks the skill{'s' if len(skills) > 1 else ''} {names}"


def had_before(end_cause: str | None) -> str:
    """An owner who is excluded because they had the lead; how that ended."""
    return _HAD.get(end_cause or "", "Had this lead before")


def passed_over(code: str, chosen: str) -> str:
    """An owner who could have taken it, when another one was picked."""
    return _PASSED_OVER.get(code, "Could have taken it; {} was picked").format(chosen)


def whole(text: str, *, would_have_got_it: bool | None, in_turn: bool) -> str:
    """The sentence, with what would have been had nothing kept the owner."""
    if would_have_got_it is None:
        return f"{text}."
    if not would_have_got_it:
        return f"{text}; was not next anyway."
    return f"{text}; would have {'been next' if in_turn else 'got it'}."


def _clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """A time as the owner reads it: `00:00 Berlin`, with the day unless it comes within a day."""
    local = at.astimezone(zone)
    clock = f"{local:%H:%M} {zone.key.rpartition('/')[2].replace('_', ' ')}"
    return clock if at - now <= timedelta(days=1) else f"{local.day} {local:%b %Y}, {clock}"
