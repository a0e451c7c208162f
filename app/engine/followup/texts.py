"""Fills the templates of a plan. A missing value leaves no trace in the text.

What a form sent never commands the tool that shows a text: control characters, marks that turn the direction
of the writing, and what a chat would read as a mention or a link are replaced by what only looks like them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from app.engine.conditions.comparisons import Get, Values, getter_as_sent
from app.plan.language.templates import Placeholder

MAX_TEXT = 10_000
"""The most characters of one text. The rest is cut."""
MAX_READ = 2 * MAX_TEXT
"""The most characters of values that one text reads, because many of them may not be shown."""
CUT = "…"

_SPACES = re.compile(r"[ \t]{2,}")
_EMPTY_BRACKETS = re.compile(r"[ \t]?(?:\(\s*\)|\[\s*\]|\"\s*\"|'\s*')")
_BEFORE_PUNCTUATION = re.compile(r"[ \t](?=[,.;:!?](?:\s|$))")
_DOUBLED_PUNCTUATION = re.compile(r"([,;:])(?:\s*[,;:])+")
_DANGLING = " \t,;:-–—|/"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINED = r"[\u200c\u200d\ufe00-\ufe0f]*"
"""Invisible, but scripts and emoji need them."""
_WORDS = "|".join(_JOINED.join(word) for word in ("all", "channel", "everyone", "here"))
_MENTION = re.compile(
    rf"<(?={_JOINED}[!@#/a-z])"  # <!channel>, <@U123>, <#C123>, <https://example.com|click>, <at>
    rf"|@(?={_JOINED}(?:{_WORDS})(?![a-z0-9_]))(?!(?<=[a-z0-9]@)\w+\.\w)",  # not joe@here.example
    re.IGNORECASE,
)
_LOOKS_LIKE = {"<": "‹", "@": "＠"}


class Text:
    """A template. A missing value is removed together with the spaces and punctuation around it.

    A text of one line has its line breaks replaced as well.
    """

    def __init__(self, parts: Sequence[str | Placeholder], *, one_line: bool = False) -> None:
        self._parts: list[str | Get] = [
            getter_as_sent(part.name) if isinstance(part, Placeholder) else part for part in parts
        ]
        self._one_line = one_line

    def __call__(self, context: Values, room: int = MAX_TEXT) -> str:
        """The text for these values, in at most `room` characters."""
        filled = list(self._filled(context))
        parts = list(_up_to(min(room, MAX_TEXT), filled))
        text = "".join(parts)
        if _MENTION.search(text):
            text = _harmless(text, [isinstance(part, str) for part in self._parts], parts)
        return text if None not in filled else _tidied(text)

    def _filled(self, context: Values) -> Iterator[str | None]:
        """The parts with their values. What comes after MAX_READ characters of values counts as missing."""
        left = MAX_READ
        for part in self._parts:
            if isinstance(part, str):
                yield part
                continue
            text = _shown(part(context)) if left > 0 else None
            left -= len(text or "")
            yield self._plain(text) if text is not None else None

    def _plain(self, text: str) -> str | None:
        if text.isprintable():
            return text
        plain = _INVISIBLE.sub("", _CONTROL.sub(" ", text[: MAX_TEXT + 1]))
        return (plain.replace("\n", " ") if self._one_line else plain) or None


def _up_to(room: int, filled: Iterable[str | None]) -> Iterable[str]:
    """The parts, cut where there is no more room. One that is missing is empty."""
    for part in filled:
        kept = part or ""
        if len(kept) > room:
            kept = kept[: max(room - 1, 0)] + CUT if room else ""
        room -= len(kept)
        yield kept


def _harmless(text: str, written: Sequence[bool], parts: Sequence[str]) -> str:
    """The text without mentions, except those that stand in the plan itself."""
    ends = list(accumulate(map(len, parts)))
    own = [(end - len(part), end) for part, end, by_plan in zip(parts, ends, written, strict=True) if by_plan]

    def replaced(found: re.Match[str]) -> str:
        at = found.start()
        # A plan may put a value in angle brackets, such as <{owner.email}>.
        after = at if text[at : at + 2].replace("<", "").isalpha() else at + 1
        return found[0] if any(start <= at <= after < end for start, end in own) else _LOOKS_LIKE[found[0]]

    return _MENTION.sub(replaced, text)


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
        # First, so that no other pattern reads a long run of spaces again and again.
        (_SPACES, " "),
        (_EMPTY_BRACKETS, ""),
        (_BEFORE_PUNCTUATION, ""),
        (_DOUBLED_PUNCTUATION, r"\1"),
    ):
        text = pattern.sub(instead, text)
    return text.strip().lstrip(_DANGLING).rstrip(_DANGLING)
