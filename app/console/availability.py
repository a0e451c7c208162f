"""What keeps an owner from a lead, in a few words."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "chosen": "gets it",
    "not_next": "another member is next in turn",
    "share_taken": "has had their share of what waited",
    "more_open_leads": "has more open leads",
    "assigned_more_recently": "got a lead more recently",
    "not_found": "not in the directory",
    "excluded": "excluded",
    "inactive": "not active",
    "absent": "absent",
    "paused": "paused",
    "missing_skill": "lacks a skill",
    "missing_language": "does not speak the language",
    "cap_open": "at the cap on open leads",
    "cap_day": "at the daily cap",
    "cap_week": "at the weekly cap",
    "cap_rolling": "at a rolling cap",
    "zero_weight": "weight 0",
    "off_shift": "off shift",
}
"""By the code of a candidate."""


def in_words(code: str | None) -> str:
    """The words for a code; None stands for somebody who can take it."""
    return "available" if code is None else WORDS.get(code, code.replace("_", " "))
