"""What is returned about personal data: exports, erasures, and how long data is kept."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.contract.responses import Int64, ResponseModel


class Recipient(ResponseModel):
    """Who outside got data of the lead: an API key that leased actions (`executor`), or a `target`."""

    kind: str
    id: str


class KeptData(ResponseModel):
    """What is kept after an erasure, and why; until when, if it ends by itself."""

    what: Literal["decisions", "suppressions", "crm_records", "erasure"]
    count: int
    reason: str
    until: datetime | None


class LeadErasure(ResponseModel):
    """What was erased, who had received it, and what is kept."""

    lead_ids: list[UUID] = Field(description="The lead, and the leads that were merged with it.")
    erased_at: datetime
    recipients: list[Recipient] = Field(description="Each of them gets one action of the type `erase`.")
    log_offered: bool = Field(description="Whether actions with data were in the log, which any reader sees.")
    kept: list[KeptData]


class ErasureEntry(ResponseModel):
    """A lead that was erased: when, and by which key or system user."""

    lead_id: UUID
    erased_at: datetime
    actor: str


class UncheckedText(ResponseModel):
    """A place where people of the workspace write, which the erasure of an owner leaves as it is."""

    what: Literal["plans", "comments", "endpoint_users", "key_labels"]
    reason: str


class OwnerErasureEntry(ResponseModel):
    """An owner who was erased: when they were deleted, and by which key or system user."""

    owner_id: str
    deleted_at: datetime
    actor: str
    state: Literal["running", "done"] = Field(
        description="While it is `running`, the history names the owner."
    )
    done_at: datetime | None
    not_changed: list[UncheckedText] = Field(
        description="Where the name of the owner may still stand, because you wrote it there."
    )


class RetentionRun(ResponseModel):
    """The last run, and how much was deleted since the first. `finished_at` is the last success."""

    started_at: datetime | None
    finished_at: datetime | None
    leads: Int64
    failed_leads: Int64
    decisions: Int64


class OldOpenLead(ResponseModel):
    """A lead that is older than leads are kept, and stays because it is open."""

    lead_id: UUID
    received_at: datetime


class Retention(ResponseModel):
    """The last run of retention, and a page of old leads that are still open."""

    run: RetentionRun | None
    open_leads: list[OldOpenLead]
    next: str | None


class LeadFields(ResponseModel):
    """The fields of a lead as they are now."""

    lead_id: UUID
    fields: dict[str, Any]


class LeadExport(ResponseModel):
    """Everything that is held about the person behind a lead."""

    lead_ids: list[UUID] = Field(description="The lead, and the leads that were merged with it.")
    exported_at: datetime
    fields: list[LeadFields]
    held: dict[str, list[dict[str, Any]]] = Field(
        description="The stored rows by section: keys, decisions, events, clocks, actions, and others."
    )
