"""The order of a queue: exact, and the same for as long as two leads wait."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.life.queues import queue_rank
from app.plan.document.queues import format_aging, read_aging

EIGHT = datetime(2026, 12, 7, 8, tzinfo=UTC)
entries = st.tuples(
    st.integers(0, 100),
    st.integers(0, 2 * 10**15).map(lambda micros: EIGHT + timedelta(microseconds=micros)),
)


def _age(priority: int, aging: int, since: datetime, now: datetime) -> Fraction:
    """The priority of a lead after its wait, as the plan defines it."""
    hours = Fraction((now - since) // timedelta(microseconds=1), 3_600_000_000)
    return priority + Fraction(aging, 1000) * hours


@given(entries, entries, st.integers(0, 9_999_999), st.lists(st.integers(0, 10**9), min_size=1, max_size=4))
def test_two_waiting_leads_never_change_their_order(
    one: tuple[int, datetime], other: tuple[int, datetime], aging: int, waits: list[int]
) -> None:
    ranks = [queue_rank(priority, aging, since) for priority, since in (one, other)]
    for wait in waits:
        now = max(one[1], other[1]) + timedelta(seconds=wait)
        ages = [_age(priority, aging, since, now) for priority, since in (one, other)]
        # A rank is rounded once, so equal ranks may stand for a difference below its last digit, never
        # for the other order.
        assert not (ages[0] < ages[1] and ranks[0] > ranks[1])
        assert not (ages[0] > ages[1] and ranks[0] < ranks[1])
        if ages[0] == ages[1]:
            assert ranks[0] == ranks[1]


@pytest.mark.parametrize(("priority", "overtaken_at"), [(50, 13), (100, 18)])
def test_aged_lead_is_overtaken_only_by_what_came_before_its_age_caught_up(
    priority: int, overtaken_at: int
) -> None:
    """After five hours at 10/h a lead of priority 0 is level with one of 50; nothing is cut."""
    aged = queue_rank(0, 10_000, EIGHT)
    caught_up = EIGHT.replace(hour=overtaken_at)
    assert queue_rank(priority, 10_000, caught_up - timedelta(minutes=1)) > aged
    assert queue_rank(priority, 10_000, caught_up) == aged
    assert queue_rank(priority, 10_000, caught_up + timedelta(minutes=1)) < aged


def test_without_aging_the_rank_is_the_priority() -> None:
    assert queue_rank(70, 0, EIGHT) == queue_rank(70, 0, EIGHT + timedelta(days=400)) == 70.0


@pytest.mark.parametrize("text", ["10/h", "0.5/h", "0/h", "1.125/h"])
def test_aging_is_read_and_written_alike(text: str) -> None:
    assert format_aging(read_aging(text)) == text


@pytest.mark.parametrize("value", ["10", "10/d", "-1/h", "1.2345/h", 10, None, "10 /h"])
def test_aging_in_another_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="10/h"):
        read_aging(value)
