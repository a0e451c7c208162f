"""The times of a file."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.cli.files.times import DayOrder, read_time
from app.errors import ValidationFailed

AT = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-03T14:05:00Z",
        "2026-11-03T15:05:00+0100",
        "2026-11-03 14:05:00 UTC",
        "2026/11/03 14:05",
        "03.11.2026 14:05",
        "3.11.2026, 14:05 Uhr",
        "3 Nov 2026 14:05 UTC",
        "1793714700",
        "1793714700000",
    ],
)
def test_plain_times_are_read(cell: str) -> None:
    assert read_time(cell, None).at == AT


def test_order_of_day_and_month_is_told_or_plain() -> None:
    assert read_time("11/03/2026 2:05 PM", DayOrder.MDY).at == AT
    assert read_time("03/11/2026 14:05", DayOrder.DMY).at == AT
    assert read_time("11/20/2026 12:00:00 AM", None).at == datetime(2026, 11, 20, tzinfo=UTC)
    assert read_time("20/11/2026", None).at == datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(ValidationFailed) as refused:
        read_time("03/11/2026", None)
    assert refused.value.faults[0].code == "ambiguous_date"


def test_time_without_an_offset_is_in_the_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert read_time("3.11.2026 15:05", None, berlin) == (AT, True)
    assert read_time("2026-11-03 15:05", None, berlin) == (AT, True)
    assert read_time("2026-11-03T14:05Z", None, berlin) == (AT, False)
    assert read_time("1793714700", None, berlin) == (AT, False)
    assert read_time("03-11-2026", DayOrder.DMY, berlin).is_local
    assert read_time("11/03/2026 2:05 PM UTC", DayOrder.MDY, berlin) == (AT, False)


@pytest.mark.parametrize(
    "cell", ["", "soon", "31.02.2026", "2026-13-01", "1.1.2026 25:00", "1.1.1800", "9" * 30]
)
def test_other_text_is_refused(cell: str) -> None:
    with pytest.raises(ValidationFailed):
        read_time(cell, None)
