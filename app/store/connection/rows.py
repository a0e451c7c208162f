"""Rows as the driver returns them."""

from datetime import UTC, datetime
from typing import Any

from app.store.connection.pool import Row


def row_in_utc(row: Row) -> dict[str, Any]:
    """Return the columns of a row, with times in UTC."""
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in row.items()
    }
