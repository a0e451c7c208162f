"""What a plan says about where leads come from."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.plan.findings import fault, quote
from app.plan.language.click_ids import CLICK_IDS
from app.plan.language.shapes import Part, Words


def _known_ids(names: Words) -> Words:
    for position, name in enumerate(names):
        if name not in CLICK_IDS:
            known = ", ".join(CLICK_IDS)
            raise fault(
                "not_allowed", f"Unknown click id {quote(name)}. Use one of {known}.", f"[{position}]"
            )
    return names


Alias = Annotated[str, Field(strict=True, min_length=1, max_length=100)]


class Attribution(Part):
    """How tags, click ids and referrers become a channel."""

    source_aliases: dict[Alias, Alias] = Field(
        default_factory=dict,
        description="Other names of sources: `{partner news: newsletter}`. The case does not matter.",
    )
    medium_aliases: dict[Alias, Alias] = Field(
        default_factory=dict,
        description="Other names of media, such as `{mailing: email}`. The case does not matter.",
    )
    own_domains: Words = Field(
        (),
        description="Your own domains. They and what lies below them are no referrers. The domain of the "
        "landing page is one without being listed.",
    )
    paid_click_ids: Annotated[Words, AfterValidator(_known_ids)] = Field(
        (),
        description="Click ids that prove payment, such as `ttclid`. `gclid`, `gbraid`, `wbraid` and "
        "`msclkid` always do.",
    )
