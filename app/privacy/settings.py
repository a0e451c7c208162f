"""How long data is kept in a workspace: a record of the directory, `settings/retention`."""

import calendar
import re
from datetime import UTC, datetime, timedelta

from app.store.connection.pool import Connection
from app.store.directory.settings import SettingsRecord

RETENTION = SettingsRecord(
    "retention",
    {
        "leads": None,
        "raw": "14d",
        "event_ids": "30d",
        "actions": "30d",
        "job_results": "90d",
        "failed_leads": "30d",
    },
)
IDEMPOTENCY_WINDOW = timedelta(days=7)
"""How long an idempotency key stands for its answer. This is no setting: callers rely on it."""
_PERIOD = re.compile(r"([1-9][0-9]{0,3})(d|w|mo|y)")
_DAYS = {"d": 1, "w": 7}
_MONTHS = {"mo": 1, "y": 12}


async def raw_kept(connection: Connection, workspace_id: int) -> timedelta:
    """How long the bodies of webhooks are kept."""
    now = datetime.now(UTC)
    return now - before(now, (await RETENTION.read(connection, workspace_id))["raw"])


def check_period(text: str) -> str:
    """The text, if it is a period such as 14d, 6w, 24mo or 7y. Raises ValueError otherwise."""
    if _PERIOD.fullmatch(text) is None:
        raise ValueError("must be a whole number with d, w, mo or y, such as 14d or 24mo")
    return text


def before(now: datetime, period: str) -> datetime:
    """The moment a period ago, in calendar months where it counts months."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise ValueError("a stored period is valid")
    count, unit = int(match[1]), match[2]
    if unit in _DAYS:
        return now - timedelta(days=count * _DAYS[unit])
    months = now.year * 12 + now.month - 1 - count * _MONTHS[unit]
    year, month = max(months // 12, 1), months % 12 + 1
    return now.replace(year=year, month=month, day=min(now.day, calendar.monthrange(year, month)[1]))
