"""What conditions demand of a lead, in a form equal for equal things, so that they can be compared."""

from app.engine.conditions.comparisons import index_key
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan.language.fields import Kind

NormalForm = tuple[object, ...]
"""One thing that must be so."""


def normal_forms(node: Node | None) -> frozenset[NormalForm]:
    """What must all be so for a condition to hold, and what suffices for it."""
    if node is None:
        return frozenset()
    return frozenset(normal_form(part) for part in (node.parts if isinstance(node, All) else (node,)))


def normal_form(node: Node) -> NormalForm:
    """What one part of a condition demands."""
    match node:
        case Leaf():
            return _leaf_demand(node)
        case Not(part):
            return ("not", normal_forms(part))
        case All():
            return ("all", normal_forms(node))
        case Any(parts):
            return ("any", frozenset(normal_form(part) for part in parts))


def _leaf_demand(leaf: Leaf) -> NormalForm:
    options = options_of(leaf)
    if options is not None:
        return ("in", leaf.field, options)
    folds = isinstance(leaf.operand, str) and leaf.operator != "matches"
    operand: object = str(leaf.operand).casefold() if folds else leaf.operand
    if isinstance(operand, tuple):
        operand = frozenset(option_of(each) for each in operand)
    return (leaf.operator, leaf.field, type(operand).__name__, operand)


def options_of(leaf: Leaf) -> frozenset[NormalForm] | None:
    """The values of which the field must have one; None where the comparison is of another kind."""
    if leaf.operator not in ("eq", "in") or leaf.kind is Kind.TIMESTAMP:
        return None
    return frozenset(
        option_of(each) for each in (leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,))
    )


def option_of(value: object) -> NormalForm:
    """A value as it is compared with others."""
    # True equals 1, but a truth value is not a number.
    return (isinstance(value, bool), index_key(value))
