"""What a lead says about consent that counts as an act of the person: a yes with a time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.engine.life.preferences import ConsentAct, name_of

RECORD = "consent_record"


def acts_of_lead(
    values: Mapping[str, Any], now: datetime, origin: str = "form"
) -> list[tuple[str, ConsentAct]]:
    """The acts of a normalized lead. Only a yes with a time is one.

    A time in the future counts as now.
    """
    record, given = values.get(RECORD), values.get("consent")
    if record is None:
        return []
    if not isinstance(record, Mapping) or not isinstance(given, Mapping):
        return []
    at = record.get("at")
    if not isinstance(at, datetime):
        return []
    act = ConsentAct(
        "granted",
        min(at, now),
        origin,
        None,
        record.get("form"),
        record.get("field"),
        record.get("text_version"),
    )
    return [(name_of(channel, record.get("topic")), act) for channel, said in given.items() if said is True]
