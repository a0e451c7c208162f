"""Where a plan has conditions."""

from collections.abc import Iterable, Iterator
from typing import Any

from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.findings import quote
from app.plan.language.conditions import Node


def placed_conditions(document: PlanDocument) -> Iterator[tuple[str, Node]]:
    """Every condition of a plan, with its path."""
    return ((path, node) for path, node in _all(document) if node is not None)


def _all(document: PlanDocument) -> Iterator[tuple[str, Node | None]]:
    for at, step in enumerate(document.pipeline):
        yield f"pipeline[{at}].{step.strategy}.when", step.condition
        if isinstance(step.config, ProductConfig):
            yield f"pipeline[{at}].product.unless", step.config.unless
    lists: dict[str, Iterable[Any]] = {
        "follow_up": document.follow_up,
        "returning_leads.reroute_when": document.returning_leads.reroute_when,
        "sla_rules": document.sla_rules,
        **{f"fields.{quote(each.name)}": each.cases for each in document.fields.derived},
        **{f"scores.{quote(name)}": rows for name, rows in document.scores.items()},
    }
    for path, parts in lists.items():
        for at, part in enumerate(parts):
            yield f"{path}[{at}].when", part.when
