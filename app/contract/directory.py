"""The directory's records on the wire: what is sent, and what is answered."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from app.contract.faults import faults_of, said
from app.contract.responses import ResponseModel
from app.contract.types import Day, RequestModel, RequiredId, Timestamp
from app.errors import ValidationFailed
from app.plan.findings import Finding


def _plain(text: str) -> str:
    if "/" in text or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise said("bad_id", "must hold no control character and no slash")
    return text


def present(sent: object) -> object:
    """The same object without its nulls: null is the same as absent."""
    if isinstance(sent, Mapping):
        return {key: value for key, value in sent.items() if value is not None}
    return sent


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise said("unknown_timezone", "must be a time zone of the IANA database, such as Europe/Berlin")
    return name


def _thousandths(weight: float) -> float:
    if Decimal(str(weight)) * 1000 % 1:
        raise said("too_precise", "must have at most three decimal places")
    return weight


RecordId = Annotated[RequiredId, AfterValidator(_plain)]
PathId = Annotated[str, Path(min_length=1, max_length=255)]
Word = Annotated[str, Field(min_length=1, max_length=255)]
Words = Annotated[list[Word], Field(max_length=200)]
Limit = Annotated[int, Field(ge=0, le=1_000_000)]
Zone = Annotated[str, Field(max_length=255), AfterValidator(_zone)]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False), AfterValidator(_thousandths)]
CrmNames = Annotated[dict[Word, Word], Field(max_length=50), BeforeValidator(present)]


class RecordModel(RequestModel):
    """A part of a record: what is null takes its default."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: object) -> object:
        return present(sent)


class RollingCap(RecordModel):
    """At most `count` leads in any `hours` hours."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    hours: Annotated[float, Field(gt=0, le=744, allow_inf_nan=False)]


class CapsInput(RecordModel):
    """Upper limits; what is left out is unlimited. Days and ISO weeks are those of the owner's time zone."""

    open: Limit | None = Field(None, description="Leads at the same time.")
    per_day: Limit | None = None
    per_week: Limit | None = None
    rolling: Annotated[list[RollingCap], Field(max_length=20)] = Field(default_factory=list)


class OwnerInput(RecordModel):
    """Somebody who can own a lead."""

    name: Word | None = None
    email: Word | None = None
    role: Word | None = None
    timezone: Zone = "UTC"
    active: bool = True
    paused_until: Timestamp | None = None
    skills: Words = Field(default_factory=list)
    languages: Words = Field(default_factory=list, description="As tags; of `de-AT` the `de` counts.")
    delegate: RecordId | None = Field(None, description="The owner who stands in for this one.")
    calendar: RecordId | None = Field(None, description="When he works; always, when left out.")
    caps: CapsInput | None = None
    crm: CrmNames = Field(default_factory=dict, description="The owner's id in a CRM, by the CRM's name.")


class RampInput(RecordModel):
    """A newcomer: until the day `until` begins in his time zone, weight and caps are scaled by `factor`."""

    factor: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), AfterValidator(_thousandths)]
    until: Day


class MemberSettings(RecordModel):
    """How an owner shares in his team."""

    weight: Weight = Field(1, description="His share in proportion to the others; 0 takes no turns.")
    caps: CapsInput | None = Field(None, description="Limits on what comes to him through this team.")
    ramp: RampInput | None = Field(None, description="For a newcomer: less at first. Caps are rounded up.")


class MemberInput(MemberSettings):
    """An owner's place in a team."""

    owner: RecordId


class TeamInput(RecordModel):
    """Owners who share leads in turn, in the order that breaks ties."""

    name: Word | None = None
    members: Annotated[list[MemberInput], Field(max_length=1000)] = Field(default_factory=list)
    pick: Literal["round_robin", "least_loaded", "longest_idle"] = "round_robin"


class AbsenceInput(RecordModel):
    """A stretch of time away: from `from` until just before `to`."""

    from_: Timestamp = Field(alias="from")
    to: Timestamp
    kind: Word = "leave"

    @model_validator(mode="after")
    def _forwards(self) -> "AbsenceInput":
        if self.from_ >= self.to:
            raise said("bad_order", "must have a `from` before its `to`")
        return self


class FindingDetail(ResponseModel):
    """Something that is odd: where, which code, and what to do about it."""

    path: str
    code: str
    severity: Literal["error", "warning"]
    detail: str


class Stored(ResponseModel):
    """What every record carries. `revision` is also its ETag."""

    id: str
    revision: int
    updated_at: datetime
    findings: list[FindingDetail] | None = Field(None, description="Only after writing.")


class Owner(OwnerInput, Stored):
    """An owner as stored."""


class Team(TeamInput, Stored):
    """A team as stored."""


class Absence(AbsenceInput, ResponseModel):
    """An absence as stored."""

    id: str


def body_of(model: RecordModel) -> dict[str, Any]:
    """A record as it is stored, with every default in place."""
    return model.model_dump(mode="json", by_alias=True)


def reread(kind: type[RecordModel], body: object) -> dict[str, Any]:
    """A body that was put together here, checked like one that was sent.

    Raises Refused.
    """
    try:
        return body_of(kind.model_validate(body))
    except ValidationError as refusal:
        raise ValidationFailed(
            faults=faults_of(refusal.errors(include_input=False, include_url=False))
        ) from None


def id_of(text: str) -> str:
    """An id out of a path, fit to name a new record.

    Raises Refused.
    """
    try:
        return str(_IdBody.model_validate({"id": text}).id)
    except ValidationError as refusal:
        raise ValidationFailed(
            faults=faults_of(refusal.errors(include_input=False, include_url=False))
        ) from None


class _IdBody(RequestModel):
    id: RecordId


def findings_to_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings as they are answered."""
    return [
        {"path": each.path, "code": each.code, "severity": each.severity, "detail": each.text}
        for each in findings
    ]
