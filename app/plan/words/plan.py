"""A whole plan in words: its steps, its follow-ups, and everything else by the path it is written at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.plan import PlanDocument
from app.plan.words.conditions import Sentence, condition_in_words
from app.plan.words.steps import StepWords, step_in_words
from app.plan.words.targets import action_in_words

SHOWN_APART = frozenset(("pipeline", "follow_up", "tests", "comment"))
MAX_VALUE = 200


@dataclass(frozen=True, slots=True)
class FollowUpWords:
    """A block of actions: which decisions it is for (None for all), and the actions, a line each."""

    when: Sentence | None
    actions: tuple[str, ...]

    @property
    def name(self) -> str:
        """The condition on one line. Two blocks may have the same one."""
        return "every decision" if self.when is None else self.when.on_one_line()


@dataclass(frozen=True, slots=True)
class TestWords:
    """A test: its name, its lead and circumstances, and the decision it expects, each as written."""

    __test__ = False

    name: str
    lead: str
    given: str
    expect: str


@dataclass(frozen=True, slots=True)
class PlanWords:
    """A plan. `settings` are the parts beside steps, follow-ups and tests: name and lines of each entry."""

    steps: tuple[StepWords, ...]
    follow_ups: tuple[FollowUpWords, ...]
    settings: Mapping[str, Mapping[str, tuple[str, ...]]]
    tests: tuple[TestWords, ...]


def plan_in_words(document: PlanDocument, source: Mapping[str, Any]) -> PlanWords:
    """A plan in words. `source` is the document as it was written."""
    return PlanWords(
        tuple(step_in_words(step, document) for step in document.pipeline),
        tuple(map(_block, document.follow_up)),
        {
            name: dict(_entries(value))
            for name, value in source.items()
            if name not in SHOWN_APART and value not in (None, {}, [])
        },
        tuple(_test(each, position) for position, each in enumerate(source.get("tests") or (), 1)),
    )


def _block(block: FollowUpBlock) -> FollowUpWords:
    when = condition_in_words(block.when) if block.when is not None else None
    return FollowUpWords(when, tuple(map(action_in_words, block.do)))


def _entries(value: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The entries of a part: those of a mapping by key, those of a list by their name or position."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key), tuple(_flat(each))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if not any(isinstance(each, (Mapping, list)) for each in value):
            yield "", (", ".join(map(_shown, value)),)
            return
        for position, each in enumerate(value, 1):
            named = each.get("name") if isinstance(each, Mapping) else None
            yield str(named or position), tuple(_flat(each))
    else:
        yield "", (_shown(value),)


def _flat(value: object, path: str = "") -> Iterator[str]:
    """The values of a part of the plan, one a line, each with its path in it."""
    before = f"{path}: " if path else ""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _flat(each, f"{path} {key}".strip())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if all(not isinstance(each, (Mapping, list)) for each in value):
            yield before + ", ".join(map(_shown, value))
            return
        for position, each in enumerate(value, 1):
            yield from _flat(each, f"{path} {position}".strip())
    else:
        yield before + _shown(value)


def _test(test: Any, position: int) -> TestWords:
    lead, given, expect = (
        "; ".join(_flat(test[name])) if test.get(name) else "" for name in ("lead", "given", "expect")
    )
    return TestWords(str(test.get("name") or f"test {position}"), lead, given, expect)


def _shown(value: object) -> str:
    if value is None or value == {}:
        return "nothing set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"
