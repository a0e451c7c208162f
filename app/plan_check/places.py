"""The conditions of a plan, each with its path."""

from collections.abc import Iterator

from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.findings import quote
from app.plan.language.conditions import Node


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
        *((f"follow_up[{at}].when", block.when) for at, block in enumerate(document.follow_up)),
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
