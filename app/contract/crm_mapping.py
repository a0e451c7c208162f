"""The mapping of an endpoint: which object and field of a CRM means what.

Every kind of CRM has a default. What an endpoint is given is merged over it, key by key.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from app.contract.events import EventType
from app.contract.faults import invalid
from app.contract.requests import ConsentInput, CrmIds, LeadFields
from app.contract.types import RecordModel, RequiredId, ShortText
from app.engine.life.event_table import EVENT_KINDS

Role = Literal["lead", "deal", "activity", "user", "ignore"]
_IGNORE = "ignore"
_NOT_OF_A_CRM = frozenset(("external_id", "external_id_source", "submission_id", "engagement", "utm"))
_LEAD = frozenset(
    (
        *(LeadFields.model_fields.keys() - _NOT_OF_A_CRM - {"consent", "crm", "attributes"}),
        *(f"consent.{name}" for name in ConsentInput.model_fields),
        *(f"crm.{name}" for name in CrmIds.model_fields.keys() - {"lead_id"}),
        "owner",
        "name",
    )
)
_LINKS = frozenset(("link.lead", "link.contact", "link.deal", "link"))
MEANINGS: dict[Role, frozenset[str]] = {
    "lead": _LEAD,
    "deal": frozenset(("stage", "amount", "currency", "owner")) | _LINKS,
    "activity": frozenset(("owner", "at", "for", "via")) | _LINKS,
    "user": frozenset(("active", "inactive", "away", "away_until", "name", "email")),
    "ignore": frozenset[str](),
}
"""What a field can mean, by what its object is. A lead also has `attributes.` and a name of your own."""
_ATTRIBUTES = "attributes."
FieldName = RequiredId
Values = Annotated[list[ShortText], Field(max_length=100)]


def _fact(type_: str) -> str:
    kind = EVENT_KINDS.get(type_)
    if (kind is not None and kind.order) or type_ in ("dispute_settled", "disputed", "reversed"):
        raise invalid("not_allowed", "must be a fact, such as qualified; orders are for owners")
    return type_


Fact = Annotated[EventType, AfterValidator(_fact)]


class ObjectMapping(RecordModel):
    """What one kind of record is, and what its fields mean.

    `fields` are by the CRM's names; `ignore` takes a field of the default out.
    """

    as_: Role = Field("ignore", alias="as", description="What a record is here.")
    created: Literal["route", "ignore"] = Field(
        "ignore", description="Whether a new record is routed like a lead that was sent."
    )
    fields: dict[FieldName, ShortText] = Field(
        default_factory=dict, description="What each field means, by the CRM's name of the field."
    )
    events: dict[FieldName, dict[str, Fact]] = Field(
        default_factory=dict, description="The event that a value of a field says, by field and value."
    )
    stages: dict[str, Literal["won", "lost", "open"]] = Field(
        default_factory=dict, description="For deals: what a stage means. All others are open."
    )
    event: Fact | None = Field(None, description="For activities: the event.")
    via: ShortText | None = Field(None, description="For activities: how, such as `phone`.")
    when: dict[FieldName, Values] = Field(
        default_factory=dict, description="For activities: only with one of these values, by field."
    )
    reached_when: dict[FieldName, Values] = Field(
        default_factory=dict, description="For activities: `reached` with one of these values, by field."
    )

    @model_validator(mode="after")
    def _means_something(self) -> "ObjectMapping":
        allowed = MEANINGS[self.as_]
        for name, meaning in self.fields.items():
            own = self.as_ == "lead" and meaning.startswith(_ATTRIBUTES) and len(meaning) > len(_ATTRIBUTES)
            if meaning != _IGNORE and meaning not in allowed and not own:
                raise invalid(
                    "not_allowed", "has a meaning that such an object does not have", f"fields.{name}"
                )
        return self


class RerouteOn(RecordModel):
    """A field of the CRM whose change makes the plan decide again; with `to`, only to these values."""

    field: FieldName
    to: Values | None = None


class CrmMapping(RecordModel):
    """What the events of an endpoint mean."""

    objects: dict[RequiredId, ObjectMapping] = Field(
        default_factory=dict, description="By the name of the object: lead, contact, deal, call and so on."
    )
    users: dict[RequiredId, RequiredId] = Field(
        default_factory=dict,
        description="Owners by the CRM's id of the user, where `crm` of the owner lacks it.",
    )
    queues: dict[RequiredId, RequiredId] = Field(
        default_factory=dict, description="Queues of the plan by the CRM's id of the queue or team."
    )
    reassign_on: Annotated[list[Literal["owner_cleared"] | RerouteOn], Field(max_length=100)] = Field(
        ["owner_cleared"],
        description="When the plan decides again: `owner_cleared`, or a field that changed.",
    )
    import_: Literal["record", "route"] = Field(
        "record", alias="import", description="Whether records that are imported in bulk are routed."
    )
    count_turn: bool = Field(
        False, description="Whether an owner who gets a lead from a person in the CRM takes a turn."
    )
