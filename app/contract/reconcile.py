"""Records that somebody read in a CRM, and lists of what a CRM has, to compare with what is stored."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from app.contract.bulk_jobs import BulkJobReference
from app.contract.faults import invalid
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import ResponseModel
from app.contract.types import RequestModel, RequiredId, Timestamp

MAX_RECORDS = 200
MAX_LISTED = 10_000
RECORD_LIMITS = BodyLimits(size=2048 * KIB)
LIST_LIMITS = BodyLimits(size=8192 * KIB, items=MAX_LISTED, seconds=60)


def _id_as_text(sent: object) -> object:
    """An id. Some CRMs write theirs as numbers."""
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent


CrmId = Annotated[RequiredId, BeforeValidator(_id_as_text, json_schema_input_type=int | str)]


class ReadRecord(RequestModel):
    """A record as it is in the CRM now. `fields` have the CRM's names."""

    object: RequiredId = Field(description="Singular and lowercase: contact, lead, deal, call and so on.")
    id: CrmId
    fields: dict[str, Any] = Field(default_factory=dict, description="All fields that the mapping uses.")
    at: Timestamp | None = Field(None, description="When the record was changed last, by the CRM's clock.")
    deleted: bool = Field(False, description="The CRM does not have the record any more.")


class RecordsRequest(RequestModel):
    """Records that `read_record` actions asked for."""

    endpoint: RequiredId
    records: Annotated[list[ReadRecord], Field(min_length=1, max_length=MAX_RECORDS)]


class TakenRecord(ResponseModel):
    """What became of a record.

    `done`: it is taken; `code` says what came of it, such as `routed`, `followed` or `nothing_new`.
    `waiting`: it belongs to no lead yet. `failed`: its data or the endpoint's mapping are at fault.
    """

    object: str
    id: str
    result: Literal["done", "waiting", "failed"]
    code: str | None
    lead_id: UUID | None


class RecordsResult(ResponseModel):
    """What became of each record, in the order of the request."""

    items: list[TakenRecord]


class ListedLead(RequestModel):
    """A lead as the CRM lists it. Without an `object` it is what this kind of CRM calls a lead."""

    id: CrmId
    object: RequiredId | None = None
    owner: CrmId | None = Field(None, description="The CRM's id of the user, queue or team; null for nobody.")
    modified_at: Timestamp | None = Field(None, description="When the record was changed last.")


class ReconcileRequest(RequestModel):
    """The CRM's list of its leads, as it was at a time."""

    endpoint: RequiredId
    as_of: Timestamp = Field(description="When the CRM made the list. What changed here later is left alone.")
    complete: bool = Field(False, description="The list has every record of the objects in it.")
    apply: bool = Field(False, description="Move the leads that differ. Without it, nothing changes.")
    leads: Annotated[list[ListedLead], Field(max_length=MAX_LISTED)]


CompareResult = Literal[
    "owner_differs", "changed_here", "write_under_way", "no_owner", "unknown_owner", "unknown_record",
    "not_a_lead", "missing",
]  # fmt: skip


class Difference(ResponseModel):
    """A lead that is stored differently than the list says.

    - `owner_differs`:   the lead has moved `to` another owner or queue in the CRM.
    - `changed_here`:    it changed here after the list was made, and is left alone.
    - `write_under_way`: the owner here is newer than the record, and on its way to the CRM.
    - `no_owner`:        nobody has it in the CRM; it is left alone.
    - `unknown_owner`:   no owner or queue here has this id.
    - `unknown_record`:  no lead here is this record.
    - `not_a_lead`:      the mapping of the endpoint does not take such an object for a lead.
    - `missing`:         it is open here, and a complete list does not have it.
    """

    object: str | None
    id: str
    result: CompareResult
    crm_owner: str | None = Field(description="The owner of the list.")
    lead_id: UUID | None
    owner: str | None = Field(description="The owner here.")
    queue: str | None = Field(description="The queue here.")
    to_owner: str | None
    to_queue: str | None


class CompareCounts(ResponseModel):
    """How many leads have which result. `other_record` are further records of a lead, which do not count."""

    same: int
    owner_differs: int
    changed_here: int
    write_under_way: int
    no_owner: int
    unknown_owner: int
    unknown_record: int
    other_record: int
    not_a_lead: int
    missing: int


class ReconcileResult(ResponseModel):
    """Where the list differs from what is stored. `job` moves the leads, if anything was to be applied."""

    counts: CompareCounts
    job: BulkJobReference | None
    items: list[Difference]


class OutOfOffice(RequestModel):
    """When a user is out of office. Without `to` it is until the CRM says otherwise."""

    from_: Timestamp | None = Field(None, alias="from")
    to: Timestamp | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "OutOfOffice":
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise invalid("invalid_order", "must be before `to`", "from")
        return self


class ListedOwner(RequestModel):
    """A user as the CRM lists them. What is absent says nothing; `out_of_office: null` says they are in."""

    id: CrmId
    email: Annotated[str, Field(max_length=1024)] | None = None
    active: bool | None = None
    out_of_office: OutOfOffice | None = None


class ReconcileOwnersRequest(RequestModel):
    """The CRM's list of its users, as it was at a time."""

    endpoint: RequiredId
    as_of: Timestamp
    link: bool = Field(
        False, description="Store the id of users whose exact e-mail address only one owner has."
    )
    owners: Annotated[list[ListedOwner], Field(max_length=MAX_LISTED)]


UserResult = Literal[
    "unchanged", "stale", "unknown", "proposed", "linked", "deactivated", "reactivated", "away", "back"
]


class FollowedUser(ResponseModel):
    """What became of a user of the CRM. `results` can be several.

    - `deactivated`: the owner gets no more leads; the open ones are moved when nobody hands them over there.
    - `reactivated`: the owner is active again, because the CRM had deactivated them.
    - `away`, `back`: an absence began, or the one that the CRM began has ended.
    - `proposed`:    only this `owner` has the user's e-mail address; send `link: true` to link them.
    - `linked`:      the owner has the user's id from now on.
    - `unknown`:     no owner has the user's id, and none or several the address.
    - `stale`:       something newer is known.
    """

    id: str
    owner: str | None
    results: list[UserResult]


class ReconcileOwnersResult(ResponseModel):
    """The users of which there is something to say, and how many have not changed."""

    unchanged: int
    items: list[FollowedUser]
