"""Bar charts as SVG text that stands inside a page: no script, no style attribute, nothing loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, LABEL, VALUE = 720, 180, 80
"""The width of a chart, of the labels left of the bars, and of the numbers right of them."""
BAR, GAP, LEGEND = 16, 6, 24
COLORS = (("first", "#2b5c8a"), ("second", "#c2742b"))
"""Classes, and colors where no style gives them others: apart for people who see no red or green."""
LONGEST_LABEL = 28


@dataclass(frozen=True, slots=True)
class Bars:
    """A group of bars with one label: one value for each series, None where there is no number."""

    label: str
    values: Sequence[float | None]


def bar_chart(title: str, series: Sequence[str], groups: Sequence[Bars], most: float | None = None) -> str:
    """The chart. `title` is its name for those who do not see it; the numbers stand beside the bars.

    A bar of the value `most`, else of the largest value, is as long as there is room.
    """
    top = LEGEND if len(series) > 1 else 0
    step = len(series) * BAR + GAP
    height = top + step * len(groups)
    largest = max((value for group in groups for value in group.values if value), default=0.0)
    largest = max(largest, most or 0.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13" fill="currentColor">',
        f"<title>{escape(title)}</title>",
    ]
    if len(series) > 1:
        parts += _legend(series)
    for at, group in enumerate(groups):
        parts += _group(group, top + at * step, largest)
    return "".join([*parts, "</svg>"])


def number_text(value: float) -> str:
    """A number as people read it: whole ones without a point, others with two places."""
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _color(at: int) -> str:
    name, color = COLORS[at % len(COLORS)]
    return f'class="{name}" fill="{color}"'


def _legend(series: Sequence[str]) -> list[str]:
    found = []
    for at, name in enumerate(series):
        left = LABEL + at * 160
        found.append(f'<rect x="{left}" y="2" width="12" height="12" {_color(at)}/>')
        found.append(f'<text x="{left + 18}" y="12">{escape(name)}</text>')
    return found


def _group(group: Bars, top: int, largest: float) -> list[str]:
    label = group.label
    if len(label) > LONGEST_LABEL:
        label = f"{label[: LONGEST_LABEL - 1]}…"
    middle = top + len(group.values) * BAR / 2 + 4
    found = [f'<text x="{LABEL - 8}" y="{middle:g}" text-anchor="end">{escape(label)}</text>']
    room = WIDTH - LABEL - VALUE
    for at, value in enumerate(group.values):
        width = room * max(value or 0.0, 0.0) / largest if largest else 0.0
        y = top + at * BAR
        text = "–" if value is None else number_text(value)
        found.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 2}" {_color(at)}/>')
        found.append(f'<text x="{LABEL + width + 6:.1f}" y="{y + BAR - 4}">{text}</text>')
    return found
