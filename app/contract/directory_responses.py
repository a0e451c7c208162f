"""The directory's records as they are returned, and what their edits answer."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.contract.directory import (
    AbsenceInput,
    AccountInput,
    CalendarInput,
    MemberInput,
    OwnerInput,
    TeamInput,
)
from app.contract.findings import FindingDetail
from app.contract.responses import Int64, ResponseModel


class StoredRecord(ResponseModel):
    """The fields of every stored record. `revision` is also its ETag."""

    id: str
    revision: Int64
    updated_at: datetime
    findings: list[FindingDetail] | None = Field(None, description="Present only in the response to a write.")


class Owner(OwnerInput, StoredRecord):
    """A stored owner."""


class Mention(ResponseModel):
    """A place that names an owner: a path in a record of the directory, or in the active plan."""

    resource_type: Literal["plans", "tables", "teams", "owners", "accounts", "absences"]
    resource_id: str
    path: str


class OwnerUpdate(Owner):
    """A stored owner after a change. The last fields are present only when it made the owner inactive."""

    job_id: UUID | None = Field(None, description="The bulk job that moves the owner's open leads.")
    named_in: list[Mention] | None = Field(None, description="Every place that still names the owner.")


class OwnerRemoval(ResponseModel):
    """What became of the open leads of a deleted owner, and every place that still names the owner."""

    job_id: UUID
    named_in: list[Mention]


class OpenLead(ResponseModel):
    """A lead and its open assignment."""

    lead_id: UUID
    assignment_id: UUID


class MemberRemoval(ResponseModel):
    """The open leads that the former member has through the team; `items` are the first of them.

    `job_id` is the bulk job that moves them, null if they stay.
    """

    open_leads: int
    items: list[OpenLead]
    job_id: UUID | None


class Team(TeamInput, StoredRecord):
    """A stored team."""


class Calendar(CalendarInput, StoredRecord):
    """A stored calendar."""


class Account(AccountInput, StoredRecord):
    """A stored account."""


class Absence(AbsenceInput, ResponseModel):
    """A stored absence."""

    id: str
    assumed_timezone: str | None = Field(
        None, description="The time zone in which times without an offset were read. Null if all had one."
    )
    entered_at: datetime | None = None
    origin: Literal["crm"] | None = Field(
        None, description="`crm` for an absence that a CRM began, and that the CRM ends."
    )


class MemberDetail(MemberInput, ResponseModel):
    """A member and their current place in the team's rotation.

    `balance` is how far the member is behind (+) or ahead (-); one lead is 10^12.
    """

    balance: Int64
    turns: int
    open_leads: int
    eligible: bool
    code: str | None
    available_at: datetime | None


class TeamDetail(Team):
    """A stored team with the balance and availability of each member."""

    members: list[MemberDetail]  # type: ignore[assignment]
    next_owner: str | None = Field(
        description="Who gets the next lead of the team if it comes now and has no special requirements. null"
        " for nobody."
    )


class OwnerStatus(ResponseModel):
    """What an owner has now, and whether they can take a lead without special requirements.

    `today` and `this_week` count leads in the owner's time zone. `code` says why they cannot take one, as in
    a trace, and `available_at` until when. Limits of a team are in `GET /teams/{id}`.
    """

    open_leads: int
    today: int
    this_week: int
    code: str | None
    available_at: datetime | None
    teams: list[str]


class LedgerEntry(ResponseModel):
    """One row of a team's ledger.

    `changes` is what it added to each member's balance; one lead is 10^12. The changes sum to zero.
    """

    number: Int64
    cause: str
    chosen: str | None
    assignment_id: UUID | None
    at: datetime
    changes: dict[str, Int64]


class Change(ResponseModel):
    """One entry of the change log. `actor` is the id of the API key that was used.

    Of a reassignment, `comment` is its reason, as long as the decision or the job has it, and of a single
    one, `reason_code` is the code of the decision.
    """

    version: Int64
    at: datetime
    actor: str
    resource_type: str
    resource_id: str
    action: Literal["put", "delete", "draft", "publish", "rollback"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    comment: str | None
    reason_code: str | None
