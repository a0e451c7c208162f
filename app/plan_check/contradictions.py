"""Conditions that are never true. Every finding is certain, but not every such condition is found."""

from collections.abc import Iterator, Sequence

from app.plan.document.plan import PlanDocument
from app.plan.findings import Finding, quote, show
from app.plan_check.atoms import excludes
from app.plan_check.clauses import Alternatives, Word, alternatives, described, vocabulary_of
from app.plan_check.parse import steps
from app.plan_check.places import conditions


def contradictions(document: PlanDocument) -> Iterator[Finding]:
    """Conditions whose parts exclude each other, such as country DE and country FR."""
    vocabulary = vocabulary_of(document.fields)
    for path, node in conditions(document):
        found = alternatives(node, vocabulary)
        if not found.cubes:
            yield _never_true(path, found, document)


def _never_true(path: str, condition: Alternatives, document: PlanDocument) -> Finding:
    place = steps(path)
    rule = document.pipeline[int(place[1])].name if place[0] == "pipeline" else None
    subject = f"The condition of `{quote(rule)}`" if rule is not None else "This condition"
    pair = _conflict(condition.words)
    if pair is None:
        text = f"{subject} is never true. Its parts exclude each other. Remove one of them."
        return Finding(path, "contradiction", text, rule=rule)
    one, other = (described(each) for each in pair)
    text = (
        f"{subject} is never true: no lead has both {one} and {other}. "
        "Remove one of them, or put them under any."
    )
    return Finding(path, "contradiction", text, rule=rule, value=show(pair[1].value))


def _conflict(words: Sequence[Word]) -> tuple[Word, Word] | None:
    """Two values that no lead has both. There may be others."""
    return next(
        ((one, other) for at, other in enumerate(words) for one in words[:at] if _exclude(one, other)), None
    )


def _exclude(one: Word, other: Word) -> bool:
    return one.field == other.field and all(
        first.field == second.field and excludes(first, second)
        for first in one.atoms
        for second in other.atoms
    )
