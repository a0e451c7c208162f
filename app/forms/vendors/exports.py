"""Leads as a person takes them out of a form tool: the file of an export, or what its interface returned."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from app.contract.separators import dialect, find_separator
from app.forms.vendors.base import Delivery, FormRequest, FormTerms, Unreadable
from app.forms.vendors.bodies import parse_json
from app.forms.vendors.fields import map_fields
from app.forms.vendors.form_field import FormField
from app.forms.vendors.linkedin import LinkedIn
from app.forms.vendors.meta import AROUND, Meta
from app.intake.headers import fold_name, guess_field
from app.webhooks.vendors.payloads import identifier, mapping

MAX_ROWS: Final = 10_000
_LISTS: Final = ("data", "elements", "items", "leads")
_IDS: Final = frozenset(("id", "leadid", "leadgenid", "responseid", "submissionid", "leadformresponseid"))
_TIMES: Final = frozenset(("createdtime", "createdat", "submittedat"))
_PREFIX: Final = re.compile(r"^(?:l|ag|as|c|f|p):(?=[+0-9])")
"""What the exports of Meta write before ids and numbers, so that spreadsheets leave them alone."""


@dataclass(frozen=True, slots=True)
class ExportedLead:
    """A lead of a file. `record` is the id that a notification names it by, None if the row has none."""

    record: str | None
    delivery: Delivery | None


def read_export(kind: str, raw: bytes, is_json: bool, terms: FormTerms) -> list[ExportedLead]:
    """The leads of a file: a table, or JSON in the shape of the tool's interface or flat.

    Raises Unreadable for a file that is neither.
    """
    rows = _rows_of_json(raw) if is_json else _rows_of_table(raw)
    if len(rows) > MAX_ROWS:
        raise Unreadable(f"has more than {MAX_ROWS} rows")
    return [_exported(kind, row, terms) for row in rows]


def _exported(kind: str, row: Mapping[str, Any], terms: FormTerms) -> ExportedLead:
    record = next((found for name, value in row.items() if (found := _id(name, value))), None)
    if record is None:
        return ExportedLead(None, None)
    try:
        return ExportedLead(record, replace(_delivery(kind, row, record, terms), record=record))
    except Unreadable:
        return ExportedLead(record, None)


def _delivery(kind: str, row: Mapping[str, Any], record: str, terms: FormTerms) -> Delivery:
    if "formResponse" in row:
        return LinkedIn().parse(_request(row), terms)[0]
    if "field_data" in row:
        return Meta().parse(_request(row), terms)[0]
    left = {name: value for name, value in row.items() if fold_name(name) not in _IDS}
    if kind == "meta":
        around = {name: value for name, value in left.items() if name in AROUND or name == "created_time"}
        answers = [{"name": name, "values": [value]} for name, value in left.items() if name not in around]
        return Meta().parse(_request({**around, "id": record, "field_data": answers}), terms)[0]
    fields = [
        FormField(name, value, label=name) for name, value in left.items() if fold_name(name) not in _TIMES
    ]
    found = map_fields(fields, terms.mapping)
    return Delivery("lead", record, lead=found.lead, flags=found.flags, unmapped=found.unmapped)


def _request(document: Mapping[str, Any]) -> FormRequest:
    return FormRequest(headers={"content-type": b"application/json"}, body=orjson.dumps(document))


def _id(name: str, value: Any) -> str | None:
    if fold_name(name) not in _IDS:
        return None
    id_ = identifier(value)
    return id_.rpartition(":")[2] if id_ else None


def _rows_of_json(raw: bytes) -> list[Mapping[str, Any]]:
    document = parse_json(_text(raw))
    if isinstance(document, dict):
        inner = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), None)
        document = [document] if inner is None else inner
    if not isinstance(document, list):
        raise Unreadable("is neither an object nor a list")
    return [mapping(each) for each in document]


def _rows_of_table(raw: bytes) -> list[Mapping[str, Any]]:
    lines = _text(raw).splitlines(keepends=True)
    separator = find_separator(lines, lambda column: guess_field(column) is not None)
    try:
        header, *rows = [
            row for row in csv.reader(lines, strict=True, **dialect(separator)) if any(map(str.strip, row))
        ] or [[]]
    except csv.Error:
        raise Unreadable("is not a table") from None
    return [_cells(header, row) for row in rows]


def _cells(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    cells = zip(header, row, strict=False)
    return {name.strip(): _PREFIX.sub("", cell.strip(), count=1) for name, cell in cells if cell.strip()}


def _text(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
