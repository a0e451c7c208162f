"""Replaces values of columns, as `Column:value=new value` says."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.cli.context import CommandError
from app.cli.files.columns import matching, no_column


@dataclass(slots=True)
class Replacements:
    """New values by column and old value. Old values are compared without case. `""` is an empty cell."""

    written: Sequence[str]
    columns: Sequence[str]
    new: dict[str, dict[str, str]] = field(init=False, default_factory=dict)
    _used: Counter[tuple[str, str]] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        """Raises CommandError for a text that cannot be read, and for an unknown column."""
        for text in self.written:
            column, old, new = _parts(text, self.columns)
            self.new.setdefault(column, {})[old.casefold()] = new

    def applied(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """The line with new values. A cell that becomes empty is left out."""
        if not self.new:
            return dict(line)
        changed = dict(line)
        for column, values in self.new.items():
            old = changed.get(column) or ""
            new = values.get(old.strip().casefold()) if isinstance(old, str) else None
            if new is None:
                continue
            self._used[column, old.strip().casefold()] += 1
            changed[column] = new
            if not new:
                del changed[column]
        return changed

    def notes(self) -> Iterator[str]:
        """The replacements that no line needed, which may be misspelled."""
        for column, values in self.new.items():
            for old in values:
                if not self._used[column, old]:
                    yield f"No line has {old!r} in the column {column!r}, so --map-value changed nothing."


def _parts(text: str, columns: Sequence[str]) -> tuple[str, str, str]:
    """The column, the old value and the new one. The column is the longest one the text begins with."""
    left, equals, new = text.rpartition("=")
    if not equals or ":" not in left:
        raise CommandError(f"Write {text!r} as Column:value=new value.")
    ends = [at for at, letter in enumerate(left) if letter == ":"]
    for at in reversed(ends):
        for column in matching(columns, left[:at].strip()):
            return column, left[at + 1 :].strip(), new.strip()
    raise no_column(left[: ends[0]].strip(), columns)
