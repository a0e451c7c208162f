"""Going back in time in a copy of the state: what owners got later does not count."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.engine.model.directory import Caps, Directory, Owner
from app.engine.model.state import State

BERLIN = ZoneInfo("Europe/Berlin")
OWNER = Owner("ana", "Ana", zone=BERLIN, caps=Caps(rolling=((5, timedelta(days=3)),)))
DIRECTORY = Directory(1, {"ana": OWNER}, {})
START = datetime(2026, 11, 2, tzinfo=UTC)
TIMES = st.integers(0, 25_000).map(lambda minutes: START + timedelta(minutes=minutes))


def local_day(at: datetime) -> date:
    return at.astimezone(BERLIN).date()


@given(times=st.lists(TIMES, min_size=1, max_size=8).map(sorted), at=TIMES)
def test_no_lead_of_a_later_day_counts_after_going_back(times: list[datetime], at: datetime) -> None:
    state = State()
    for each in times:
        state.take(DIRECTORY, OWNER, None, each)
    state.rewind(DIRECTORY, at)
    load, today = state.load("ana"), local_day(at)
    newest = local_day(times[-1])
    same_day = sum(local_day(each) == today for each in times) if newest == today else 0
    assert load.open == len(times)
    assert load.on_day(today) == same_day
    assert all(each <= at for each in load.since(at - timedelta(days=30)))
    state.take(DIRECTORY, OWNER, None, at)
    assert state.load("ana").on_day(today) == same_day + 1
