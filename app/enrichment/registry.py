"""The providers, those of other packages by their entry points, and what is wrong with a plan's settings."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points

import structlog
from pydantic import ValidationError

from app.enrichment.paths import is_path
from app.enrichment.provider import Provider
from app.enrichment.providers.accounts import AccountsProvider
from app.enrichment.providers.http import HttpProvider
from app.enrichment.providers.ip_country import IpCountryProvider
from app.plan.document.enrichment import ACCOUNTS, Enrichment
from app.plan.document.pydantic_errors import findings_of
from app.plan.findings import Finding, quote
from app.plan.language.fields import LEAD
from app.plan.language.spelling import did_you_mean

BUILT_IN: tuple[type[Provider], ...] = (AccountsProvider, HttpProvider)
GROUP = "lead_assignment.providers"
log = structlog.get_logger()


@cache
def installed(country_database: str | None = None) -> Mapping[str, Provider]:
    """All providers by name. None of another package takes the name of a built-in one.

    One that cannot be imported is logged and left out. `country_database` is the file of `ip_country`.
    """
    found: dict[str, Provider] = {each.name: each() for each in BUILT_IN}
    if IpCountryProvider.is_installed():
        found[IpCountryProvider.name] = IpCountryProvider(country_database)
    for point in entry_points(group=GROUP):
        try:
            provider: Provider = point.load()()
            found.setdefault(provider.name, provider)
        except (Exception, SystemExit) as error:
            log.error("provider not loaded", provider=point.name, error=type(error).__name__)
    return found


def findings_in(enrichment: Enrichment, providers: Mapping[str, Provider]) -> Iterator[Finding]:
    """What is wrong with the providers of a plan."""
    for position, entry in enumerate(enrichment.providers):
        at = f"enrichment.providers[{position}]"
        provider = providers.get(entry.provider)
        if provider is None:
            meant = did_you_mean(entry.provider, providers)
            known = ", ".join(sorted(providers))
            text = f"Unknown provider.{meant} Use one of {known}, or install its package."
            yield Finding(f"{at}.provider", "unknown_provider", text)
            continue
        try:
            config = provider.Config.model_validate(entry.settings)
        except ValidationError as refused:
            yield from findings_of(refused, f"{at}.settings", provider.Config)
            continue
        for name in provider.reads(config):
            if LEAD.find(name) is None:
                text = f"The settings name an unknown field {quote(name)}."
                yield Finding(f"{at}.settings", "unknown_field", text)
        if not entry.fill and not provider.fills:
            yield Finding(f"{at}.fill", "required", "Say which fields it fills.")
        for name, path in entry.fill.items():
            if entry.provider != ACCOUNTS and not is_path(path):
                text = "Must be a path such as company.size or results[0].name."
                yield Finding(f"{at}.fill.{quote(name)}", "invalid_format", text)
