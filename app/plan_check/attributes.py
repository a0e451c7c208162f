"""Custom attributes of a plan that no lead was sent with, while a name that is nearly the same was."""

import re
from collections.abc import Collection, Iterator

from app.plan.document.own_fields import ATTRIBUTES
from app.plan.document.plan import PlanDocument
from app.plan.document.step_configs import RuleConfig
from app.plan.findings import Finding, join, quote
from app.plan.language.conditions import leaves
from app.plan.language.spelling import letters_of, one_typo
from app.plan_check.places import conditions

_DIGITS = re.compile(r"\d+")


def unseen_attributes(document: PlanDocument, seen: Collection[str]) -> Iterator[Finding]:
    """Attributes that are one typo away from one of `seen`, and are not among them."""
    told: set[tuple[str, str]] = set()
    for path, name in _used(document):
        start = path.partition(".")[0]
        if name in seen or (start, name) in told:
            continue
        told.add((start, name))
        meant = _meant(name, seen)
        if meant is not None:
            text = (
                f"No lead was sent with `{quote(ATTRIBUTES + name)}` in the last 90 days. "
                f"Did you mean {ATTRIBUTES}{meant}?"
            )
            yield Finding(path, "unseen_attribute", text, "warning", value=ATTRIBUTES + name)


def _used(document: PlanDocument) -> Iterator[tuple[str, str]]:
    """The attributes that conditions and columns use, each with its path."""
    for path, node in conditions(document):
        for leaf in leaves(node):
            if leaf.field.startswith(ATTRIBUTES):
                yield join(path, leaf.path), leaf.field.removeprefix(ATTRIBUTES)
    for position, step in enumerate(document.pipeline):
        for column in (step.config.match_on if isinstance(step.config, RuleConfig) else None) or ():
            if column.field.name.startswith(ATTRIBUTES):
                path = f"pipeline[{position}].rule.match_on.{quote(column.field.name)}"
                yield path, column.field.name.removeprefix(ATTRIBUTES)


def _meant(name: str, seen: Collection[str]) -> str | None:
    """The name that was seen and is one typo away. `tier1` and `tier2` are two names, not a typo."""
    folded = letters_of(name)
    for each in sorted(seen):
        other = letters_of(each)
        if folded == other:
            return each
        numbers = _DIGITS.sub("", folded) == _DIGITS.sub("", other)
        if not numbers and len(folded) > 2 and one_typo(folded, other):
            return each
    return None
