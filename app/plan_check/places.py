"""The conditions and the blocks of actions of a plan, each with its path."""

from collections.abc import Iterator

from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.document.targets import Target
from app.plan.findings import quote
from app.plan.language.conditions import Node


def action_blocks(document: PlanDocument) -> Iterator[tuple[str, FollowUpBlock]]:
    """Every block of actions with its path: of the follow-up, and of events."""
    for position, block in enumerate(document.follow_up):
        yield f"follow_up[{position}]", block
    for type_, blocks in document.on_event.items():
        for position, block in enumerate(blocks):
            yield f"on_event.{quote(type_)}[{position}]", block


def handoff_targets(document: PlanDocument) -> Iterator[tuple[str, Target]]:
    """Every target of a handoff with its path."""
    for position, handoff in enumerate(document.handoffs):
        for path, target in handoff.targets():
            yield f"handoffs[{position}].{path}", target


def reject_targets(document: PlanDocument) -> Iterator[tuple[str, Target]]:
    """Every target of a reject reason with its path."""
    for name, reason in document.reject_reasons.items():
        if isinstance(reason.then, Target):
            yield f"reject_reasons.{quote(name)}.then", reason.then


def conditions(document: PlanDocument) -> Iterator[tuple[str, Node]]:
    """Every condition of a plan with its path."""
    places = [
        *(
            (f"pipeline[{at}].{step.strategy}.when", step.condition)
            for at, step in enumerate(document.pipeline)
        ),
        *(
            (f"pipeline[{at}].product.unless", step.config.unless)
            for at, step in enumerate(document.pipeline)
            if isinstance(step.config, ProductConfig)
        ),
        *((f"{path}.when", block.when) for path, block in action_blocks(document)),
        *((f"handoffs[{at}].when", each.when) for at, each in enumerate(document.handoffs)),
        *(
            (f"returning_leads.reroute_when[{at}].when", each.when)
            for at, each in enumerate(document.returning_leads.reroute_when)
        ),
        *(
            (f"fields.{quote(derived.name)}[{at}].when", case.when)
            for derived in document.fields.derived
            for at, case in enumerate(derived.cases)
        ),
        *(
            (f"scores.{quote(name)}[{at}].when", row.when)
            for name, rows in document.scores.items()
            for at, row in enumerate(rows)
        ),
        *((f"sla_rules[{at}].when", each.when) for at, each in enumerate(document.sla_rules)),
    ]
    yield from ((path, node) for path, node in places if node is not None)
