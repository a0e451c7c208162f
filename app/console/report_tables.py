"""Tables of reports as pages show them: a text for each cell, the numbers of a chart, and addresses."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from app.console.formats import NOTHING, coded, duration, number, percent
from app.console.names import NO_NAMES, Names
from app.console.viewer import Viewer
from app.reports.dimensions import DIMENSIONS
from app.reports.periods import BUCKETS
from app.reports.registry import REPORTS
from app.reports.statistics import NOT_REACHED, Rate
from app.reports.tables import Column, Table

MAX_BARS = 40
MAX_LISTED = 20
NO_VALUE = "none"
OWNER_COLUMNS, TEAM_COLUMNS = ("owner", "owner_id"), ("team", "team_id")
_TELLING = ("received", "headroom")
"""What a chart shows of a report without shares and times, if nothing else is wished."""
_COLUMN = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
_CHART_UNITS = {"rate": "percent", "seconds": "seconds"}
_FIRST_SHOWN = ("rate", "seconds", "money", "count", "number", "hours", "days")
_PLACES = {"count": 0, "money": 2, "number": 2, "hours": 1, "days": 0}
_SUFFIXES = {"hours": " h", "days": " d"}

Query = Sequence[tuple[str, str]]
"""The parameters of an address."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says. `value` is its number for a chart, with the interval from `low` to `high`.

    `href` leads to the same report about this value alone.
    """

    text: str
    note: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    href: str = ""
    at: datetime | None = None


def address(path: str, query: Query, *, drop: Iterable[str] = (), **added: str | int) -> str:
    """The address of a page with these parameters, without some, and with others instead."""
    dropped = {*drop, *added}
    kept = [(name, value) for name, value in query if name not in dropped]
    pairs = [*kept, *((name, str(value)) for name, value in added.items())]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def label_of(name: str) -> str:
    """The name of a column, a report or a dimension as people read it."""
    words = name.removesuffix("_seconds").replace("_", " ").replace("-", " ")
    return (words[:1].upper() + words[1:]).replace("Sla", "SLA").replace("sla", "SLA")


def with_reports(text: str, viewer: Viewer) -> Markup:
    """A text with what stands between backticks as code, and reports that the viewer may ask as links."""

    def shown(name: str) -> Markup:
        if name not in REPORTS or not viewer.may(*REPORTS[name].scopes):
            return coded(f"`{name}`")
        return Markup('<a href="/console/reports/{}">{}</a>').format(name, label_of(name))

    parts = enumerate(text.split("`"))
    return Markup("").join(shown(part) if at % 2 else escape(part) for at, part in parts)


def worded(text: str) -> Markup:
    """A text in which columns stand between backticks, with those as tables name them."""
    parts = enumerate(text.split("`"))
    return Markup("").join(_word(part) if at % 2 else escape(part) for at, part in parts)


def _word(name: str) -> Markup:
    return escape(f"“{label_of(name)}”") if _COLUMN.fullmatch(name) else coded(f"`{name}`")


def cell_of(unit: str, value: Any) -> Cell:
    """A cell of a column with this unit."""
    if isinstance(value, Rate):
        return _rate(value)
    if value is None or value == "":
        return Cell(NO_VALUE if unit == "name" else NOTHING)
    if value == NOT_REACHED:
        return Cell("not reached")
    if isinstance(value, datetime):
        return Cell("", at=value)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if unit == "name" or isinstance(value, str):
        return Cell(str(value))
    if unit == "seconds":
        return Cell(duration(float(value)), value=float(value))
    return Cell(f"{number(value, _places(unit, value))}{_SUFFIXES.get(unit, '')}", value=float(value))


def _places(unit: str, value: Any) -> int:
    return 0 if float(value).is_integer() and unit != "money" else _PLACES.get(unit, 2)


def _rate(rate: Rate) -> Cell:
    told = rate.to_json()
    if told["rate"] is None:
        return Cell(NOTHING, "of 0")
    interval = f"{_share(told['low'], 0)}–{percent(told['high'])}"
    counted = f"{number(rate.numerator)} of {number(rate.denominator)}"
    return Cell(percent(told["rate"]), f"{interval}, {counted}", told["rate"], told["low"], told["high"])


def _share(value: float, places: int) -> str:
    return f"{value * 100:.{places}f}"


def rows_of(
    table: Table, rows: Sequence[Mapping[str, Any]], path: str, query: Query, names: Names
) -> list[list[Cell]]:
    """The cells of some rows. The value of a group leads to the report about this value alone."""
    return [
        [_linked(column, row.get(column.name), path, query, names) for column in table.columns]
        for row in rows
    ]


def _linked(column: Column, value: Any, path: str, query: Query, names: Names) -> Cell:
    cell = cell_of(column.unit, named(column.name, value, names))
    if column.unit != "name" or column.name not in DIMENSIONS:
        return cell
    wanted = NO_VALUE if value is None else str(value)
    rest = [pair for pair in query if pair != ("group_by", column.name)]
    return Cell(cell.text, href=address(path, rest, drop=("after",), **{column.name: wanted}))


def ids_in(rows: Iterable[Mapping[str, Any]], *columns: str) -> set[str]:
    """The ids in these columns, to look their names up."""
    return {value for row in rows for name in columns if isinstance(value := row.get(name), str)}


def named(column: str, value: Any, names: Names) -> Any:
    """An owner or a team by name; any other value as it is."""
    if not isinstance(value, str):
        return value
    if column in OWNER_COLUMNS:
        return names.owner(value)
    return names.team(value) if column in TEAM_COLUMNS else value


def measures_of(table: Table) -> list[Column]:
    """The columns that a chart can show, those first that say most."""
    numbers = [each for each in table.columns if each.unit in _FIRST_SHOWN]
    return sorted(numbers, key=lambda each: _FIRST_SHOWN.index(each.unit))


def chart_of(table: Table, shown: str, names: Names) -> dict[str, Any] | None:
    """The chart of a measure by group: a line over time, else bars. None where there is nothing to draw."""
    measures = measures_of(table)
    wanted = (shown, *(name for name in _TELLING if not shown))
    chosen = (each for name in wanted for each in measures if each.name == name)
    column = next(chosen, next(iter(measures), None))
    groups = [each.name for each in table.columns if each.unit == "name"]
    if column is None or not groups or not table.rows:
        return None
    is_line = len(groups) == 1 and groups[0] in BUCKETS
    rows = table.rows[-MAX_BARS:] if is_line else table.rows[:MAX_BARS]
    cells = [(_label(row, groups, names), cell_of(column.unit, row.get(column.name))) for row in rows]
    return {
        "column": column,
        "groups": ", ".join(map(label_of, groups)),
        "kind": "line" if is_line else "bar",
        "unit": _CHART_UNITS.get(column.unit, "count"),
        "rows": [{"label": label, "cell": cell} for label, cell in cells],
        "left_out": len(table.rows) - len(rows),
        "measures": measures,
    }


def _label(row: Mapping[str, Any], groups: Sequence[str], names: Names) -> str:
    return " · ".join(
        NO_VALUE if row.get(name) is None else str(named(name, row[name], names)) for name in groups
    )


def details_of(details: Mapping[str, Any], names: Names = NO_NAMES) -> list[dict[str, Any]]:
    """The further small tables and figures of a report, each with a title. Empty ones are left out."""
    return [
        {"title": label_of(name), **_detail(value, names)}
        for name, value in details.items()
        if value not in (None, [], {})
    ]


def _detail(value: Any, names: Names) -> dict[str, Any]:
    if isinstance(value, Mapping):
        value = [{"name": label_of(str(name)), "value": each} for name, each in value.items()]
    if isinstance(value, (list, tuple)) and isinstance(value[0], Mapping):
        columns = list(dict.fromkeys(name for row in value for name in row))
        rows = [
            [(name, _plain(name, named(name, row.get(name), names))) for name in columns]
            for row in value[:MAX_LISTED]
        ]
        return {"columns": columns, "rows": rows, "left_out": max(0, len(value) - MAX_LISTED)}
    if isinstance(value, (list, tuple)):
        rows = [[("value", _plain("value", each))] for each in value[:MAX_LISTED]]
        return {"columns": ["value"], "rows": rows, "left_out": max(0, len(value) - MAX_LISTED)}
    return {"cell": _plain("", value)}


def _plain(name: str, value: Any) -> Cell:
    """A value of which only the name is known."""
    if value is None and name.startswith("at_most"):
        return Cell("more")
    if isinstance(value, Mapping) and {"rate", "numerator", "denominator"} <= value.keys():
        return _rate(Rate(value["numerator"], value["denominator"]))
    if isinstance(value, (Mapping, list, tuple)):
        parts = value.items() if isinstance(value, Mapping) else ((None, each) for each in value)
        texts = (
            _plain("", each).text if key is None else f"{key}: {_plain('', each).text}" for key, each in parts
        )
        return Cell(", ".join(texts) or NOTHING)
    if isinstance(value, str) and value:
        return Cell(value)
    return cell_of("seconds" if name.endswith("seconds") else "number", value)


FILTERS: Mapping[str, Callable[..., Markup]] = {"worded": worded, "with_reports": with_reports}
"""The filters of templates by name."""
