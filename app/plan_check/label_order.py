"""Conditions that use a band or points before a score step sets them."""

from collections.abc import Iterator

from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.document.steps import PlanStep, RuleConfig
from app.plan.findings import Finding, quote
from app.plan.language.conditions import Node, leaves
from app.plan.language.fields import LABELS


def labels_used_early(document: PlanDocument) -> Iterator[Finding]:
    """Conditions that use a band or points too early."""
    for position, each in enumerate(document.returning_leads.reroute_when):
        if _uses_labels(each.when):
            text = "Bands and points are not available here. They are set later, by the pipeline."
            yield Finding(f"returning_leads.reroute_when[{position}].when", "used_before_defined", text)
    for position, step in enumerate(document.pipeline):
        for place in _label_uses(step):
            text = "Move this step after the score step. No lead has a band or points before it."
            yield Finding(f"pipeline[{position}].{step.strategy}.{place}", "used_before_defined", text)
        if step.strategy == "score":
            return


def _label_uses(step: PlanStep) -> Iterator[str]:
    """The paths in a step's config that use a band or points."""
    unless = step.config.unless if isinstance(step.config, ProductConfig) else None
    for name, condition in (("when", step.condition), ("unless", unless)):
        if condition is not None and _uses_labels(condition):
            yield name
    for column in (step.config.match_on if isinstance(step.config, RuleConfig) else None) or ():
        if is_label(column.field.name):
            yield f"match_on.{quote(column.field.name)}"


def _uses_labels(node: Node) -> bool:
    return any(is_label(leaf.field) for leaf in leaves(node))


def is_label(field: str) -> bool:
    """Whether a score step sets this field."""
    return field.partition(".")[0] in LABELS
