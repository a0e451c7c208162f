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
from app.reports.fairness import DIFFERENCES
from app.reports.review import Line, Review, Section
from app.reports.statistics import NOT_REACHED, Rate
from app.reports.tables import Column

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #55616e; --line: #d5dbe2; --band: #f4f6f8;
  --page: #fff; --first: #2b5c8a; --second: #c2742b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e8ee; --faint: #9aa7b4; --line: #36414d; --band: #1d252e; --page: #12181f;
    --first: #6ea8dc; --second: #e09a55; }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0; }
section { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1.5rem; }
section > p { margin: .25rem 0 1rem; }
.note, figcaption, thead th { color: var(--faint); }
nav { margin-top: 1.5rem; padding: .75rem 1rem; background: var(--band); border-radius: .4rem; }
nav a { color: var(--ink); display: inline-block; margin-right: 1.1rem; padding: .15rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; min-width: min(32rem, 100%); font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem; text-align: right; vertical-align: top; font-weight: 400; }
thead th { font-size: .85rem; vertical-align: bottom; }
tbody tr { border-top: 1px solid var(--line); }
tbody tr:nth-child(even) { background: var(--band); }
.name { text-align: left; }
.wide + .note { margin-top: 1rem; }
figure { margin: 1.5rem 0 0; }
figcaption { font-size: .85rem; margin-bottom: .5rem; }
svg { display: block; max-width: 100%; height: auto; color: var(--ink); }
.first { fill: var(--first); }
.second { fill: var(--second); }
@media print {
  main { padding: 0; }
  nav { display: none; }
  h2, figcaption { break-after: avoid; }
  figure, tr { break-inside: avoid; }
}
"""
STYLE_HASH = f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}"
"""What a content security policy names to let the style through."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
_TITLES = {"sla": "SLA"}
_WIDE = {"fairness": ("team", "owner"), "capacity": ("team",)}
"""Reports with a line for each of these, about this month only: the balance and the load are those of now."""
_CODE = re.compile(r"`([^`]+)`")
_NAME = ' class="name"'
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
    links = " ".join(f'<a href="#{each.report.name}">{escape(_title(each))}</a>' for each in review.sections)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Routing in {review.month}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>Routing in {review.month}</h1>",
        f'<p class="note">{escape(_introduction(review))}</p>',
        f'<nav aria-label="Reports">{links}</nav>',
    ]
    for section in review.sections:
        parts.append(f'<section id="{section.report.name}">\n<h2>{escape(_title(section))}</h2>')
        parts.append(f'<p class="note">{escape(_question(section))}</p>')
        parts.append(_html_table(_table(section), _names_in(section)))
        parts += [f'<p class="note">{_code_marked(text)}</p>' for text in _missing(section)]
        parts += _charts(section)
        parts.append("</section>")
    return "\n".join([*parts, "</main>\n</body>\n</html>\n"])


def _html_table(rows: Sequence[Sequence[str]], names: int) -> str:
    """The table. The first columns, so many, are names."""
    header, *body = rows
    head = "".join(
        f'<th scope="col"{_NAME if at < names else ""}>{escape(cell)}</th>' for at, cell in enumerate(header)
    )
    lines = "\n".join(
        "<tr>"
        + "".join(f'<th scope="row"{_NAME}>{escape(cell)}</th>' for cell in row[:names])
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[names:])
        + "</tr>"
        for row in body
    )
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{lines}\n</tbody>\n</table></div>"
    )


def _code_marked(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _names_in(section: Section) -> int:
    return len(_WIDE.get(section.report.name, ("",)))


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
    if section.report.name == "fairness" and (idle := sum(map(_is_empty, section.lines))):
        missing.append(f"Members who were due no lead and got none are left out: {idle}.")
    return missing if section.lines else [*missing, "Nothing in this month."]


def _table(section: Section) -> list[list[str]]:
    """One line for each number, the month beside the month before; of members and teams one line for each."""
    if names := _WIDE.get(section.report.name):
        columns = [each for each in section.columns if not _makes_no_difference(section, each)]
        header = [*names, *(_label(each.name) for each in columns)]
        return [
            header,
            *(
                [*line.names, *(_text(each, line.cells.get(each.name)) for each in columns)]
                for line in section.lines
                if section.report.name != "fairness" or not _is_empty(line)
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


def _makes_no_difference(section: Section, column: Column) -> bool:
    """Whether a column of differences is 0 for each member."""
    return column.name in DIFFERENCES and not any(line.cells.get(column.name) for line in section.lines)


def _is_empty(line: Line) -> bool:
    """Whether a member was due no lead of the team, and got none."""
    return not any(line.cells.get(name) for name in ("due_by_weight", "received", "outside_the_turn"))


def _charts(section: Section) -> list[str]:
    """The first column week by week; of fairness, what each member was due and got."""
    if section.report.name == "fairness":
        bars = [
            Bars(f"{line.names[0]}: {line.names[1]}", [line.cells["due_by_weight"], line.cells["received"]])
            for line in section.lines
            if line.cells["due_by_weight"] or line.cells["received"]
        ]
        series = ["due by weight", "received"]
        return [_figure("Shares due and received", series, bars)] if bars else []
    if not section.weeks or not section.columns:
        return []
    column = section.columns[0]
    title = f"{_label(column.name)} by week" + (", per cent" if column.unit == "rate" else "")
    others = [name for name in ("kind", "currency") if name in section.weeks[0]]
    bars = [
        Bars(" ".join(str(row[name]) for name in ("week", *others)), [_number(row.get(column.name))])
        for row in section.weeks
    ]
    return [_figure(title, [title], bars, most=100 if column.unit == "rate" else None)]


def _figure(title: str, series: Sequence[str], bars: Sequence[Bars], most: float | None = None) -> str:
    caption = f"{title[:1].upper()}{title[1:]}"
    return (
        f"<figure>\n<figcaption>{escape(caption)}</figcaption>\n{bar_chart(title, series, bars, most)}\n"
        "</figure>"
    )


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
