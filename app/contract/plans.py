"""The versions of a routing plan: the bodies that callers send, and the versions as returned."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.contract.findings import FindingDetail
from app.contract.requests import LeadInput
from app.contract.responses import ResponseModel
from app.contract.types import RequestModel, RequiredId, Trigger


class PlanComment(RequestModel):
    """A comment for the change log."""

    comment: str | None = Field(None, max_length=1000)


class LeadToTry(RequestModel):
    """A lead that a version of the plan decides as a dry run."""

    lead: LeadInput
    trigger: Trigger | None = Field(None, description="What happened. The default is `form`.")
    exclude: Annotated[list[RequiredId], Field(max_length=100)] | None = Field(
        None, description="Owners who must not get the lead."
    )


class PlanVersion(ResponseModel):
    """A version of the plan, and whether it is active."""

    version: int
    author: str
    comment: str | None
    created_at: datetime
    activated_at: datetime | None
    active: bool


class CheckedPlanVersion(PlanVersion):
    """A version with its findings. `ok` is true when it can be published."""

    findings: list[FindingDetail]
    ok: bool
    tests_run: int | None = Field(
        description="The number of tests of the plan that ran. null when they did not run, because of errors."
    )
    clocks_withdrawn: int = Field(
        description="The number of running clocks that were withdrawn because the plan lost their SLA."
    )


class PlanVersionDetail(CheckedPlanVersion):
    """A version with its findings and the plan itself, as data and as the text that was sent."""

    document: dict[str, Any]
    source_text: str
