"""Maps the columns of a file to fields of a lead: as the caller says, by field name, or by header."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import yaml

from app.cli.context import CommandError
from app.intake.headers import (
    CONSENT_RECORD,
    DERIVED,
    FULL_NAME,
    KEEP,
    NAME_OR_PART,
    OBJECTS,
    Export,
    Guess,
    attribute_name,
    export_of,
    fold_name,
    guess_field,
    meant_field,
    other_part,
)
from app.plan.language.fields import LEAD
from app.plan.language.spelling import did_you_mean

IGNORE = "-"
"""The mapping of a column to skip."""
_BY_CALLER = -1
"""The rank of a column that the caller mapped."""
_REMEDY = (
    "Map them with --map 'Column=field' ('Column=-' skips a column), or use --unknown-columns attributes to"
    " keep them, or --unknown-columns ignore to skip them all."
)
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*(=?)')


class UnknownColumns(StrEnum):
    """What to do with columns that match no field."""

    ERROR = "error"
    IGNORE = "ignore"
    ATTRIBUTES = "attributes"


@dataclass(slots=True)
class ColumnOptions:
    """How columns are mapped to fields.

    `extra` are columns that the command uses and that are not fields of a lead. `aliases` are their common
    headers, the preferred ones first. `used` are columns that an option of the command names. `objects` says
    whether a cell may be an object, as in lines of JSON.
    """

    mapped: Mapping[str, str] = field(default_factory=dict)
    unknown: UnknownColumns = UnknownColumns.ERROR
    extra: Collection[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    used: Collection[str] = ()
    objects: bool = True


@dataclass(slots=True)
class ColumnFields:
    """The field of each column that has one.

    `spare` are columns of a field that another column has. They fill it where the other is empty, and are
    kept as attributes.
    """

    fields: dict[str, str] = field(default_factory=dict)
    spare: dict[str, str] = field(default_factory=dict)
    export: Export | None = None

    def notes(self) -> Iterator[str]:
        """What the caller should know about columns with the same meaning."""
        first = {name: column for column, name in reversed(self.fields.items())}
        for column, name in self.spare.items():
            kept = self.fields[column]
            yield f"{column!r} fills {name} where {first[name]!r} is empty, and is kept as {kept}."


_SENDABLE = tuple(name for name in LEAD.fields if name not in DERIVED)


def read_mapping(texts: Iterable[str], path: Path | None) -> dict[str, str]:
    """Fields by column, from `Column=field, …` and from a YAML file. Raises CommandError."""
    found: dict[str, str] = {}
    if path is not None:
        try:
            written = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeError, yaml.YAMLError):
            raise CommandError(f"{path} is not valid YAML.") from None
        if not isinstance(written, dict):
            raise CommandError(f"{path} must have one line `Column: field` per column.")
        found.update({str(column): str(name) for column, name in written.items()})
    for part in (part for text in texts for part in _parts(text)):
        quoted = _QUOTED.match(part)
        if quoted and quoted[2]:
            column, name = quoted[1].replace('""', '"'), part[quoted.end() :]
        else:
            column, _, name = part.rpartition("=")
        if not column.strip() or not name.strip():
            raise CommandError(f"Write {part.strip()!r} as Column=field.")
        found[column.strip()] = name.strip()
    return found


def _parts(text: str) -> list[str]:
    """The mappings in a text. A comma separates two of them only if there is `=` on both sides.

    So a header may hold commas. One with a comma and `=` is put in quotes.
    """
    parts: list[str] = []
    held = ""
    for piece in re.findall(r'(?:"[^"]*"|[^,])+|,', text):
        held += piece
        if piece != "," and "=" in _unquoted(piece):
            parts.append(held.removeprefix(","))
            held = ""
    if held.strip(", ") and parts:
        parts[-1] += held
    elif held.strip(", "):
        parts.append(held)
    return parts


def _unquoted(text: str) -> str:
    return re.sub(r'"[^"]*"', "", text)


def fields_of(columns: Sequence[str], options: ColumnOptions) -> ColumnFields:
    """The field of each column that has one.

    Raises CommandError for unknown names, and for two columns of the same field.
    """
    mapped = _mapped(columns, options)
    found = ColumnFields(export=export_of(columns))
    ranked: dict[str, list[tuple[int, str]]] = {}
    unknown: list[str] = []
    for column in columns:
        guess = _guess(column, columns, options, found)
        if column in mapped:
            guess = Guess(mapped[column], _BY_CALLER)
        elif guess is None and options.unknown is UnknownColumns.ATTRIBUTES:
            guess = Guess(KEEP, 0)
        if guess is None:
            unknown += [] if column in options.used else [column]
        elif guess.field == KEEP:
            found.fields[column] = _attribute(column, columns)
        elif guess.field != IGNORE:
            found.fields[column] = guess.field
            ranked.setdefault(guess.field, []).append((guess.rank, column))
    if unknown and options.unknown is UnknownColumns.ERROR:
        raise CommandError(f"Unknown columns: {', '.join(map(_asked, unknown))}. {_REMEDY}")
    _spare_columns(found, ranked, columns)
    _check_single(found.fields)
    return found


def _asked(column: str) -> str:
    """An unknown column, with the field that was probably meant."""
    meant = meant_field(column)
    return f"{column!r} (did you mean {meant}?)" if meant is not None else repr(column)


def _spare_columns(
    found: ColumnFields, ranked: Mapping[str, list[tuple[int, str]]], columns: Sequence[str]
) -> None:
    """Of several columns of one field, keep the preferred ones. The others become attributes."""
    for name, pairs in ranked.items():
        best = min(rank for rank, _ in pairs)
        for rank, column in pairs:
            if rank > best:
                found.spare[column], found.fields[column] = name, _attribute(column, columns)


def _attribute(column: str, columns: Sequence[str]) -> str:
    position = columns.index(column) + 1
    return f"attributes.{attribute_name(column, position)}"


def is_known(column: str, options: ColumnOptions) -> bool:
    """Whether a column has a name with a meaning. This helps to find the separator of a table."""
    folded = fold_name(column)
    mapped = {fold_name(each) for pair in options.mapped.items() for each in pair}
    return (bool(folded) and folded in mapped) or _guess(column, (), options, ColumnFields()) is not None


def _mapped(columns: Sequence[str], options: ColumnOptions) -> dict[str, str]:
    """The caller's mapping, by the columns of the file."""
    mapped: dict[str, str] = {}
    for left, right in options.mapped.items():
        # A mapping written field first is accepted if it is unambiguous.
        swapped = not matching(columns, left) and (is_field(left) or left in options.extra)
        header, name = (right, left) if swapped else (left, right)
        found = matching(columns, header)
        if not found:
            raise no_column(header, columns)
        if name != IGNORE and name not in options.extra and not is_field(name):
            raise CommandError(
                f"{name!r} is not a field of a lead.{did_you_mean(name, _SENDABLE)} docs/plan.md lists them; "
                "your own are attributes.name."
            )
        mapped.update(dict.fromkeys(found, name))
    return mapped


def no_column(header: str, columns: Sequence[str]) -> CommandError:
    """The error for an option that names a column the file lacks."""
    return CommandError(
        f"The file has no column {header!r}. Its columns are {', '.join(map(repr, columns))}."
    )


def matching(columns: Sequence[str], header: str) -> list[str]:
    """The columns of this name, or else those with the same letters and digits."""
    exact = [each for each in columns if each == header]
    folded = fold_name(header)
    return exact or [each for each in columns if folded and fold_name(each) == folded]


def is_field(name: str) -> bool:
    """Whether this dotted name is a field that a line can set."""
    return name in (*OBJECTS, *CONSENT_RECORD, FULL_NAME) or (
        name not in DERIVED and LEAD.find(name) is not None
    )


def _guess(column: str, columns: Sequence[str], options: ColumnOptions, found: ColumnFields) -> Guess | None:
    folded = fold_name(column)
    if folded in map(fold_name, options.extra):
        return Guess(next(name for name in options.extra if fold_name(name) == folded), 0)
    if folded in options.aliases:
        return Guess(options.aliases[folded], 1 + list(options.aliases).index(folded))
    if is_field(column) and column != FULL_NAME and (options.objects or column not in OBJECTS):
        return Guess(column, 0)
    guess = guess_field(column, found.export)
    if folded in NAME_OR_PART and guess and guess.field == FULL_NAME:
        return Guess(other_part({each.field for each in map(guess_field, columns) if each}), guess.rank)
    return guess


def _check_single(found: Mapping[str, str]) -> None:
    columns: dict[str, str] = {}
    for column, name in found.items():
        if name in columns:
            raise CommandError(
                f"The columns {columns[name]!r} and {column!r} both mean {name}."
                f" Skip one with --map '{column}={IGNORE}'."
            )
        columns[name] = column
