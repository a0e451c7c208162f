"""Finds the separator of a table from its first lines, with quoted text respected."""

import csv
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import TypedDict

SEPARATORS = (",", ";", "\t", "|")
SAMPLE_LINES = 50


def find_separator(lines: Iterable[str], known: Callable[[str], bool]) -> str:
    """The separator that splits the first lines best. A comma if there is none.

    The names that the header gives its columns count most (`known`), then how many rows have as many cells
    as the header, then the number of columns.
    """
    sample = list(islice(lines, SAMPLE_LINES))
    return max(SEPARATORS, key=lambda separator: _score(sample, separator, known))


class Dialect(TypedDict):
    """What `csv.reader` must know of a table."""

    delimiter: str
    skipinitialspace: bool


def dialect(separator: str) -> Dialect:
    """How cells are separated. A space before a quotation mark does not hide it."""
    return {"delimiter": separator, "skipinitialspace": separator != " "}


def _score(sample: Sequence[str], separator: str, known: Callable[[str], bool]) -> tuple[int, int, int]:
    header, *rows = _rows(sample, separator) or [[]]
    if len(header) < 2:
        return (0, 0, len(header))
    alike = sum(len(row) == len(header) for row in rows)
    return (sum(known(cell.strip()) for cell in header), alike, len(header))


def _rows(sample: Sequence[str], separator: str) -> list[list[str]]:
    """The rows up to the first one with unbalanced quotation marks, without empty ones.

    A header with such marks is split as it is.
    """
    rows: list[list[str]] = []
    reader = csv.reader(sample, strict=True, **dialect(separator))
    with suppress(csv.Error):
        rows.extend(row for row in reader if any(cell.strip() for cell in row))
    return rows or [line.split(separator) for line in sample if line.strip()][:1]
