"""What a plan says about enrichment: who is asked for facts that a lead came without."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from app.plan.findings import Faults, Finding, fault, quote
from app.plan.language.shapes import Duration, Name, Part

ACCOUNTS = "accounts"
"""The provider that fills fields from the matched account."""
FILLABLE = (
    "company", "website", "country", "state", "city", "postal_code", "language", "industry", "employees",
    "annual_revenue", "customer_status", "tier", "timezone", "title",
)  # fmt: skip
"""The fields that may be filled, besides custom attributes. None of them identifies or reaches a person."""
OF_ACCOUNTS = {
    "industry": "attributes.industry",
    "employees": "attributes.employees",
    "annual_revenue": "attributes.annual_revenue",
    "country": "country",
    "state": "attributes.state",
    "city": "city",
    "postal_code": "postal_code",
    "customer_status": "customer_status",
    "tier": "tier",
}
"""What `accounts` fills by default, and where it stands in the account."""
MIN_EMPTY, MAX_EMPTY = timedelta(minutes=15), timedelta(hours=24)
MIN_RECHECK, MAX_RECHECK = timedelta(minutes=1), timedelta(days=7)
_MILLISECONDS = re.compile(r"([0-9]{1,5})(ms|s)")
_ATTRIBUTE = re.compile(r"attributes\.[^.\x00-\x1f\x7f]{1,255}")
_MAX_WAIT = timedelta(seconds=10)


def _wait(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _MILLISECONDS.fullmatch(value) if isinstance(value, str) else None
    found = timedelta(milliseconds=int(match[1]) * (1000 if match[2] == "s" else 1)) if match else None
    if found is None or not timedelta() < found <= _MAX_WAIT:
        raise fault("invalid_duration", "Must be an integer with ms or s, at most 10s, such as 300ms.")
    return found


def _written(wait: timedelta) -> str:
    return f"{round(wait.total_seconds() * 1000)}ms"


def _kept_empty(duration: timedelta) -> timedelta:
    if not MIN_EMPTY <= duration <= MAX_EMPTY:
        raise fault("out_of_range", "Must be from 15m to 24h.")
    return duration


def _recheck(duration: timedelta) -> timedelta:
    if not MIN_RECHECK <= duration <= MAX_RECHECK:
        raise fault("out_of_range", "Must be from 1m to 7d.")
    return duration


def _fillable(names: dict[str, str]) -> dict[str, str]:
    for name in names:
        if name not in FILLABLE and not _ATTRIBUTE.fullmatch(name):
            known = ", ".join(FILLABLE)
            raise fault(
                "not_allowed", f"Cannot be filled. Use one of {known}, or attributes.NAME.", quote(name)
            )
    return names


Wait = Annotated[
    timedelta,
    PlainValidator(_wait),
    PlainSerializer(_written),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,5}(ms|s)$", "examples": ["300ms", "1s"]}),
]
"""An integer with ms or s, at most 10 seconds."""

Fill = Annotated[dict[str, Annotated[str, Field(min_length=1, max_length=255)]], AfterValidator(_fillable)]


class ProviderEntry(Part):
    """One provider that is asked."""

    provider: Name = Field(description="The provider: accounts, http, or one that is installed.")
    name: Name | None = Field(
        None, description="Its name in `degraded` and `origins`. The default is that of the provider."
    )
    fill: Fill = Field(
        default_factory=dict,
        description="The fields that it fills, and where each value stands in its answer, such as "
        "`{employees: company.size}`. Without it a provider fills what it fills by default.",
    )
    timeout: Wait = Field(timedelta(milliseconds=250), description="How long one call may take.")
    cache: Duration = Field(
        timedelta(days=30), description="How long an answer is used again. 0 asks for every lead."
    )
    cache_empty: Annotated[Duration, AfterValidator(_kept_empty)] = Field(
        timedelta(hours=1), description="How long an answer without a value is used again: 15m to 24h."
    )
    max_failures: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        5, description="After so many failures in a row it is not called for a while."
    )
    open_for: Annotated[Duration, Field(gt=timedelta())] = Field(
        timedelta(seconds=15), description="How long it is not called then, before one call tries it."
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="What the provider itself needs.")

    @property
    def shown(self) -> str:
        """Its name in decisions."""
        return self.name or self.provider


class Enrichment(Part):
    """Facts that are found out about a lead that came without them."""

    deadline: Wait = Field(
        timedelta(milliseconds=300), description="How long a lead waits for all providers together."
    )
    providers: tuple[ProviderEntry, ...] = Field(
        min_length=1,
        max_length=20,
        description="Who is asked, all at the same time. Where several have a value, the first one counts.",
    )

    recheck: Annotated[Duration, AfterValidator(_recheck)] | None = Field(
        None,
        description="When a provider failed, a new lead that nobody has touched is decided again after this "
        "time, once: 1m to 7d. The default is never.",
    )

    @model_validator(mode="after")
    def _named_once(self) -> "Enrichment":
        seen: set[str] = set()
        findings = []
        for position, entry in enumerate(self.providers):
            if entry.shown in seen:
                text = f"Two providers are named {quote(entry.shown)}. Give one another name."
                findings.append(Finding(f"providers[{position}]", "duplicate_name", text))
            seen.add(entry.shown)
        if findings:
            raise Faults(*findings)
        return self

    @property
    def from_accounts(self) -> bool:
        """Whether fields are filled from the account of a lead."""
        return any(entry.provider == ACCOUNTS for entry in self.providers)
