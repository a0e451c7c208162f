"""What follows from an attempt to send a message."""

from datetime import UTC, datetime, timedelta

import pytest

from app.outbox.retries import DELAYS, LONGEST_PAUSE, MAX_FAILURES, Breaker, Outcome, next_attempt, outcome_of

NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def longest(low: float, high: float) -> float:
    return high


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "delivered"), (202, "delivered"), (204, "delivered"),
        (301, "dead"), (302, "dead"), (304, "dead"), (307, "dead"), (308, "dead"),
        (400, "dead"), (401, "dead"), (403, "dead"), (404, "dead"), (410, "dead"), (413, "dead"),
        (422, "dead"),
        (408, "again"), (409, "again"), (425, "again"), (429, "again"),
        (500, "again"), (501, "again"), (502, "again"), (503, "again"), (504, "again"), (599, "again"),
        (101, "again"), (600, "again"),
    ],
)  # fmt: skip
def test_status_says_what_becomes_of_a_message(status: int, result: str) -> None:
    assert outcome_of(status, None).result == result


def test_attempts_spread_over_a_day_and_then_end() -> None:
    at, pauses = NOW, []
    for attempts in range(1, 100):
        following = next_attempt(attempts, NOW, at, None, middle)
        if following is None:
            break
        pauses.append(following - at)
        at = following
    assert pauses == list(DELAYS)
    assert timedelta(hours=23) < at - NOW < timedelta(hours=25)


def test_message_that_fails_a_day_after_its_first_attempt_is_dead() -> None:
    late = NOW + timedelta(hours=24)
    assert next_attempt(2, NOW, late - timedelta(seconds=1), None, middle) is not None
    assert next_attempt(2, NOW, late, None, middle) is None


@pytest.mark.parametrize(("asked", "seconds"), [(None, 6.0), (1.0, 6.0), (77.0, 77.0), (1e9, 24 * 3600.0)])
def test_retry_after_lengthens_a_pause_and_never_shortens_it(asked: float | None, seconds: float) -> None:
    following = next_attempt(1, NOW, NOW, asked, longest)
    assert following == NOW + timedelta(seconds=seconds)


AGAIN, DEAD, DELIVERED = Outcome("again", 503), Outcome("dead", 400), Outcome("delivered", 200)


def test_breaker_opens_after_failures_in_a_row_and_each_time_for_longer() -> None:
    breaker, at = Breaker(), NOW
    for _ in range(MAX_FAILURES - 1):
        breaker = breaker.after(AGAIN, at, middle)
        assert breaker.open_until is None
    pauses = []
    for _ in range(8):
        breaker = breaker.after(AGAIN, at, middle)
        assert breaker.open_until is not None
        assert breaker.opened_at == NOW
        pauses.append(breaker.open_until - at)
        at = breaker.open_until
    assert pauses[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert pauses[-1] == LONGEST_PAUSE


def test_calls_that_were_under_way_when_it_opened_do_not_keep_it_open_for_longer() -> None:
    breaker = Breaker()
    for _ in range(MAX_FAILURES):
        breaker = breaker.after(AGAIN, NOW, middle)
    assert breaker.after(AGAIN, NOW, middle) == breaker


@pytest.mark.parametrize("outcome", [DELIVERED, DEAD])
def test_any_answer_that_is_not_temporary_closes_it(outcome: Outcome) -> None:
    breaker = Breaker(7, NOW, NOW + timedelta(seconds=30))
    assert breaker.after(outcome, NOW + timedelta(seconds=31), middle) == Breaker()


def test_what_was_not_sent_says_nothing_about_the_target() -> None:
    breaker = Breaker(3)
    assert breaker.after(Outcome("unsent"), NOW, middle) == breaker
