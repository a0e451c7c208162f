"""The normal form of conditions, in which equal conditions are equal values."""

from app.engine.conditions.comparisons import index_key
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan.language.fields import Kind

NormalForm = tuple[object, ...]
"""One part of a condition."""


def normal_forms(node: Node | None) -> frozenset[NormalForm]:
    """The parts of a condition. It is true exactly when all of them are."""
    if node is None:
        return frozenset()
    return frozenset(normal_form(part) for part in (node.parts if isinstance(node, All) else (node,)))


def normal_form(node: Node) -> NormalForm:
    """The normal form of one part of a condition."""
    match node:
        case Leaf():
            return _leaf_form(node)
        case Not(part):
            return ("not", normal_forms(part))
        case All():
            return ("all", normal_forms(node))
        case Any(parts):
            return ("any", frozenset(normal_form(part) for part in parts))


def _leaf_form(leaf: Leaf) -> NormalForm:
    options = options_of(leaf)
    if options is not None:
        return ("in", leaf.field, options)
    folds = isinstance(leaf.operand, str) and leaf.operator != "matches"
    operand: object = str(leaf.operand).casefold() if folds else leaf.operand
    if isinstance(operand, tuple):
        operand = frozenset(option_of(each) for each in operand)
    return (leaf.operator, leaf.field, type(operand).__name__, operand)


def options_of(leaf: Leaf) -> frozenset[NormalForm] | None:
    """The values the field may have, or None for another kind of comparison."""
    if leaf.operator not in ("eq", "in") or leaf.kind is Kind.TIMESTAMP:
        return None
    return frozenset(
        option_of(each) for each in (leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,))
    )


def option_of(value: object) -> NormalForm:
    """A value in comparable form."""
    # True equals 1 in Python, but a boolean is not a number here.
    return (isinstance(value, bool), index_key(value))
