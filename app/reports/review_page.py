"""The monthly review as one page: Markdown, and HTML that needs nothing but itself."""

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any

from app.reports.charts import Bars, bar_chart, number_text
from app.reports.review import Review, Section
from app.reports.statistics import NOT_REACHED, Rate
from app.reports.tables import Column

STYLE = """
body { font: 15px/1.5 sans-serif; color: #1d2733; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid #c8d0d9; padding: .3rem .8rem; text-align: left; vertical-align: top; }
svg { max-width: 100%; height: auto; }
.note { color: #55616e; }
"""
STYLE_HASH = f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}"
"""What a content security policy names to let the style through."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
_TITLES = {"sla": "SLA"}
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def to_markdown(review: Review) -> str:
    """The page as Markdown, without charts."""
    parts = [f"# Routing in {review.month}", _introduction(review)]
    for section in review.sections:
        parts += [f"## {_title(section)}", _question(section)]
        header, *rows = _table(section)
        parts.append("\n".join(_markdown_row(row) for row in (header, ["---"] * len(header), *rows)))
        parts += _missing(section)
    return "\n\n".join(parts) + "\n"


def to_html(review: Review) -> str:
    """The page as HTML with charts. The numbers of each chart are in its table or beside its bars."""
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>Routing in {review.month}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>Routing in {review.month}</h1>",
        f'<p class="note">{escape(_introduction(review))}</p>',
    ]
    for section in review.sections:
        parts.append(f"<section>\n<h2>{escape(_title(section))}</h2>\n<p>{escape(_question(section))}</p>")
        header, *rows = _table(section)
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
        body = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        parts.append(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>")
        parts += [f'<p class="note">{escape(text)}</p>' for text in _missing(section)]
        parts += [f"<figure>{chart}</figure>" for chart in _charts(section)]
        parts.append("</section>")
    return "\n".join([*parts, "</main>\n</body>\n</html>\n"])


def _title(section: Section) -> str:
    name = section.report.name
    return _TITLES.get(name) or name.replace("-", " ").capitalize()


def _question(section: Section) -> str:
    return section.report.question


def _introduction(review: Review) -> str:
    period = review.period
    known = f"{review.now:%Y-%m-%d %H:%M} UTC"
    text = f"From {period.first} until before {period.last}, {period.zone}, as known at {known}."
    return text if review.complete else f"{text} The month is not complete."


def _missing(section: Section) -> list[str]:
    missing = [
        f"{_label(name)}: not available. {_sentence(why)}" for name, why in section.not_available.items()
    ]
    return missing if section.lines else [*missing, "Nothing in this month."]


def _table(section: Section) -> list[list[str]]:
    """One line for each number, the month beside the month before; of members and teams one line for each."""
    if section.report.name == "fairness":
        header = ["team", "owner", *(_label(each.name) for each in section.columns)]
        return [
            header,
            *(
                [*line.names, *(_text(each, line.cells.get(each.name)) for each in section.columns)]
                for line in section.lines
            ),
        ]
    rows = [["", "this month", "month before"]]
    for line in section.lines:
        alone = line.names in ((), ("none",)) and len(section.lines) == 1
        prefix = "" if alone else f"{', '.join(line.names)}: "
        rows += [
            [
                f"{prefix}{_label(each.name)}",
                _text(each, line.cells.get(each.name)),
                _text(each, line.before.get(each.name) if line.before is not None else None),
            ]
            for each in section.columns
        ]
    return rows


def _charts(section: Section) -> list[str]:
    """The first column week by week; of fairness, what each member was due and got."""
    if section.report.name == "fairness":
        bars = [
            Bars(f"{line.names[0]}: {line.names[1]}", [line.cells["due_by_weight"], line.cells["received"]])
            for line in section.lines
            if line.cells["due_by_weight"] or line.cells["received"]
        ]
        series = ["due by weight", "received"]
        return [bar_chart("Shares due and received", series, bars)] if bars else []
    if not section.weeks or not section.columns:
        return []
    column = section.columns[0]
    title = f"{_label(column.name)} by week" + (", per cent" if column.unit == "rate" else "")
    others = [name for name in ("kind", "currency") if name in section.weeks[0]]
    bars = [
        Bars(" ".join(str(row[name]) for name in ("week", *others)), [_number(row.get(column.name))])
        for row in section.weeks
    ]
    return [bar_chart(title, [title], bars)]


def _number(cell: Any) -> float | None:
    if isinstance(cell, Rate):
        return 100 * cell.numerator / cell.denominator if cell.denominator else None
    return float(cell) if isinstance(cell, int | float | Decimal) else None


def _text(column: Column, cell: Any) -> str:
    """A cell as people read it."""
    if cell is None:
        return "–"
    if cell == NOT_REACHED:
        return "not reached"
    if isinstance(cell, Rate):
        return _rate_text(cell)
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if column.unit == "money" and isinstance(cell, int | float | Decimal):
        return f"{cell:,.2f}"
    if isinstance(cell, int | float | Decimal):
        return _duration(float(cell)) if column.unit == "seconds" else number_text(float(cell))
    return str(cell)


def _rate_text(rate: Rate) -> str:
    found = rate.to_json()
    if found["rate"] is None:
        return "– (0 of 0)"
    share, low, high = (f"{100 * found[name]:.1f}" for name in ("rate", "low", "high"))
    return f"{share} % ({found['numerator']} of {found['denominator']}; {low} to {high})"


def _duration(seconds: float) -> str:
    """A time in its two largest units."""
    left, parts = round(seconds), []
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _label(name: str) -> str:
    return name.replace("_", " ")


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = [cell if cell == "---" else _MARKUP.sub(r"\\\1", cell) for cell in cells]
    return f"| {' | '.join(escaped)} |"
