"""Which fields of a lead a plan reads, so that a repeat with something new in them is news."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from app.engine.compile.account_needs import needs_accounts
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
_NOT_READ = ("tests", "comment")
"""Parts of a plan that no lead is decided by."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class PlanReads:
    """What a plan reads.

    - `fields` are the lead's fields it reads anywhere, by their dotted names.
    - `tests` are its comparisons by field, those of score rows left out: there only the band matters.
    - `rules` are the rules with a table, by the fields of the columns.
    """

    fields: tuple[str, ...]
    tests: dict[str, list[Holds]]
    rules: dict[str, list[tuple[str, str]]]


def reads_of(document: PlanDocument) -> PlanReads:
    """What the plan reads."""
    names = dict.fromkeys(_fields_in(document))
    if needs_accounts(document):
        names |= dict.fromkeys(_OF_ACCOUNTS)
    derived = {each.name for each in document.fields.derived}
    tests: dict[str, list[Holds]] = {}
    for leaf in dict.fromkeys(_leaves_in(document)):
        tests.setdefault(leaf.field, []).append(compile_condition(leaf).holds)
    rules: dict[str, list[tuple[str, str]]] = {}
    for step in document.pipeline:
        if isinstance(step.config, RuleConfig) and step.config.table and step.config.match_on:
            for column in step.config.match_on:
                rules.setdefault(column.field.name, []).append((step.name, step.config.table))
    return PlanReads(tuple(name for name in names if name not in derived), tests, rules)


def _fields_in(part: object) -> Iterator[str]:
    """The names of fields in a part of a plan and all below."""
    match part:
        case Leaf(field=name) | Placeholder(name=name):
            yield name.removeprefix("lead.")
        case Column(field=field):
            yield field.name
        case str() if "{" in part:
            yield from _PLACEHOLDER.findall(part)
        case _:
            yield from _named_by(part)
            for child in _children(part):
                yield from _fields_in(child)


def _named_by(part: object) -> Iterator[str]:
    """The fields that a part reads without a condition or a template."""
    match part:
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


def _leaves_in(part: object) -> Iterator[Leaf]:
    if isinstance(part, Leaf):
        yield part
    elif not isinstance(part, PointsRow):
        for child in _children(part):
            yield from _leaves_in(child)


def _children(part: Any) -> Iterator[object]:
    if isinstance(part, BaseModel):
        # A plug-in's settings may hold anything; what they name cannot be known.
        yield from (getattr(part, name) for name in type(part).model_fields if name not in _NOT_READ)
    elif is_dataclass(part) and not isinstance(part, type):
        yield from (getattr(part, each.name) for each in fields(part))
    elif isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, (tuple, list, frozenset)):
        yield from part
