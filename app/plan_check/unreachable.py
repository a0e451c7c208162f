"""Steps that no lead can reach.

Every finding is certain. Not every unreachable step is found: that would be a satisfiability problem.
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
    """Steps after one that takes every lead, or every lead that matches the later step."""
    for position, earlier in _covered(pipeline):
        step, before = pipeline[position], pipeline[earlier]
        taken = "every lead" if before.condition is None else "every lead that matches this step"
        text = (
            f"No lead reaches this step, because step {earlier + 1} takes {taken}. Move it up, or remove it."
        )
        yield Finding(f"pipeline[{position}].{step.strategy}", "unreachable", text)


def _covered(pipeline: Sequence[PlanStep]) -> Iterator[tuple[int, int]]:
    """Positions of unreachable steps, each with the position of the step that hides it."""
    forms = [normal_forms(node) for node in _dated(pipeline)]
    sharing = Counter(key for each in forms for form in each for key in _keys(form))
    filed: dict[NormalForm, list[int]] = defaultdict(list)
    for position, step in enumerate(pipeline):
        candidates = {at for form in forms[position] for at in filed.get(_one_key(form), ())}
        implied = (at for at in sorted(candidates) if _implies(forms[position], forms[at]))
        earlier = next(implied, None)
        if earlier is not None:
            yield position, earlier
        elif step.settles and step.condition is None:
            yield from ((after, position) for after in range(position + 1, len(pipeline)))
            return
        elif step.settles:
            rarest = min(forms[position], key=lambda form: max(sharing[key] for key in _keys(form)))
            for key in _keys(rarest):
                filed[key].append(position)


def _dated(pipeline: Sequence[PlanStep]) -> Iterator[Node | None]:
    """The conditions of the steps. A label counts as a new field after each step that may change it."""
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


def _keys(form: NormalForm) -> Iterable[NormalForm]:
    """The keys of a form: one for each of its options, or the form itself."""
    if form[0] != "in" or not isinstance(form[2], frozenset):
        return (form,)
    return [("in", form[1], option) for option in form[2]]


def _one_key(form: NormalForm) -> NormalForm:
    """One key of a form. Every form it implies has this key too."""
    return next(iter(_keys(form)))


def _implies(forms: frozenset[NormalForm], others: frozenset[NormalForm]) -> bool:
    return all(other in forms or any(_narrower(form, other) for form in forms) for other in others)


def _narrower(form: NormalForm, other: NormalForm) -> bool:
    if form[0] != "in" or other[0] != "in" or form[1] != other[1]:
        return False
    return isinstance(form[2], frozenset) and isinstance(other[2], frozenset) and form[2] <= other[2]
