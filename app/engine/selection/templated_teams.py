"""Team names with fields in them, such as `sdr-{region}-{segment}`.

Only fields with a closed set of values are allowed, so all possible teams are known in advance.
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
"""The most teams that one name may stand for."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def is_templated(name: str) -> bool:
    """Whether a team's name contains fields."""
    return "{" in name


def fields_of(name: str) -> tuple[str, ...]:
    """The fields in a team's name, each once."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(name)))


def resolve(target: Target, values: Values) -> Target | None:
    """The target with the name of the lead's team. None when the lead lacks a field of the name."""
    words = {}
    for place in fields_of(target.name):
        word = getter(place)(values)
        if not isinstance(word, str):
            return None
        words[place] = word
    return replace(target, name=_PLACEHOLDER.sub(lambda found: words[found[1]], target.name))


def closed_fields(document: PlanDocument) -> dict[str, tuple[str, ...]]:
    """The fields of a plan with a closed set of values, each with its values."""
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
    """Every team that a valid name can stand for."""
    found = fields_of(name)
    for chosen in product(*(words.get(place, ()) for place in found)):
        filled = dict(zip(found, chosen, strict=True))
        yield _PLACEHOLDER.sub(lambda found, filled=filled: filled[found[1]], name)  # type: ignore[misc]


def faults(name: str, words: Mapping[str, tuple[str, ...]], path: str) -> list[Finding]:
    """What is wrong with a name, apart from missing teams."""
    found = fields_of(name)
    if not found or re.search("[{}]", _PLACEHOLDER.sub("", name)):
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
