"""What a plan says about where leads come from, ready to use."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.plan.document.attribution import Attribution


@dataclass(frozen=True, slots=True, eq=False)
class AttributionRules:
    """Aliases in lower case, own domains, and click ids that prove payment besides those that always do.

    Those of each plan are themselves only, so what follows from them can be kept.
    """

    source_aliases: Mapping[str, str] = field(default_factory=dict)
    medium_aliases: Mapping[str, str] = field(default_factory=dict)
    own_domains: frozenset[str] = frozenset()
    paid_click_ids: frozenset[str] = frozenset()


NO_RULES = AttributionRules()


def attribution_rules(written: Attribution) -> AttributionRules:
    """The rules of a plan; `NO_RULES` itself if it has none."""
    rules = (
        _folded(written.source_aliases),
        _folded(written.medium_aliases),
        frozenset(each.casefold().removeprefix("www.") for each in written.own_domains),
        frozenset(written.paid_click_ids),
    )
    return AttributionRules(*rules) if any(rules) else NO_RULES


def _folded(aliases: Mapping[str, str]) -> dict[str, str]:
    return {name.strip().lower(): meaning.strip().lower() for name, meaning in aliases.items()}
