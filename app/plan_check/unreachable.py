"""Steps that no lead can come to.

What is told is certain. Not everything certain is told: that would be a satisfiability problem.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from app.plan.document.steps import PlanStep
from app.plan.findings import Finding
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan_check.label_order import is_label
from app.plan_check.normal_form import NormalForm, normal_forms


def unreachable(pipeline: Sequence[PlanStep]) -> Iterator[Finding]:
    """Steps after one that takes every lead, or all those that would meet the later step's condition."""
    for position, earlier in _covered(pipeline):
        step, before = pipeline[position], pipeline[earlier]
        because = "every lead" if before.condition is None else "every lead that would meet its condition"
        text = f"Move or remove this step: step {earlier + 1} settles {because} before it."
        yield Finding(f"pipeline[{position}].{step.strategy}", "unreachable", text)


def _covered(pipeline: Sequence[PlanStep]) -> Iterator[tuple[int, int]]:
    """Positions nobody reaches, each with the position of the step that stands in the way."""
    demands = [normal_forms(node) for node in _dated(pipeline)]
    sharing = Counter(key for each in demands for demand in each for key in _keys(demand))
    filed: dict[NormalForm, list[int]] = defaultdict(list)
    for position, step in enumerate(pipeline):
        candidates = {at for demand in demands[position] for at in filed.get(_one_key(demand), ())}
        implied = (at for at in sorted(candidates) if _implies(demands[position], demands[at]))
        earlier = next(implied, None)
        if earlier is not None:
            yield position, earlier
        elif step.settles and step.condition is None:
            yield from ((after, position) for after in range(position + 1, len(pipeline)))
            return
        elif step.settles:
            rarest = min(demands[position], key=lambda demand: max(sharing[key] for key in _keys(demand)))
            for key in _keys(rarest):
                filed[key].append(position)


def _dated(pipeline: Sequence[PlanStep]) -> Iterator[Node | None]:
    """The conditions of the steps. A label is another field after each step that may give it anew."""
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
            return replace(node, field=f"{node.field} {given}") if is_label(node.field) else node


def _keys(demand: NormalForm) -> Iterable[NormalForm]:
    """Where a demand is filed: once for each of its options, or under itself."""
    if demand[0] != "in" or not isinstance(demand[2], frozenset):
        return (demand,)
    return [("in", demand[1], option) for option in demand[2]]


def _one_key(demand: NormalForm) -> NormalForm:
    """Where to look for demands that this one implies: any of its options is among theirs."""
    return next(iter(_keys(demand)))


def _implies(demands: frozenset[NormalForm], others: frozenset[NormalForm]) -> bool:
    return all(other in demands or any(_narrower(demand, other) for demand in demands) for other in others)


def _narrower(demand: NormalForm, other: NormalForm) -> bool:
    if demand[0] != "in" or other[0] != "in" or demand[1] != other[1]:
        return False
    return isinstance(demand[2], frozenset) and isinstance(other[2], frozenset) and demand[2] <= other[2]
