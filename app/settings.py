"""Settings, read once from the environment. In production, unknown or weak settings prevent the start."""

import base64
import ipaddress
import math
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.logs import AccessLog, Level
from app.rates import Rate, parse_rate

DEVELOPMENT_SECRETS_KEY = "a25vd24gdG8gYWxsOiBmb3IgZGV2ZWxvcG1lbnQhISE="
"""The key of development. Everybody knows it, so production refuses it."""

BURST_SECONDS = 20
"""The burst of an endpoint is what its rate allows in so many seconds."""


class Settings(BaseSettings):
    """Everything that differs between installations."""

    model_config = SettingsConfigDict(env_prefix="LEAD_ASSIGNMENT_", extra="forbid", populate_by_name=True)

    env: Literal["development", "production"] = "development"
    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    migration_database_url: str | None = Field(None, validation_alias="MIGRATION_DATABASE_URL")
    host: str = Field("127.0.0.1", validation_alias="HOST")
    port: int = Field(8000, validation_alias="PORT", ge=0, le=65535)
    pgbouncer: bool = False
    pool_size: int = Field(10, ge=2, le=200)
    request_timeout_seconds: float = Field(2.0, gt=0.1, le=60)
    no_worker: bool = False
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(None, ge=0, le=65535)
    metrics_workspaces: Annotated[tuple[str, ...] | None, NoDecode] = None
    worker_interval_seconds: float = Field(1.0, ge=0.01, le=3600)
    plugin_timeout_seconds: float = Field(0.1, ge=0.01, le=30)
    plugin_memory_mb: int = Field(1024, ge=256, le=65536)
    development_workspace: str = "example"
    api_docs: bool | None = None
    console: bool = True
    secrets_key: SecretStr | None = None
    public_base_url: str | None = None
    allowed_target_hosts: str = ""
    ip_country_database: str | None = None
    log_level: Level = "info"
    access_log: AccessLog = "all"
    drain_seconds: float | None = Field(None, ge=0, le=3600)
    max_connections: int = Field(4096, ge=1, le=1_000_000)
    max_connections_per_peer: int | None = Field(None, ge=1, le=1_000_000)
    webhook_rate: str = "500/s"
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()

    @field_validator("metrics_workspaces", mode="before")
    @classmethod
    def _are_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        networks = tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("must not be the whole internet: then callers choose their own address")
        return networks

    @field_validator("webhook_rate")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value != "none" and parse_rate(value) is None:
            raise ValueError("must be a rate such as 500/s or 6000/min, or none")
        return value

    @property
    def rate_of_endpoints(self) -> Rate | None:
        """How often one endpoint takes deliveries; None for no limit. CRMs send in bursts."""
        found = parse_rate(self.webhook_rate)
        if found is None:
            return None
        per_second = found[0] / found[1]
        return Rate(per_second, max(1, math.ceil(BURST_SECONDS * per_second)))

    @field_validator("public_base_url")
    @classmethod
    def _is_base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http or https URL without a query")
        return value.rstrip("/")

    @field_validator("secrets_key")
    @classmethod
    def _is_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        keys = _keys(value)
        if not all(_is_secrets_key(key) for key in keys):
            raise ValueError("each key must be 32 bytes in URL-safe Base64")
        if info.data.get("env") != "development" and DEVELOPMENT_SECRETS_KEY in keys:
            raise ValueError("the key of development is not for production")
        return value

    def secrets_keys(self) -> list[str]:
        """The keys that encrypt secrets, the newest first. In development there is a default."""
        return _keys(self.secrets_key) or ([DEVELOPMENT_SECRETS_KEY] if self.development else [])

    @property
    def development(self) -> bool:
        """Whether `dev-key` works and the clock can be set."""
        return self.env == "development"

    @property
    def seconds_to_drain(self) -> float:
        """How long a process that ends still takes requests, but says that it is not ready."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 0.0 if self.development else 5.0

    def to_log(self) -> dict[str, object]:
        """The settings as a log may show them: without secrets and addresses of databases."""
        hidden = {name for name in type(self).model_fields if name.endswith(("_key", "database_url"))}
        return self.model_dump(mode="json", exclude=hidden)

    @property
    def serves_api_docs(self) -> bool:
        """Whether the page `/docs` is served, and `/openapi.json` needs no key."""
        return self.development if self.api_docs is None else self.api_docs

    def address_for_migration(self) -> str:
        """The database URL of the role that owns the tables.

        Raises ValueError when no database is set.
        """
        address = self.migration_database_url or self.database_url
        if not address:
            raise ValueError("set DATABASE_URL (and MIGRATION_DATABASE_URL for the role that migrates)")
        return address


def _keys(value: SecretStr | None) -> list[str]:
    text = value.get_secret_value() if value else ""
    return [key.strip() for key in text.split(",") if key.strip()]


def _is_secrets_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode())) == 32
    except ValueError:
        return False
