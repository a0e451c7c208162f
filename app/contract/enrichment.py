"""Providers of enrichment: their secrets, and how they are."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from app.contract.responses import ResponseModel
from app.contract.types import RequestModel


class ProviderSecretInput(RequestModel):
    """A secret that a provider is called with."""

    host: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="The host that it may be sent to, such as api.firms.example."
    )
    secret: Annotated[SecretStr, Field(min_length=1, max_length=4096)] = Field(
        description="The value of the header, such as `Bearer …`. It is stored encrypted and never shown."
    )


class ProviderSecretInfo(ResponseModel):
    """A secret, without what it is. `fingerprint` is the start of its SHA-256."""

    id: str
    host: str
    fingerprint: str
    updated_at: datetime


class ProviderState(ResponseModel):
    """A provider that failed last. A provider that works is not listed."""

    provider: str
    state: Literal["failing", "open", "half_open"]
    code: str
    failures: int
    failed_at: datetime
    open_until: datetime | None


class EnrichmentState(ResponseModel):
    """The secrets of a workspace, and the providers that failed last."""

    secrets: list[ProviderSecretInfo]
    failing: list[ProviderState]
