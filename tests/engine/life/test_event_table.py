"""The table of events."""

from app.dispatch.jobs.reject import REJECTED
from app.engine.life.event_table import EVENT_KINDS
from app.plan.language.event_types import CLOSING, FACTS, ORDERS


def test_plans_know_the_same_events_as_the_table() -> None:
    assert {name for name, kind in EVENT_KINDS.items() if kind.order} == set(ORDERS)
    assert {name for name, kind in EVENT_KINDS.items() if not kind.order} == set(FACTS)


def test_the_facts_that_close_by_default_are_those_of_the_table() -> None:
    closing = [name for name, kind in EVENT_KINDS.items() if kind.ends is not None and not kind.order]
    assert closing == list(CLOSING)
    assert [name for name, kind in EVENT_KINDS.items() if kind.ends == REJECTED] == [REJECTED]
