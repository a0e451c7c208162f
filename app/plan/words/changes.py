"""What differs between two plans, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from app.plan.words.plan import PlanWords
from app.plan.words.settings import Entries
from app.plan.words.steps import StepWords

Kind = Literal["added", "removed", "changed", "moved"]
_NAMES = {"slas": "SLA", "sla_rules": "SLA rule", "queues": "queue", "paths": "path", "products": "product"}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that differs. `gone` and `new` are the lines that only one of the two plans has."""

    part: str
    name: str
    kind: Kind
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    note: str = ""


def changes_between(before: PlanWords, after: PlanWords) -> list[Change]:
    """What the second plan has otherwise than the first: steps, then follow-ups, then all the rest."""
    found = [*_of_entries("step", _steps(before), _steps(after))]
    found += _moved(before.steps, after.steps)
    found += _of_entries("follow-up", _follow_ups(before), _follow_ups(after))
    for part in dict.fromkeys((*before.settings, *after.settings)):
        found += _of_part(part, before, after)
    tests = [{each.name: _test(each) for each in plan.tests} for plan in (before, after)]
    return [*found, *_of_entries("test", *tests)]


def _of_part(part: str, before: PlanWords, after: PlanWords) -> list[Change]:
    """What differs in a part: in words, or as it is written where both are the same in words."""
    name = _NAMES.get(part) or part.replace("_", " ")
    in_words = [each.settings.get(part, {}) for each in (before, after)]
    written = [each.written.get(part, {}) for each in (before, after)]
    return list(_of_entries(name, *in_words)) or list(_of_entries(name, *written))


def _steps(plan: PlanWords) -> Entries:
    return {step.name: tuple(_step(step)) for step in plan.steps}


def _step(step: StepWords) -> Iterator[str]:
    yield f"kind: {step.kind}"
    yield from (
        [f"for leads where {line}" if not at else line for at, line in enumerate(step.when.lines())]
        if step.when is not None
        else ["for every lead"]
    )
    yield from step.lines


def _follow_ups(plan: PlanWords) -> Entries:
    found: dict[str, tuple[str, ...]] = {}
    for block in plan.follow_ups:
        name = f"for {block.name}"
        found[name] = (*found.get(name, ()), *block.actions)
    return found


def _test(test: object) -> tuple[str, ...]:
    names = ("lead", "given", "expect")
    return tuple(f"{name}: {text}" for name in names if (text := getattr(test, name)))


def _of_entries(part: str, before: Entries, after: Entries) -> Iterator[Change]:
    for name, lines in after.items():
        if name not in before:
            yield Change(part, name, "added", new=lines)
        elif lines != before[name]:
            yield _changed(part, name, before[name], lines)
    for name, lines in before.items():
        if name not in after:
            yield Change(part, name, "removed", gone=lines)


def _changed(part: str, name: str, before: Sequence[str], after: Sequence[str]) -> Change:
    gone: list[str] = []
    new: list[str] = []
    for what, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what != "equal":
            gone += before[i1:i2]
            new += after[j1:j2]
    return Change(part, name, "changed", tuple(gone), tuple(new))


def _moved(before: Sequence[StepWords], after: Sequence[StepWords]) -> Iterator[Change]:
    """The steps that stand elsewhere among those that both plans have; the order of steps decides."""
    names = {each.name for each in before} & {each.name for each in after}
    earlier = [each.name for each in before if each.name in names]
    later = [each.name for each in after if each.name in names]
    kept = {
        name
        for block in SequenceMatcher(None, earlier, later, autojunk=False).get_matching_blocks()
        for name in later[block.b : block.b + block.size]
    }
    for position, name in enumerate(later):
        if name not in kept:
            place = f"now after {later[position - 1]}" if position else "now the first step"
            yield Change("step", name, "moved", note=place)
