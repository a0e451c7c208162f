"""Teams named by fields, such as `sdr-{region}-{segment}`: which they can be, and which it is for a lead.

Only fields with a closed set of words may stand in a name, so every team it can come to is known beforehand.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

from app.engine.conditions.comparisons import Values, getter
from app.engine.model.decision import Target
from app.plan.document.plan import PlanDocument
from app.plan.document.scoring import ScoreConfig
from app.plan.findings import Finding, quote
from app.plan.language.fields import PIPELINE

MAX_COMBINATIONS = 10_000
"""No name may come to more teams than this."""
_PLACE = re.compile(r"\{([^{}]*)\}")


def is_templated(name: str) -> bool:
    """Whether a team's name has places to fill."""
    return "{" in name


def fields_of(name: str) -> tuple[str, ...]:
    """The fields that stand in a team's name, each once."""
    return tuple(dict.fromkeys(_PLACE.findall(name)))


def resolve(target: Target, values: Values) -> Target | None:
    """The target with the team it means for this lead; None when a field of the name is missing."""
    words = {}
    for place in fields_of(target.name):
        word = getter(place)(values)
        if not isinstance(word, str):
            return None
        words[place] = word
    return replace(target, name=_PLACE.sub(lambda found: words[found[1]], target.name))


def closed_fields(document: PlanDocument) -> dict[str, tuple[str, ...]]:
    """The fields of a plan that have one of a closed set of words, each with its words."""
    own = {each.name: each.choices for each in (*PIPELINE.fields.values(), *document.fields.fields)}
    bands = (
        name
        for step in document.pipeline
        if isinstance(step.config, ScoreConfig)
        for name in step.config.bands
    )
    fields = own | {"band": tuple(dict.fromkeys(bands)), "trigger": ()}
    return {name: words for name, words in fields.items() if words}


def combinations(name: str, words: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Every team a name without faults can come to."""
    found = fields_of(name)
    for chosen in product(*(words.get(place, ()) for place in found)):
        filled = dict(zip(found, chosen, strict=True))
        yield _PLACE.sub(lambda found, filled=filled: filled[found[1]], name)  # type: ignore[misc]


def faults(name: str, words: Mapping[str, tuple[str, ...]], path: str) -> list[Finding]:
    """What is wrong with a name, apart from the teams it comes to."""
    found = fields_of(name)
    if not found or re.search("[{}]", _PLACE.sub("", name)):
        return [Finding(path, "invalid_template", "Close every brace around the name of a field.")]
    unknown = [place for place in found if place not in words]
    if unknown:
        text = (
            f"Use a field with a closed set of words instead of {quote(unknown[0])}: a derived one, or band."
        )
        return [Finding(path, "unknown_field", text)]
    count = 1
    for place in found:
        count *= len(words[place])
    if count > MAX_COMBINATIONS:
        return [Finding(path, "too_many_items", f"Use fewer words: this name can come to {count} teams.")]
    return []
