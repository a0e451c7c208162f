from datetime import UTC, datetime, timedelta

import pytest

from app.plan.language.durations import format_duration, parse_duration, parse_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("4h", timedelta(hours=4)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
        ("0", timedelta()),
        ("0d", timedelta()),
    ],
)
def test_duration_is_parsed(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "15", "m", "1.5h", "-3d", "15 m", "15M", "1y", "101w5d", "9999999w", "٣d"]
)
def test_invalid_duration_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"Must be an integer|at most 100 years"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["30s", "15m", "4h", "90d", "2w", "90m", "0"])
def test_duration_survives_formatting(text: str) -> None:
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", timedelta()),
        ("now-30d", -timedelta(days=30)),
        ("now + 2h", timedelta(hours=2)),
        ("-30d", -timedelta(days=30)),
        ("+14d", timedelta(days=14)),
        ("30d ago", -timedelta(days=30)),
        ("in 14d", timedelta(days=14)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00:00+02:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-20T10:00:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
    ],
)
def test_timestamp_is_parsed(text: str, expected: datetime | timedelta) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "30d", "now-", "tomorrow", "0001-01-01T00:00:00+10:00"]
)
def test_invalid_timestamp_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="Must be a timestamp"):
        parse_instant(text)
