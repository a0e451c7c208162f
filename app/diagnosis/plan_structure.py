"""What the diagnosis needs to know of a plan. It is read where a long plan may take its time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.diagnosis.complexity import Overlap
from app.plan.document.plan import PlanDocument
from app.plan.language.conditions import leaves
from app.plan_check.parse import Strategies, parse_plan
from app.plan_check.rule_order import order_findings

_OF_SCORE = ("band", "score", "scores.")
_OVERLAPPING = ("unreachable", "shadowed", "value_taken", "branch_taken")


@dataclass(frozen=True, slots=True)
class PlanStructure:
    """The steps of a version in order, as pairs of name and strategy, and which of them overlap.

    `routes_by_score` says whether a step depends on the score or its band.
    """

    version: int
    steps: Sequence[tuple[str, str]]
    overlaps: Sequence[Overlap] = ()
    routes_by_score: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the steps."""
        return [name for name, _ in self.steps]


def read_structures(
    documents: Sequence[tuple[int, Mapping[str, Any]]], strategies: Strategies
) -> list[PlanStructure]:
    """The structures of versions in order, without those that cannot be read any more.

    Only the last one is checked for overlaps.
    """
    found = []
    for version, source in documents:
        document = parse_plan(source, strategies)
        if isinstance(document, PlanDocument):
            found.append(_structure(version, document, is_last=version == documents[-1][0]))
    return found


def _structure(version: int, document: PlanDocument, *, is_last: bool) -> PlanStructure:
    return PlanStructure(
        version,
        [(step.name, step.strategy) for step in document.pipeline],
        list(_overlaps(document)) if is_last else (),
        _routes_by_score(document),
    )


def _overlaps(document: PlanDocument) -> Iterable[Overlap]:
    return (
        Overlap(each.rule, each.code, each.text)
        for each in order_findings(document)
        if each.rule is not None and each.code in _OVERLAPPING
    )


def _routes_by_score(document: PlanDocument) -> bool:
    for step in document.pipeline:
        if step.strategy == "score" and step.config.targets():
            return True
        asked = leaves(step.condition) if step.condition is not None else ()
        if any(leaf.field.startswith(_OF_SCORE) for leaf in asked):
            return True
        if any(target.kind == "team" and "{band}" in target.name for target in step.config.targets()):
            return True
    return False
