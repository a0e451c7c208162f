"""Which field of a lead stands for a field of Salesforce, and of which type it is."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.plan.document.own_fields import ATTRIBUTES, TYPES
from app.plan.language.fields import LEAD, Kind
from app.salesforce.errors import NotCarried, UnreadableFile
from app.salesforce.metadata_xml import parse_metadata
from app.values.xml_elements import Element

STANDARD: Mapping[str, str] = {
    "Country": "country", "CountryCode": "country", "State": "state", "StateCode": "state",
    "PostalCode": "postal_code", "City": "city", "LeadSource": "source", "Company": "company",
    "Industry": "industry", "NumberOfEmployees": "employees", "AnnualRevenue": "annual_revenue",
    "Email": "email", "Phone": "phone", "Title": "title", "FirstName": "first_name", "LastName": "last_name",
    "Website": "website", "Id": "crm.lead_id",
}  # fmt: skip
"""Fields of Salesforce that have a field of ours. All others become custom attributes."""

_STANDARD_TYPES: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("IsConverted", "HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall", "IsUnreadByOwner",
         "IsDeleted"),
        Kind.BOOLEAN,
    ),
    **dict.fromkeys(("Latitude", "Longitude"), Kind.NUMBER),
    **dict.fromkeys(
        ("CreatedDate", "LastModifiedDate", "LastActivityDate", "LastTransferDate", "ConvertedDate",
         "EmailBouncedDate", "LastViewedDate", "SystemModstamp"),
        Kind.TIMESTAMP,
    ),
    **dict.fromkeys(
        ("Description", "Street", "Address", "MobilePhone", "Fax", "Salutation", "Status", "Rating", "Name",
         "MiddleName", "Suffix", "RecordTypeId", "RecordType", "OwnerId", "Owner", "CreatedById",
         "LastModifiedById", "Jigsaw", "EmailBouncedReason", "GeocodeAccuracy"),
        Kind.STRING,
    ),
}  # fmt: skip
_TYPES: Mapping[str, Kind] = {
    "checkbox": Kind.BOOLEAN, "number": Kind.NUMBER, "currency": Kind.NUMBER, "percent": Kind.NUMBER,
    "summary": Kind.NUMBER, "date": Kind.TIMESTAMP, "datetime": Kind.TIMESTAMP,
    "multiselectpicklist": Kind.STRINGS,
}  # fmt: skip
"""Kinds by the types of the object file, in lower case. All others are strings."""

_ATTRIBUTE = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63}){0,6}")
NAMES_OF_USERS = frozenset(("OwnerId", "Owner", "CreatedById", "LastModifiedById"))
NAMES_OF_RECORD_TYPES = frozenset(("RecordTypeId", "RecordType"))


@dataclass(frozen=True, slots=True)
class OurField:
    """A field of the lead. `kind` is ANY for an attribute whose type is not known yet.

    `dates_only` marks a field that holds days without a time.
    """

    name: str
    kind: Kind
    dates_only: bool = False

    @property
    def is_attribute(self) -> bool:
        """Whether it is a custom attribute."""
        return self.name.startswith(ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The caller's own mapping, by lower-case name, and the types of the object file."""

    mapped: Mapping[str, OurField] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> OurField:
        """Our field for a field of Salesforce, such as `Lead.Country`. Raises NotCarried."""
        api_name = name.removeprefix("Lead.")
        mapped = self.mapped.get(name.casefold()) or self.mapped.get(api_name.casefold())
        if mapped is not None:
            return mapped if mapped.kind is not Kind.ANY else OurField(mapped.name, *self._type_of(api_name))
        if "." in name and not name.startswith("Lead."):
            raise NotCarried(f"{name} is not a field of the lead. Map it with --fields if you can send it")
        if api_name in STANDARD:
            ours = STANDARD[api_name]
            known = LEAD.find(ours)
            return OurField(ours, known.kind if known else Kind.STRING)
        if not _ATTRIBUTE.fullmatch(api_name):
            raise NotCarried(f"{name} cannot be the name of an attribute. Map it with --fields")
        return OurField(ATTRIBUTES + api_name, *self._type_of(api_name))

    def _type_of(self, api_name: str) -> tuple[Kind, bool]:
        written = self.types.get(api_name.casefold())
        if written is None:
            return _STANDARD_TYPES.get(api_name, Kind.ANY), False
        return _TYPES.get(written, Kind.STRING), written == "date"


def read_object_types(raw: bytes) -> dict[str, str]:
    """The type of each field in an object file or in the file of one field, in lower case.

    Raises UnreadableFile.
    """
    root = parse_metadata(raw, ("CustomObject", "CustomField"))
    fields = [root] if root.name == "CustomField" else root.all("fields")
    found = ((each.value("fullName"), _type(each)) for each in fields)
    return {name.rpartition(".")[2].casefold(): type_ for name, type_ in found if name and type_}


def _type(element: Element) -> str | None:
    written = element.value("type")
    return written.casefold() if written else None


def read_field_map(text: str) -> dict[str, OurField]:
    """Our fields by the lower-case names of Salesforce's fields, from the lines of a CSV file.

    Each line has a field of Salesforce, a field of the lead, and, for a custom attribute, its type if you
    want to say it. A header is optional. Raises UnreadableFile.
    """
    text = text.removeprefix("\ufeff")
    delimiter = next((each for each in (",", ";", "\t") if each in text.partition("\n")[0]), ",")
    found: dict[str, OurField] = {}
    for line, cells in enumerate(_rows(text, delimiter), 1):
        row = [cell.strip() for cell in cells]
        if not any(row) or (line == 1 and _is_header(row)):
            continue
        if len(row) < 2 or not row[0] or not row[1]:
            raise UnreadableFile(f"line {line}: write a field of Salesforce, a comma and a field of the lead")
        found[row[0].casefold()] = _mapped(line, row[1], row[2] if len(row) > 2 else "")
    return found


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        raise UnreadableFile("is not well-formed CSV") from None


def _is_header(row: list[str]) -> bool:
    """Whether a first line names the columns: neither of its cells is a field."""
    known = row[0] in STANDARD or row[0] in _STANDARD_TYPES or "." in row[0] or "__" in row[0]
    return not known and (len(row) < 2 or LEAD.find(row[1]) is None)


def _mapped(line: int, name: str, type_: str) -> OurField:
    known = LEAD.find(name)
    attribute = name.startswith(ATTRIBUTES)
    if known is None or (attribute and not _ATTRIBUTE.fullmatch(name.removeprefix(ATTRIBUTES))):
        hint = "docs/plan.md lists them; your own are attributes.name"
        raise UnreadableFile(f"line {line}: {name!r} is not a field of a lead. {hint}")
    if type_ and (type_ not in TYPES or not attribute):
        raise UnreadableFile(f"line {line}: the type must be one of {', '.join(TYPES)}, for an attribute")
    return OurField(name, Kind(type_) if type_ else known.kind)
