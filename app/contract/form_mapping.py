"""The mapping of a form's endpoint: which field of the form means what."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from app.contract.faults import invalid
from app.contract.requests import ConsentInput, CrmIds, LeadFields
from app.contract.types import RecordModel, ShortText
from app.errors import Fault, Path

_IS_PATH = ("$.", "$[")
_PATH = re.compile(
    r"\$(?:\.?(?!\*)[^.\[\]]+|\[[0-9]{1,6}\]|\[\*\]|\[[^\]=?'\"]+=[^\]]*\]|\[(?:'[^']*'|\"[^\"]*\")\])+"
)
_OPEN = ("attributes.", "utm.", "click_ids.")
_NESTED = frozenset(("attributes", "utm", "click_ids", "consent", "crm"))
LEAD_FIELDS = frozenset(
    (
        *(LeadFields.model_fields.keys() - _NESTED - {"engagement"}),
        *(f"consent.{name}" for name in ConsentInput.model_fields),
        *(f"crm.{name}" for name in CrmIds.model_fields),
        "name",
    )
)
"""What a field of a form can mean. `name` is a whole name. There are also `attributes.`, `utm.`
and `click_ids.`."""


def _meaning(name: str) -> str:
    known = name in LEAD_FIELDS or any(name.startswith(each) and name != each for each in _OPEN)
    if not known:
        raise invalid(
            "unknown_field", "must be a field of a lead, such as email, utm.source or attributes.size"
        )
    return name


def _listed(sent: list[str] | str) -> list[str]:
    return [sent] if isinstance(sent, str) else sent


LeadField = Annotated[ShortText, AfterValidator(_meaning)]
Places = Annotated[ShortText | Annotated[list[ShortText], Field(max_length=20)], AfterValidator(_listed)]


class FormMapping(RecordModel):
    """Which field of the form means what.

    A place is the key, the label or the stable name of a field, or for kind `generic` a path such as
    `$.contact.emails[0].value`. Of several places the first that holds something counts.
    """

    fields: Annotated[dict[LeadField, Places], Field(max_length=200)] = Field(
        {}, description="Where each field of the lead stands."
    )
    constants: Annotated[dict[LeadField, Any], Field(max_length=50)] = Field(
        {}, description="Fields of the lead that are the same for every delivery, unless it says otherwise."
    )
    ignore: Annotated[list[ShortText], Field(max_length=200)] = Field(
        [], description="Fields of the form that are not kept, not even as attributes."
    )
    items: ShortText | None = Field(
        None, description="Kind `generic`: the path of a list, each element of which is a delivery."
    )
    id: Places = Field([], description="Kind `generic`: what is the same whenever a delivery is repeated.")
    record: Places = Field([], description="Kind `generic`: the id of the person or submission in the tool.")
    at: Places = Field([], description="Kind `generic`: when it happened.")
    test: Places = Field([], description="Kind `generic`: whether it is a test.")
    when: Annotated[dict[ShortText, list[Any]], Field(max_length=20)] = Field(
        {},
        description="Kind `generic`: paths and the values they must have. Other deliveries are ignored.",
    )


def unreadable_paths(mapping: Mapping[str, Any]) -> Iterator[Fault]:
    """The places of a valid mapping that are meant as paths and lead nowhere, whatever the body is."""
    for name, sent in mapping.items():
        for path, found in _places_in(name, sent):
            for place in [found] if isinstance(found, str) else found or ():
                if place.startswith(_IS_PATH) and not _PATH.fullmatch(place):
                    yield Fault(path, "invalid_format", "must be a path such as $.contact.emails[0].value")


def _places_in(name: str, sent: Any) -> Iterator[tuple[Path, Any]]:
    if name in ("items", "id", "record", "at", "test"):
        yield (name,), sent
    elif name == "fields":
        yield from (((name, field), each) for field, each in sent.items())
    elif name == "when":
        yield from (((name, place), place) for place in sent)
