"""Fills the templates of a plan. A missing value leaves no trace in the text."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.engine.conditions.comparisons import Get, Values, getter
from app.plan.language.templates import Placeholder

_SPACES = re.compile(r"[ \t]{2,}")
_EMPTY_BRACKETS = re.compile(r"[ \t]*(?:\(\s*\)|\[\s*\]|\"\s*\"|'\s*')")
_BEFORE_PUNCTUATION = re.compile(r"[ \t]+(?=[,.;:!?](?:\s|$))")
_DOUBLED_PUNCTUATION = re.compile(r"([,;:])(?:\s*[,;:])+")
_DANGLING = " \t,;:-–—|/"


class Text:
    """A template. A missing value is removed together with the spaces and punctuation around it."""

    def __init__(self, parts: Sequence[str | Placeholder]) -> None:
        self._parts: list[str | Get] = [
            getter(part.name) if isinstance(part, Placeholder) else part for part in parts
        ]

    def __call__(self, context: Values) -> str:
        filled = [part if isinstance(part, str) else _shown(part(context)) for part in self._parts]
        text = "".join(each for each in filled if each is not None)
        return text if None not in filled else _tidied(text)


def _shown(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return ", ".join(shown for each in value if (shown := _shown(each)) is not None) or None
    return str(value) if isinstance(value, (str, int, float)) else None


def _tidied(text: str) -> str:
    for pattern, instead in (
        (_EMPTY_BRACKETS, ""),
        (_SPACES, " "),
        (_BEFORE_PUNCTUATION, ""),
        (_DOUBLED_PUNCTUATION, r"\1"),
    ):
        text = pattern.sub(instead, text)
    return text.strip().lstrip(_DANGLING).rstrip(_DANGLING)
