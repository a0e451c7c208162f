"""The words of notices about SLA clocks."""

from datetime import UTC, datetime

from app.engine.followup.clock_notices import paused
from app.engine.model.directory import Owner


def test_a_pause_is_told_to_the_minute() -> None:
    until = datetime(2026, 12, 2, 8, 0, 0, 2, tzinfo=UTC)
    params = paused(Owner("ana", "Ana"), "hot", 3, until)["params"]
    assert (
        params["text"]
        == "You get no new leads until 2026-12-02 08:00 UTC, because you missed 3 deadlines in a row."
    )
    assert params["until"] == "2026-12-02T08:00:00.000002Z"
