"""What a provider is: it answers what it knows about a lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from app.outbox.safe_http import SafeHttp


class ProviderConfig(BaseModel):
    """The settings of a provider, as a plan writes them under `settings`. Unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProviderError(Exception):
    """A call failed in a way that may pass. `code` is shown, such as `status_503`.

    After enough of these in a row the provider is not called for a while.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class QueryRefused(ProviderError):
    """The provider refuses this one query. It is not asked it again, and others are not held back."""


class AccessDenied(ProviderError):
    """The provider does not accept our key. It is not called at all for a while."""


class CallLater(ProviderError):
    """The provider wants no calls for so many seconds; None if it does not say how many."""

    def __init__(self, code: str, seconds: float | None) -> None:
        super().__init__(code)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Tools:
    """What a provider may use: calls to public addresses, and the secrets of the workspace by name.

    `secrets` has those that were saved for the host that is called.
    """

    http: SafeHttp
    secrets: Mapping[str, str]


class Provider(Protocol):
    """Answers what it knows about a lead. One instance serves all workspaces, at the same time.

    `fills` are the fields that it fills unless a plan says otherwise, and where they stand in its answer.
    `cached` says whether its answers are worth keeping.
    """

    name: str
    Config: ClassVar[type[ProviderConfig]]
    fills: Mapping[str, str]
    cached: bool

    def reads(self, config: Any) -> Sequence[str]:
        """The fields of a lead, by dotted names, that it asks by; a lead must have them all."""
        ...

    def secrets(self, config: Any) -> Mapping[str, str]:
        """The names of the secrets that it needs, and the host that each of them is sent to."""
        ...

    async def fetch(self, query: Mapping[str, str], config: Any, tools: Tools) -> Any:
        """The answer about a lead with these fields, as JSON; None if it knows nothing.

        Raises ProviderError, also TimeoutError and OSError.
        """
        ...
