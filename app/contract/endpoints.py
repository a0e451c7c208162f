"""Endpoints for webhooks of CRMs: what callers send and get."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.contract.faults import invalid
from app.contract.responses import ResponseModel
from app.contract.types import RecordModel, RequestModel, RequiredId, ShortText, ShortTexts, Timestamp

EndpointKind = Literal[
    "hubspot", "salesforce", "standard", "pipedrive", "dynamics", "zoho",
    "generic", "html", "callrail", "calendly", "contact_form_7", "elementor", "google_ads", "gravity_forms",
    "hubspot_form", "intercom", "jotform", "linkedin", "meta", "typeform", "unbounce", "webflow", "wpforms",
    "zoom_webinar",
]  # fmt: skip
CRM_KINDS = frozenset(("hubspot", "salesforce", "standard", "pipedrive", "dynamics", "zoho"))
FORM_KINDS = frozenset[str](get_args(EndpointKind)) - CRM_KINDS
"""The kinds that take what forms send. Their paths begin with /forms/."""
SIGNED_FORMS = frozenset(("google_ads", "intercom", "linkedin", "meta", "zoom_webinar"))
"""Of these the kinds that refuse every delivery until they have a secret."""
FETCHED_FORMS = frozenset(("linkedin", "meta"))
"""The kinds that send only ids: what those stand for is fetched with a token."""
NEED_ORGANIZATION = frozenset(("salesforce", "dynamics"))
"""The kinds whose deliveries must name the organization of the endpoint."""


def _redirect(url: str) -> str:
    parts = urlsplit(url)
    usable = parts.scheme == "https" and parts.hostname and not parts.username and parts.password is None
    if not usable or any(letter <= " " or letter == "\\" for letter in url):
        raise invalid("invalid_format", "must be an https address without a user name")
    return url


BaseUrl = Annotated[str, Field(max_length=1024, pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$")]
RedirectUrl = Annotated[str, Field(max_length=1024), AfterValidator(_redirect)]
Secret = Annotated[str, Field(min_length=8, max_length=1024)]
Token = Annotated[str, Field(min_length=8, max_length=4096, pattern=r"^[!-~]+$")]


class EndpointOptions(RecordModel):
    """What differs between CRMs of one kind."""

    allow_v1: bool = Field(
        False, description="HubSpot: accept signatures of version 1, which have no time stamp."
    )
    user: ShortText | None = Field(
        None, description="Pipedrive: the user name of the deliveries; the secret is the password."
    )
    actor: ShortTexts = Field([], description="The ids of your own integration's users or apps in the CRM.")
    header: ShortText | None = Field(
        None, description="Forms that sign nothing: the header that holds a secret of the endpoint."
    )
    redirects: Annotated[dict[ShortText, RedirectUrl], Field(max_length=50)] = Field(
        {}, description="Kind `html`: where a visitor may be sent, by name. The form names one of them."
    )
    default_redirect: ShortText | None = Field(
        None,
        description="Kind `html`: the name in `redirects` of the page that is shown unless the form"
        " names another.",
    )
    redirect_field: ShortText = Field("redirect", description="Kind `html`: the field that names a page.")
    honeypot: ShortText | None = Field(
        None,
        description="Kind `html`: a field that people do not see. If it is filled, a robot probably did it.",
    )
    verify_token: ShortText | None = Field(None, description="Meta: the word that its handshake must name.")
    host: Literal["owner", "ignore"] = Field(
        "owner", description="Calendly: whether the host of a meeting owns a new lead."
    )
    pre_call: Literal["lead", "ignore"] = Field(
        "ignore", description="CallRail: what a call is before it has ended."
    )
    fetch_url: BaseUrl | None = Field(
        None, description="Development only: where leads are fetched instead of at the form tool."
    )
    once_field: ShortText | None = Field(
        None, description="Kind `html`: a hidden field that is different each time the page is shown."
    )

    @model_validator(mode="after")
    def _default_is_listed(self) -> "EndpointOptions":
        if self.default_redirect is not None and self.default_redirect not in self.redirects:
            raise invalid("not_allowed", "must be one of redirects", "default_redirect")
        return self


class EndpointSettings(RecordModel):
    """An endpoint as it is stored, without its secrets."""

    kind: EndpointKind
    organization_id: RequiredId | None = Field(
        None,
        description="The organization, portal or company whose deliveries are taken. Required for Salesforce"
        " and Dynamics.",
    )
    base_url: BaseUrl | None = Field(
        None, description="The public address that the CRM signs, if it differs from the setting."
    )
    active: bool = True
    expires_at: Timestamp | None = Field(None, description="When the CRM's channel to this endpoint ends.")
    options: EndpointOptions = EndpointOptions()
    mapping: dict[str, Any] = Field(
        default_factory=dict, description="What events mean. It is merged over the default of the kind."
    )

    @model_validator(mode="after")
    def _names_its_organization(self) -> "EndpointSettings":
        if self.kind in NEED_ORGANIZATION and self.organization_id is None:
            raise invalid("required", "is required for this kind", "organization_id")
        return self


class EndpointInput(EndpointSettings):
    """An endpoint. `secrets` and `token` are taken when it is created, and ignored later."""

    secrets: Annotated[list[Secret], Field(max_length=2)] = Field(
        [], description="The secrets of the CRM, the newest first. They are stored encrypted and never shown."
    )
    token: Token | None = Field(
        None,
        description="Kinds that send only ids: what leads are fetched with. It is stored encrypted and never"
        " shown.",
    )


class EndpointSecretInput(RequestModel):
    """A further secret. Of three, the oldest goes."""

    secret: Secret


class EndpointSecret(ResponseModel):
    """A secret, without the secret."""

    id: UUID
    fingerprint: str = Field(description="The first 16 hexadecimal digits of its SHA-256.")
    since: datetime
    last_used_at: datetime | None


class EndpointTokenInput(RequestModel):
    """What leads are fetched with."""

    token: Token


class EndpointToken(ResponseModel):
    """A token, without the token, and what the form tool says to it."""

    fingerprint: str = Field(description="The first 16 hexadecimal digits of its SHA-256.")
    since: datetime
    last_fetched_at: datetime | None
    problem: Literal["rate_limited", "unavailable", "unexpected", "token_invalid", "not_permitted"] | None = (
        Field(description="Why fetching failed the last time, null after a success.")
    )
    failed_at: datetime | None
    paused_until: datetime | None = Field(description="Nothing is fetched until then.")


class EndpointFinding(ResponseModel):
    """Something about an endpoint that needs attention, and the span of time that it concerns."""

    code: Literal[
        "silent", "expires_soon", "expired", "no_secret", "no_base_url", "nothing_recognized", "failures",
        "no_token", "token_invalid", "not_permitted", "fetching_fails",
    ]  # fmt: skip
    detail: str
    since: datetime | None
    until: datetime | None


class WebhookFailure(ResponseModel):
    """An event, or a whole delivery, that could not be processed. `problem` says what its code means.

    `object`, `record` and `event` are null when the delivery could not be read at all.
    """

    id: UUID
    endpoint: str
    event: str | None
    object: str | None
    record: str | None
    code: str
    problem: str
    tries: int
    received_at: datetime
    failed_at: datetime


class CrmFinding(ResponseModel):
    """Something about a record of a CRM that needs attention: why, what to do, since when and how often.

    `record` is `*` for a finding about all records of an object.
    """

    code: str
    endpoint: str
    object: str
    record: str
    lead_id: UUID | None
    cause: str
    remedy: str
    since: datetime
    last_at: datetime
    count: int


class WebhookFailureDetail(WebhookFailure):
    """A failure with the body of its delivery, or null when that is not kept any more."""

    body: str | None


class RetryInput(RequestModel):
    """The endpoint whose failures are processed again."""

    endpoint: RequiredId


class RetryResult(ResponseModel):
    """How many failures are processed again. With `has_more`, repeat the call."""

    retried: int
    has_more: bool


class Endpoint(ResponseModel):
    """An endpoint. `path` is secret: everybody who knows it can send deliveries to be checked."""

    id: str
    kind: EndpointKind
    organization_id: str | None
    base_url: str | None
    active: bool
    expires_at: datetime | None
    options: EndpointOptions
    mapping: dict[str, Any]
    path: str
    former_path: str | None = Field(description="The path before the last rotation, while it still works.")
    former_path_ends_at: datetime | None
    secrets: list[EndpointSecret]
    token: EndpointToken | None = Field(
        description="What leads are fetched with, of kinds that send only ids."
    )
    last_handshake_at: datetime | None = Field(description="When the vendor last checked the address.")
    last_delivery_at: datetime | None
    usual_per_day: float = Field(description="Events per day, over the last 28 days at most.")
    refused: int = Field(description="Deliveries that were not genuine, in the last 28 days.")
    duplicates: int = Field(description="Events that came again, in the last 28 days.")
    unrecognized: int = Field(
        description="Genuine deliveries that named no record that can be read, in the last 28 days."
    )
    waiting: int = Field(description="Events that are not processed yet.")
    failures: int = Field(description="Events that could not be processed, see `GET /webhooks/failures`.")
    findings: list[EndpointFinding]
    revision: int
    updated_at: datetime
