"""One call of a provider: what is asked, and what became of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from app.engine.conditions.comparisons import getter
from app.engine.model.enrichment_terms import ProviderTerms
from app.engine.model.filled import value_of
from app.enrichment.paths import value_at
from app.enrichment.provider import (
    AccessDenied,
    CallLater,
    Provider,
    ProviderConfig,
    ProviderError,
    QueryRefused,
    Tools,
)
from app.intake.junk import visitor_of
from app.intake.mail_domains import is_free_mail, is_relay

log = structlog.get_logger()
OF_COMPANIES = frozenset((
    "company", "website", "website_domain", "email_domain", "country", "state", "city", "postal_code",
    "industry", "language", "crm.account_id",
))  # fmt: skip
"""The fields that are about a company or a place. A query by any other field is about a person."""
MAX_QUERY = 500
"""Longer values are asked about by nobody."""

Kind = Literal["found", "empty", "refused", "failed", "denied", "later"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `values` are by field; `code` says why there are none.

    `seconds` is how long the provider wants no calls, if it said so.
    """

    kind: Kind
    values: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A provider as a plan uses it."""

    terms: ProviderTerms
    provider: Provider
    config: ProviderConfig

    @property
    def fill(self) -> Mapping[str, str]:
        """The fields that it fills, and where they stand in its answer."""
        return self.terms.fill or self.provider.fills

    @property
    def reads(self) -> Sequence[str]:
        """The fields that it asks by."""
        return self.provider.reads(self.config)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The names of the secrets that it needs, and the host of each."""
        return self.provider.secrets(self.config)

    @property
    def identity(self) -> list[Any]:
        """What tells its answers from those of other settings."""
        return [self.terms.provider, dict(self.fill), self.config.model_dump(mode="json")]

    @property
    def is_personal(self) -> bool:
        """Whether it asks by something that is about a person, not a company."""
        return any(name not in OF_COMPANIES for name in self.reads)

    def person_of(self, values: Mapping[str, Any]) -> str | None:
        """The person that a query is about, as erasure knows them; None for a query about a company."""
        if not self.is_personal:
            return None
        known = (values.get(name) for name in ("email", "phone"))
        return next((each for each in known if isinstance(each, str)), None)

    def query(self, values: Mapping[str, Any]) -> dict[str, str] | None:
        """What is asked about a lead. None if it misses nothing, or lacks a field to ask by."""
        if all(value_of(values, name) is not None for name in self.fill):
            return None
        query: dict[str, str] = {}
        for name in self.reads:
            value = _visitor(values) if name == "ip" else getter(name)(values)
            if name == "email_domain" and isinstance(value, str) and (is_free_mail(value) or is_relay(value)):
                return None  # nobody's company
            text = str(value).strip() if isinstance(value, (str, int, float)) else ""
            # A value of dots alone would lead to another path.
            if not text.strip(".") or len(text) > MAX_QUERY:
                return None
            query[name] = text
        return query

    async def call(self, query: Mapping[str, str], tools: Tools) -> Outcome:
        """Ask once. What goes wrong becomes the outcome."""
        try:
            async with asyncio.timeout(self.terms.timeout):
                answer = await self.provider.fetch(query, self.config, tools)
        except QueryRefused as error:
            return Outcome("refused", code=error.code)
        except AccessDenied as error:
            return Outcome("denied", code=error.code)
        except CallLater as error:
            return Outcome("later", code=error.code, seconds=error.seconds)
        except ProviderError as error:
            return Outcome("failed", code=error.code)
        except TimeoutError:
            return Outcome("failed", code="timeout")
        except OSError:
            return Outcome("failed", code="connection_failed")
        except Exception as error:
            log.error("provider failed", provider=self.terms.provider, error=type(error).__name__)
            return Outcome("failed", code="provider_error")
        values = {name: value_at(answer, path) for name, path in self.fill.items()} if answer else {}
        found = {name: value for name, value in values.items() if value not in (None, "", [], {})}
        return Outcome("found", found) if found else Outcome("empty")


@dataclass(slots=True)
class Question:
    """One query to one provider, the leads that it is about, and the person that it names, if any."""

    asked: Asked
    query: Mapping[str, str]
    text: bytes
    person: str | None
    leads: list[int] = field(default_factory=list)


def _visitor(values: Mapping[str, Any]) -> str | None:
    """The address that came with a lead, if it can be a visitor's. A zone names a network card of ours."""
    address = visitor_of(values)
    return str(address).partition("%")[0] if address is not None else None


def canonical(query: Mapping[str, str]) -> dict[str, str]:
    """The same query for values that differ in case and blanks only. Custom attributes stay as they are."""
    return {
        name: " ".join(text.split()) if name.startswith("attributes.") else " ".join(text.split()).casefold()
        for name, text in sorted(query.items())
    }
