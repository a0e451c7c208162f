"""Conditions that are never true. Every finding is certain, but not every such condition is found."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from app.engine.conditions.comparisons import BOUNDS
from app.plan.document.plan import PlanDocument
from app.plan.document.products import ProductConfig
from app.plan.findings import Finding, quote
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan_check.normal_form import NormalForm, normal_form, option_of, options_of


def contradictions(document: PlanDocument) -> Iterator[Finding]:
    """Conditions whose parts exclude each other, such as country DE and country FR."""
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
    for path, node in places:
        if node is not None and not _possible(node):
            text = "This condition is never true. Its parts exclude each other."
            yield Finding(path, "contradiction", text)


def _possible(node: Node) -> bool:
    """False only when the condition is certainly never true."""
    match node:
        case Any(parts):
            return any(_possible(part) for part in parts)
        case All(parts):
            return all(_possible(part) for part in parts) and _together(parts)
        case _:
            return True


def _together(parts: Sequence[Node]) -> bool:
    forms = {normal_form(part) for part in parts}
    if any(normal_form(part.part) in forms for part in parts if isinstance(part, Not)):
        return False
    by_field: dict[str, list[Leaf]] = defaultdict(list)
    for part in parts:
        if isinstance(part, Leaf):
            by_field[part.field].append(part)
    return all(_leaves_together(each) for each in by_field.values() if len(each) > 1)


def _leaves_together(found: Sequence[Leaf]) -> bool:
    absent = any(leaf.operator == "exists" and leaf.operand is False for leaf in found)
    if absent and any(leaf.operator != "exists" or leaf.operand is True for leaf in found):
        return False
    bounds = [leaf for leaf in found if leaf.operator in BOUNDS and isinstance(leaf.operand, (int, float))]
    options = [each for leaf in found if (each := options_of(leaf)) is not None]
    if not options:
        return _some_number(bounds)
    left = frozenset.intersection(*options)
    for leaf in found:
        if leaf.operator in ("ne", "not_in"):
            refused = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
            left -= {option_of(each) for each in refused}
    return any(_fits_all(option, bounds) for option in left)


def _fits_all(option: NormalForm, bounds: Sequence[Leaf]) -> bool:
    value = option[1]
    return not isinstance(value, (int, float)) or all(
        BOUNDS[each.operator](value, each.operand) for each in bounds
    )


def _some_number(bounds: Sequence[Leaf]) -> bool:
    """Whether a number can be within all of these bounds."""
    numbers = [(each.operator, each.operand) for each in bounds if isinstance(each.operand, (int, float))]
    low = max((limit for operator, limit in numbers if operator in ("gt", "gte")), default=None)
    high = min((limit for operator, limit in numbers if operator in ("lt", "lte")), default=None)
    if low is None or high is None or low < high:
        return True
    return low == high and all(operator in ("gte", "lte") for operator, limit in numbers if limit == low)
