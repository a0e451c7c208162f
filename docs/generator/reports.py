"""The reports: their words, and what they can be asked."""

from app.reports.dimensions import DIMENSIONS
from app.reports.registry import REPORTS
from app.reports.report import Report
from docs.generator.tables import meanings


def each() -> str:
    """Every report with its definition."""
    return "\n\n".join(map(_section, REPORTS.values()))


def dimensions() -> str:
    """What reports group and filter by."""
    return meanings(DIMENSIONS)


def _section(report: Report) -> str:
    asked = [
        f"`{name}`: {', '.join(f'`{word}`' for word in words)}."
        for name, words in (("by", report.by), ("credit", report.credits))
        if words
    ]
    if report.within is not None:
        asked.append(f"`within`: {report.within.days}d unless you say otherwise.")
    if report.windowed:
        asked.append("`within`: such as `30d`; without it, outcomes count until now.")
    own = [name for name in report.dimensions if name not in DIMENSIONS]
    if own:
        asked.append(f"Also by {', '.join(f'`{name}`' for name in own)}.")
    left_out = [name for name in DIMENSIONS if name not in report.dimensions]
    if left_out:
        asked.append(f"Not by {', '.join(f'`{name}`' for name in left_out)}.")
    if not report.for_owner:
        asked.append("Not for keys that are bound to an owner.")
    lines = [
        f"### {report.name}",
        f"**{report.question}** {report.definition}",
        f"- Numerator: {report.numerator}\n- Denominator: {report.denominator}"
        + "".join(f"\n- {text}" for text in asked),
    ]
    return "\n\n".join(lines)
