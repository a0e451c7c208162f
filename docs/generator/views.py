"""The views for BI tools: what a row is, and the columns."""

import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import fields

from app.store.reports.fact_rows import FACT_TABLES, Cuts, Fact

_NAMES = {
    "lead_facts": "leads",
    "assignment_facts": "assignments",
    "promise_facts": "promises",
    "event_facts": "events",
    "sale_facts": "sales",
}
_OTHERS: Mapping[str, tuple[str, str]] = {
    "spend": (
        "What a campaign cost on a day, in one currency.",
        "`campaign` as leads name it, `day` of the workspace's time zone, `currency`, `amount`, `updated_at`",
    ),
    "shares": (
        "One part of a turn of a team, in leads, of one member. `part` is a column of `fairness`: what was"
        " due by weight, the differences, and what was received. Sums over `leads` are the columns of the"
        " report.",
        "`team_id`, `number` in the ledger of the team, `at`, `assignment_id`, `owner_id`, `part`, `leads`",
    ),
}


def each() -> str:
    """Every view: its rows, what its columns mean, and their names."""
    parts = [f"Columns of all views of facts:\n\n{_text(Cuts)}\n\n{_names(Cuts)}"]
    for kind, (table, _) in FACT_TABLES.items():
        parts.append(f"#### reports.{_NAMES[table]}\n\n{_text(kind)}\n\n{_names(kind)}")
    parts += [
        f"#### reports.{name}\n\n{text}\n\nColumns: {columns}." for name, (text, columns) in _OTHERS.items()
    ]
    return "\n\n".join(parts)


def _text(kind: type[Fact] | type[Cuts]) -> str:
    """The words of the class, of which modules mean nothing to a reader."""
    words = re.sub(r" \(`app\.[a-z.]+`\)", "", inspect.cleandoc(kind.__doc__ or ""))
    return words.replace("None ", "NULL ")


def _names(kind: type[Fact] | type[Cuts]) -> str:
    shared = {each.name for each in fields(Cuts)} if kind is not Cuts else set()
    names = (each.name for each in fields(kind) if each.name not in shared)
    return textwrap.fill(f"Columns: {', '.join(f'`{name}`' for name in names)}.", 140)
