"""Steps that no lead can come to, and conditions that no lead can meet.

What is told is certain. Not everything certain is told: that would be a satisfiability problem.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from app.engine.comparisons import BOUNDS, index_key
from app.plan.conditions import All, Any, Leaf, Node, Not, leaves
from app.plan.fields import LABELS, Kind
from app.plan.findings import Finding, shown
from app.plan.products import ProductConfig
from app.plan.schema import PlanDocument
from app.plan.steps import RuleConfig, Step

Fact = tuple[object, ...]
"""One thing that must be so, in a form equal for equal things."""


def unreachable(pipeline: Sequence[Step]) -> Iterator[Finding]:
    """Steps after one that takes every lead, or all those that would meet the later step's condition."""
    for position, earlier in _covered(pipeline):
        step, before = pipeline[position], pipeline[earlier]
        because = "every lead" if before.condition is None else "every lead that would meet its condition"
        text = f"Move or remove this step: step {earlier + 1} settles {because} before it."
        yield Finding(f"pipeline[{position}].{step.strategy}", "unreachable", text)


def contradictions(document: PlanDocument) -> Iterator[Finding]:
    """Conditions that exclude themselves, such as country DE and country FR at once."""
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
            (f"known_person.route_anew[{at}].when", each.when)
            for at, each in enumerate(document.known_person.route_anew)
        ),
        *(
            (f"fields.{shown(derived.name)}[{at}].when", case.when)
            for derived in document.fields.derived
            for at, case in enumerate(derived.cases)
        ),
        *(
            (f"scores.{shown(name)}[{at}].when", row.when)
            for name, rows in document.scores.items()
            for at, row in enumerate(rows)
        ),
        *((f"sla_for[{at}].when", each.when) for at, each in enumerate(document.sla_for)),
    ]
    for path, node in places:
        if node is not None and not _possible(node):
            text = "Mend this condition: its parts exclude each other, so no lead can meet it."
            yield Finding(path, "contradiction", text)


def _covered(pipeline: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """Positions nobody reaches, each with the position of the step that stands in the way."""
    facts = [_facts(node) for node in _dated(pipeline)]
    sharing = Counter(key for each in facts for fact in each for key in _keys(fact))
    filed: dict[Fact, list[int]] = defaultdict(list)
    for position, step in enumerate(pipeline):
        candidates = {at for fact in facts[position] for at in filed.get(_one_key(fact), ())}
        implied = (at for at in sorted(candidates) if _implies(facts[position], facts[at]))
        earlier = next(implied, None)
        if earlier is not None:
            yield position, earlier
        elif step.settles and step.condition is None:
            yield from ((after, position) for after in range(position + 1, len(pipeline)))
            return
        elif step.settles:
            rarest = min(facts[position], key=lambda fact: max(sharing[key] for key in _keys(fact)))
            for key in _keys(rarest):
                filed[key].append(position)


def too_early(document: PlanDocument) -> Iterator[Finding]:
    """Steps that ask what only a step after them gives, or they themselves; and who asks before any step."""
    for position, each in enumerate(document.known_person.route_anew):
        if _asks_labels(each.when):
            text = "Ask something else: before the pipeline no lead has a band or points."
            yield Finding(f"known_person.route_anew[{position}].when", "too_early", text)
    for position, step in enumerate(document.pipeline):
        for place in _asking_labels(step):
            text = "Move this step behind the score step: before it no lead has a band or points."
            yield Finding(f"pipeline[{position}].{step.strategy}.{place}", "too_early", text)
        if step.strategy == "score":
            return


def _asking_labels(step: Step) -> Iterator[str]:
    """The places in a step's config that ask a band or points."""
    unless = step.config.unless if isinstance(step.config, ProductConfig) else None
    for name, condition in (("when", step.condition), ("unless", unless)):
        if condition is not None and _asks_labels(condition):
            yield name
    for column in (step.config.on if isinstance(step.config, RuleConfig) else None) or ():
        if _is_label(column.field.name):
            yield f"on.{shown(column.field.name)}"


def _asks_labels(node: Node) -> bool:
    return any(_is_label(leaf.field) for leaf in leaves(node))


def _is_label(field: str) -> bool:
    return field.partition(".")[0] in LABELS


def _dated(pipeline: Sequence[Step]) -> Iterator[Node | None]:
    """The conditions of the steps. A label is another fact after each step that may give it anew."""
    given = 0
    for step in pipeline:
        yield step.condition if given < 2 or step.condition is None else _relabelled(step.condition, given)
        given += step.strategy == "score"


def _relabelled(node: Node, given: int) -> Node:
    match node:
        case All(parts):
            return All(tuple(_relabelled(part, given) for part in parts))
        case Any(parts):
            return Any(tuple(_relabelled(part, given) for part in parts))
        case Not(part):
            return Not(_relabelled(part, given))
        case Leaf():
            return replace(node, field=f"{node.field} {given}") if _is_label(node.field) else node


def _facts(node: Node | None) -> frozenset[Fact]:
    """What must all be so for a condition to hold, and what suffices for it."""
    if node is None:
        return frozenset()
    return frozenset(_fact(part) for part in (node.parts if isinstance(node, All) else (node,)))


def _fact(node: Node) -> Fact:
    match node:
        case Leaf():
            return _leaf_fact(node)
        case Not(part):
            return ("not", _facts(part))
        case All():
            return ("all", _facts(node))
        case Any(parts):
            return ("any", frozenset(_fact(part) for part in parts))


def _leaf_fact(leaf: Leaf) -> Fact:
    options = _options(leaf)
    if options is not None:
        return ("in", leaf.field, options)
    folds = isinstance(leaf.operand, str) and leaf.operator != "matches"
    operand: object = str(leaf.operand).casefold() if folds else leaf.operand
    if isinstance(operand, tuple):
        operand = frozenset(_option(each) for each in operand)
    return (leaf.operator, leaf.field, type(operand).__name__, operand)


def _options(leaf: Leaf) -> frozenset[Fact] | None:
    """The values of which the field must have one; None where the comparison is of another kind."""
    if leaf.operator not in ("eq", "in") or leaf.kind is Kind.INSTANT:
        return None
    return frozenset(
        _option(each) for each in (leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,))
    )


def _option(value: object) -> Fact:
    # True equals 1, but a truth value is not a number.
    return (isinstance(value, bool), index_key(value))


def _keys(fact: Fact) -> Iterable[Fact]:
    """Where a fact is filed: once for each of its options, or under itself."""
    if fact[0] != "in" or not isinstance(fact[2], frozenset):
        return (fact,)
    return [("in", fact[1], option) for option in fact[2]]


def _one_key(fact: Fact) -> Fact:
    """Where to look for facts that this one implies: any of its options is among theirs."""
    return next(iter(_keys(fact)))


def _implies(facts: frozenset[Fact], others: frozenset[Fact]) -> bool:
    return all(other in facts or any(_narrower(fact, other) for fact in facts) for other in others)


def _narrower(fact: Fact, other: Fact) -> bool:
    if fact[0] != "in" or other[0] != "in" or fact[1] != other[1]:
        return False
    return isinstance(fact[2], frozenset) and isinstance(other[2], frozenset) and fact[2] <= other[2]


def _possible(node: Node) -> bool:
    """False only where it is certain that nothing can meet the condition."""
    match node:
        case Any(parts):
            return any(_possible(part) for part in parts)
        case All(parts):
            return all(_possible(part) for part in parts) and _together(parts)
        case _:
            return True


def _together(parts: Sequence[Node]) -> bool:
    facts = {_fact(part) for part in parts}
    if any(_fact(part.part) in facts for part in parts if isinstance(part, Not)):
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
    options = [each for leaf in found if (each := _options(leaf)) is not None]
    if not options:
        return _some_number(bounds)
    left = frozenset.intersection(*options)
    for leaf in found:
        if leaf.operator in ("ne", "not_in"):
            refused = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
            left -= {_option(each) for each in refused}
    return any(_fits_all(option, bounds) for option in left)


def _fits_all(option: Fact, bounds: Sequence[Leaf]) -> bool:
    value = option[1]
    return not isinstance(value, (int, float)) or all(
        BOUNDS[each.operator](value, each.operand) for each in bounds
    )


def _some_number(bounds: Sequence[Leaf]) -> bool:
    """Whether a number can lie between all of these bounds."""
    numbers = [(each.operator, each.operand) for each in bounds if isinstance(each.operand, (int, float))]
    low = max((limit for operator, limit in numbers if operator in ("gt", "gte")), default=None)
    high = min((limit for operator, limit in numbers if operator in ("lt", "lte")), default=None)
    if low is None or high is None or low < high:
        return True
    return low == high and all(operator in ("gte", "lte") for operator, limit in numbers if limit == low)
