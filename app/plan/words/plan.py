"""A whole plan in words: its steps, its follow-ups, its settings and its tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.plan import PlanDocument
from app.plan.words.conditions import Sentence, condition_in_words
from app.plan.words.settings import Entries, flat, settings_as_written, settings_in_words
from app.plan.words.steps import StepWords, step_in_words
from app.plan.words.targets import action_in_words


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
    """A plan. `settings` are the parts beside steps, follow-ups and tests, `written` the same as written."""

    steps: tuple[StepWords, ...]
    follow_ups: tuple[FollowUpWords, ...]
    settings: Mapping[str, Entries]
    written: Mapping[str, Entries]
    tests: tuple[TestWords, ...]


def plan_in_words(document: PlanDocument, source: Mapping[str, Any]) -> PlanWords:
    """A plan in words. `source` is the document as it was written."""
    return PlanWords(
        tuple(step_in_words(step, document) for step in document.pipeline),
        tuple(map(_block, document.follow_up)),
        settings_in_words(document, source),
        settings_as_written(source),
        tuple(_test(each, position) for position, each in enumerate(source.get("tests") or (), 1)),
    )


def _block(block: FollowUpBlock) -> FollowUpWords:
    when = condition_in_words(block.when) if block.when is not None else None
    return FollowUpWords(when, tuple(map(action_in_words, block.do)))


def _test(test: Any, position: int) -> TestWords:
    lead, given, expect = (
        "; ".join(flat(test[name])) if test.get(name) else "" for name in ("lead", "given", "expect")
    )
    return TestWords(str(test.get("name") or f"test {position}"), lead, given, expect)
