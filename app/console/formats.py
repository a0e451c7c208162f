"""How values read in pages: times in the viewer's zone, durations, numbers and shares."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.console.viewer import Viewer
from app.plan.language.durations import parse_iso, read_duration

NOTHING = "–"
_UTC = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")
_TICKED = re.compile(r"`([^`]+)`")
_DAY, _HOUR, _MINUTE = 86400, 3600, 60


@pass_context
def time(context: Context, at: datetime | str | None, form: str = "minute") -> Markup | str:
    """A moment, or the text of one, in the viewer's zone, with that of the workspace as its title.

    `form` is `minute`, `second`, `clock` (only the time of day) or `day`.
    """
    if at is None:
        return NOTHING
    at = parse_iso(at) if isinstance(at, str) else at
    viewer: Viewer = context["viewer"]
    shown, home = at.astimezone(viewer.zone), at.astimezone(viewer.workspace_zone)
    return Markup('<time datetime="{}" title="{} {}">{}</time>').format(
        home.isoformat(timespec="seconds"),
        _words(home, "second"),
        viewer.workspace_zone.key,
        _words(shown, form),
    )


@pass_context
def sentence(context: Context, text: str) -> Markup:
    """A sentence about a decision, in which times stand in UTC, with those times in the viewer's zone."""
    parts = _UTC.split(text)
    shown = (_time_of(context, each) if at % 2 else escape(each) for at, each in enumerate(parts))
    return Markup("").join(shown)


def _time_of(context: Context, text: str) -> Markup | str:
    try:
        return time(context, datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return f"{text} UTC"


def _words(at: datetime, form: str) -> str:
    day = f"{at.day} {at:%b %Y}"
    match form:
        case "day":
            return day
        case "clock":
            return f"{at:%H:%M}"
        case "second":
            return f"{day}, {at:%H:%M:%S}"
        case _:
            return f"{day}, {at:%H:%M}"


def duration(value: float | timedelta | None) -> str:
    """A length of time in two units at most: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if value is None:
        return NOTHING
    seconds = round(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 0:
        return f"−{duration(-seconds)}"
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    large, small, names = (_DAY, _HOUR, ("d", "h")) if seconds >= _DAY else (_HOUR, _MINUTE, ("h", "min"))
    whole, rest = divmod(seconds, large)
    text = f"{whole} {names[0]}"
    return f"{text} {rest // small} {names[1]}" if rest >= small else text


def number(value: float | Decimal | None, places: int = 0) -> str:
    """A number with groups of three digits, such as `12,345`."""
    if value is None:
        return NOTHING
    text = f"{value:z,.{places}f}"
    return text.replace("-", "−")


def counted(value: int, one: str, many: str = "") -> str:
    """A number with what it counts: `1 lead`, `12 leads`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def ticked(text: str) -> Markup:
    """A sentence of ours in which names stand between backticks, as `partners` does."""
    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def plan_duration(text: str) -> str:
    """A duration as a plan writes it, such as `4h`, as a length of time."""
    return duration(read_duration(text))


def percent(value: float | None, places: int = 0) -> str:
    """A share between 0 and 1 as a percentage."""
    return NOTHING if value is None else f"{value * 100:.{places}f} %"


def points(value: float | None) -> str:
    """A difference of two shares in percentage points."""
    return NOTHING if value is None else f"{value * 100:+.1f}".replace("-", "−") + " points"


def moment(seconds: float | None) -> datetime | None:
    """The moment that is so many seconds after 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def coded(text: str) -> Markup:
    """A text with what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in parts)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "time": time,
    "sentence": sentence,
    "duration": duration,
    "plan_duration": plan_duration,
    "number": number,
    "counted": counted,
    "ticked": ticked,
    "percent": percent,
    "points": points,
    "moment": moment,
    "coded": coded,
}
"""The filters of templates by name."""
