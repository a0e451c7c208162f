"""Settings, read once from the environment. In production, unknown or weak settings prevent the start."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    worker_interval_seconds: float = Field(1.0, ge=0.01, le=3600)
    plugin_timeout_seconds: float = Field(0.1, ge=0.01, le=30)
    plugin_memory_mb: int = Field(1024, ge=256, le=65536)
    development_workspace: str = "example"
    api_docs: bool | None = None

    @property
    def development(self) -> bool:
        """Whether `dev-key` works and the clock can be set."""
        return self.env == "development"

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
