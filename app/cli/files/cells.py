"""Converts the cells of a table to the types of a lead's fields."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.cli.files.rows import split_list
from app.cli.files.sheets import number
from app.plan.language.fields import LEAD, Field, Kind

_LONG_DIGITS = re.compile(r"-?[0-9]{16,}")


@dataclass(frozen=True, slots=True)
class Cells:
    """How cells are read: with a decimal comma or not, and with the fields that the plan declares."""

    comma: bool
    own: Mapping[str, Field]

    def value(self, name: str, cell: str) -> object:
        """The value of a cell. Intake reads the numbers, booleans and dates of known fields."""
        known = self.own.get(name) or LEAD.find(name)
        match known.kind if known else Kind.STRING:
            case Kind.ANY:
                return cell if _is_identifier(cell) else number(cell, comma=self.comma)
            case Kind.STRINGS:
                return split_list(cell)
            case _:
                return cell


def _is_identifier(cell: str) -> bool:
    """Whether a leading zero, a plus or many digits mark an article, an account or an ad."""
    if cell.startswith("+") or _LONG_DIGITS.fullmatch(cell):
        return True
    return cell.startswith("0") and cell != "0" and cell[1:2] not in (".", ",")


def by_name(fields: Sequence[Field]) -> dict[str, Field]:
    """Fields by their dotted names."""
    return {each.name: each for each in fields}
