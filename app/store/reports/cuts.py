"""Which facts a report reads, and how it groups them: the parts of its statement, and their values.

Names of columns come from here, never from a caller; values are always parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

COLUMNS: Mapping[str, str] = {
    "owner": "{t}owner_id",
    "team": "{t}team_id",
    "step": "{t}step",
    "rule": "CASE WHEN {t}strategy = 'rule' THEN {t}step END",
    "source": "{t}source",
    "campaign": "{t}campaign",
    "channel": "{t}channel",
    "lead_type": "{t}lead_type",
    "band": "{t}band",
    "account_status": "{t}account_status",
    "form": "{t}form",
    "plan_version": "{t}plan_version::text",
}
"""The columns that every table of facts has, by the name of the dimension; `{t}` is the table and a dot."""
BUCKETS: Mapping[str, str] = {"day": "YYYY-MM-DD", "week": 'IYYY-"W"IW', "month": "YYYY-MM"}
NONE = "none"
"""In a filter: what has no value."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report reads: the workspace's facts of a time, with these values, in these groups."""

    workspace_id: int
    start: datetime
    end: datetime
    zone: str
    group_by: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Parts:
    """The parts of a statement over one table of facts, whose rows are dated by the column `time`.

    `columns` says which column another dimension than usual is, such as the owner to be credited. `table`
    goes before the columns where the statement reads several tables. Further parameters come from `add`.

        SELECT {parts.total} AS is_total, {parts.names} count(*) AS leads
          FROM (SELECT {parts.keys} response_at FROM assignment_facts WHERE {parts.where}) AS fact
        {parts.grouping}
    """

    reading: Reading
    time: str
    columns: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    values: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values[:] = [self.reading.workspace_id, self.reading.start, self.reading.end]

    def add(self, value: Any, kind: str = "") -> str:
        """A further parameter: its name in the statement."""
        self.values.append(value)
        return f"${len(self.values)}{'::' + kind if kind else ''}"

    @property
    def where(self) -> str:
        """The conditions: the workspace, the time, and the filters. It adds parameters: ask once."""
        time = f"{self._prefix}{self.time}"
        found = [f"{self._prefix}workspace_id = $1", f"{time} >= $2", f"{time} < $3"]
        for name, wanted in self.reading.filters.items():
            some = [value for value in wanted if value != NONE]
            column = self._column(name)
            either = [f"{column} = ANY ({self.add(some, 'text[]')})"] if some else []
            either += [f"{column} IS NULL"] if NONE in wanted else []
            found.append(f"({' OR '.join(either)})")
        return " AND ".join(found)

    @property
    def keys(self) -> str:
        """The columns of the groups, each with a comma behind it: `"owner", "week", `. It adds parameters."""
        return "".join(f'{self._column(name)} AS "{name}", ' for name in self.reading.group_by)

    @property
    def names(self) -> str:
        """The names of the groups over a subquery that has `keys`, each with a comma behind it."""
        return "".join(f'"{name}", ' for name in self.reading.group_by)

    @property
    def grouping(self) -> str:
        """GROUP BY for the groups and for everything together: parallel only if there are no groups."""
        names = ", ".join(f'"{name}"' for name in self.reading.group_by)
        return f"GROUP BY GROUPING SETS (({names}), ())" if names else ""

    @property
    def total(self) -> str:
        """Whether a row is about everything together, for a statement with `grouping`."""
        names = ", ".join(f'"{name}"' for name in self.reading.group_by)
        return f"GROUPING({names}) > 0" if names else "true"

    def _column(self, name: str) -> str:
        if name in BUCKETS:
            time = f"{self._prefix}{self.time} AT TIME ZONE {self.add(self.reading.zone, 'text')}"
            return f"to_char({time}, '{BUCKETS[name]}')"
        return (self.columns.get(name) or COLUMNS[name]).format(t=self._prefix)

    @property
    def _prefix(self) -> str:
        return f"{self.table}." if self.table else ""
