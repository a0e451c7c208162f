"""What conditions demand of a lead, in a form equal for equal things, so that they can be compared."""

from app.engine.conditions.comparisons import index_key
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan.language.fields import Kind

Demand = tuple[object, ...]
"""One thing that must be so."""


def demands_of(node: Node | None) -> frozenset[Demand]:
    """What must all be so for a condition to hold, and what suffices for it."""
    if node is None:
        return frozenset()
    return frozenset(demand_of(part) for part in (node.parts if isinstance(node, All) else (node,)))


def demand_of(node: Node) -> Demand:
    """What one part of a condition demands."""
    match node:
        case Leaf():
            return _leaf_demand(node)
        case Not(part):
            return ("not", demands_of(part))
        case All():
            return ("all", demands_of(node))
        case Any(parts):
            return ("any", frozenset(demand_of(part) for part in parts))


def _leaf_demand(leaf: Leaf) -> Demand:
    options = options_of(leaf)
    if options is not None:
        return ("in", leaf.field, options)
    folds = isinstance(leaf.operand, str) and leaf.operator != "matches"
    operand: object = str(leaf.operand).casefold() if folds else leaf.operand
    if isinstance(operand, tuple):
        operand = frozenset(option_of(each) for each in operand)
    return (leaf.operator, leaf.field, type(operand).__name__, operand)


def options_of(leaf: Leaf) -> frozenset[Demand] | None:
    """The values of which the field must have one; None where the comparison is of another kind."""
    if leaf.operator not in ("eq", "in") or leaf.kind is Kind.INSTANT:
        return None
    return frozenset(
        option_of(each) for each in (leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,))
    )


def option_of(value: object) -> Demand:
    """A value as it is compared with others."""
    # True equals 1, but a truth value is not a number.
    return (isinstance(value, bool), index_key(value))
