"""Cells of a table as values of a lead's fields, by the type each field has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.cli.files.rows import listed
from app.cli.files.sheets import number
from app.plan.language.fields import LEAD, Field, Kind

WORDS: Mapping[str, bool] = {
    "true": True, "yes": True, "y": True, "1": True, "ja": True, "j": True, "wahr": True,
    "false": False, "no": False, "n": False, "0": False, "nein": False, "falsch": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cells:
    """How cells are read: with a decimal comma or not, and with these fields that a plan declares itself."""

    comma: bool
    own: Mapping[str, Field]

    def value(self, name: str, cell: str) -> object:
        """The value of a cell. One that does not fit its field stays text, and is refused there."""
        known = self.own.get(name) or LEAD.find(name)
        match known.kind if known else Kind.STRING:
            case Kind.INTEGER | Kind.NUMBER:
                return number(cell, comma=self.comma)
            case Kind.ANY:
                # A leading zero says that it is no amount: an article, an account, a branch.
                return cell if _numbered(cell) else number(cell, comma=self.comma)
            case Kind.BOOLEAN:
                return WORDS.get(cell.casefold(), cell)
            case Kind.STRINGS:
                return listed(cell)
            case _:
                return cell


def _numbered(cell: str) -> bool:
    return cell.startswith("+") or (cell.startswith("0") and cell != "0" and cell[1:2] not in (".", ","))


def by_name(fields: Sequence[Field]) -> dict[str, Field]:
    """Fields by their dotted names."""
    return {each.name: each for each in fields}
