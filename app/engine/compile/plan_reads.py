"""Which fields of a lead a plan reads, so that a repeat with something new in them is news."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import NoneType
from typing import Any

from pydantic import BaseModel

from app.engine.conditions.condition import Holds, compile_condition
from app.plan.document.follow_ups import Action
from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.document.scoring import OWN, PointsRow, ScoreConfig
from app.plan.document.steps import RuleConfig
from app.plan.document.targets import Target
from app.plan.language.columns import Column
from app.plan.language.conditions import Leaf
from app.plan.language.templates import Placeholder

_OF_ACCOUNTS = ("crm.account_id", "email_domain", "website_domain")
_NOT_READ = ("tests", "comment", "on_event", "handoffs")
"""Parts of a plan that no arriving lead is decided by."""
_PLAIN = frozenset((int, float, bool, NoneType, datetime, timedelta))
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class PlanReads:
    """What a plan reads.

    - `fields` are the lead's fields it reads anywhere, by their dotted names.
    - `rules` are the rules with a table, by the fields of the columns.
    - `tests` are the comparisons of each field, except those of score rows: there only the band matters.
    """

    fields: tuple[str, ...]
    rules: Mapping[str, Sequence[tuple[str, str]]]
    tests: Mapping[str, Sequence[Holds]]


def reads_of(document: PlanDocument, *, accounts: bool) -> PlanReads:
    """What the plan reads. `accounts` says whether it looks for the account of a lead."""
    found = _Found()
    found.visit(document, scored=False)
    if accounts:
        found.names |= dict.fromkeys(_OF_ACCOUNTS)
    derived = {each.name for each in document.fields.derived}
    rules: dict[str, list[tuple[str, str]]] = {}
    for step in document.pipeline:
        if isinstance(step.config, RuleConfig) and step.config.table and step.config.match_on:
            for column in step.config.match_on:
                rules.setdefault(column.field.name, []).append((step.name, step.config.table))
    tests = {
        name: [compile_condition(leaf).holds for leaf in dict.fromkeys(leaves)]
        for name, leaves in found.leaves.items()
    }
    return PlanReads(tuple(name for name in found.names if name not in derived), rules, tests)


class _Found:
    """The names of fields and the comparisons in the parts of a plan."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.leaves: dict[str, list[Leaf]] = {}

    def visit(self, part: Any, *, scored: bool) -> None:
        """Note what a part reads, and all parts below. `scored` says that it is in a row of a score."""
        kind = type(part)
        if kind is Leaf:
            self.names[part.field] = None
            if not scored:
                self.leaves.setdefault(part.field, []).append(part)
        elif kind is str:
            if "{" in part:
                self.names |= dict.fromkeys(_PLACEHOLDER.findall(part))
        elif kind not in _PLAIN:
            self.names |= dict.fromkeys(_named_by(part))
            for child in _children(part):
                self.visit(child, scored=scored or kind is PointsRow)


def _named_by(part: object) -> Iterator[str]:
    """The fields that a part reads without a condition."""
    match part:
        case Placeholder(name=name):
            yield name.removeprefix("lead.")
        case Column(field=column):
            yield column.name
        case Action(consent=str() as consent):
            yield f"consent.{consent}"
        case ProductConfig():
            yield "product_interest"
        case ScoreConfig(model=model) if OWN in model:
            yield OWN
        case Target(match=names, current_owner=current):
            yield from names
            if current:
                yield "crm.owner_id"


def _children(part: Any) -> Iterable[object]:
    if isinstance(part, (tuple, list, frozenset)):
        return part
    if isinstance(part, dict):
        return part.values()
    if isinstance(part, BaseModel):
        # What a plug-in's settings name is found too, as far as it is written as a condition or a template.
        return [getattr(part, name) for name in type(part).model_fields if name not in _NOT_READ]
    names = getattr(part, "__dataclass_fields__", ())
    return [getattr(part, name) for name in names]
