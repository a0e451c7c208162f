"""Named owners: when a lead waits for them, when caps are ignored, and the reason."""

from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.engine.compile.plan import CompiledStep
from app.engine.model.decision import Decision, Target, Verdict
from app.engine.model.state import Load
from app.engine.pipeline.walk import try_step
from tests.support.decisions import NOW, facts, question

HOUR = timedelta(hours=1)
DAYTIME = {"berlin": {"timezone": "Europe/Berlin", "hours": "Mo-Fr 15:00-18:00"}}


def decided(target: Target, owner: Mapping[str, Any], away: timedelta | None = None) -> Decision | None:
    """The decision of a step that names Ana, who is absent for `away`."""
    absences = [{"owner": "ana", "from": str(NOW - HOUR), "to": str(NOW + away)}] if away else []
    known = facts({"ana": owner}, absences=absences, calendars=DAYTIME)
    known.state.loads["ana"] = Load(open=1)
    verdict = Verdict("named", (target,))
    return try_step(
        CompiledStep("named", "rule", None, lambda _values, _facts: verdict), question(), known, [], []
    )


WAITED_FOR: list[tuple[dict[str, Any], timedelta | None, str | None, timedelta | None]] = [
    ({}, 2 * HOUR, None, 2 * HOUR),
    ({}, 4 * HOUR, None, 4 * HOUR),
    ({}, 5 * HOUR, None, None),
    ({"paused_until": (NOW + HOUR).isoformat()}, None, None, HOUR),
    ({"caps": {"open": 1}}, None, None, None),  # nobody knows when a place will be free
    ({"active": False}, None, None, None),
    ({"calendar": "berlin"}, None, "hold", 2 * HOUR),
    ({"calendar": "berlin"}, None, "next", 2 * HOUR),
]


@pytest.mark.parametrize(("owner", "away", "off_hours", "back"), WAITED_FOR)
def test_a_lead_is_held_for_an_owner_who_is_back_in_time(
    owner: dict[str, Any], away: timedelta | None, off_hours: str | None, back: timedelta | None
) -> None:
    found = decided(Target("owner", "ana", off_hours=off_hours, hold=4 * HOUR), owner, away)
    if back is None:
        assert found is None
    else:
        assert found is not None
        assert (found.outcome, found.queue, found.code) == ("queued", "held", "held")
        assert (found.held_until, found.held_for_owner, found.held_for_team) == (NOW + back, "ana", None)
        assert not found.counts_toward_load


def test_the_sentence_says_why_the_lead_is_held() -> None:
    found = decided(Target("owner", "ana", hold=4 * HOUR), {"name": "Ana Weber"}, HOUR)
    assert found is not None
    assert found.text == "Held until 2026-11-20 13:00 UTC because Ana Weber is absent (rule named)."


def test_a_target_without_hold_never_waits() -> None:
    assert decided(Target("owner", "ana"), {}, HOUR) is None


CAPPED = {"caps": {"open": 1}}


@pytest.mark.parametrize(
    ("ignore_caps", "owner", "expected"),
    [
        (True, CAPPED, SimpleNamespace(over_cap=True)),
        (True, {}, SimpleNamespace(over_cap=False)),
        (False, CAPPED, None),
        (True, {**CAPPED, "active": False}, None),
    ],
)
def test_an_owner_who_ignores_caps_is_shown_as_over_cap(
    ignore_caps: bool, owner: dict[str, Any], expected: SimpleNamespace | None
) -> None:
    found = decided(Target("owner", "ana", ignore_caps=ignore_caps), owner)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert (found.outcome, found.over_cap, found.counts_toward_load) == (
            "assigned",
            expected.over_cap,
            True,
        )


def test_ignore_caps_does_not_lift_an_absence() -> None:
    assert decided(Target("owner", "ana", ignore_caps=True), CAPPED, HOUR) is None


def test_a_target_can_have_its_own_reason() -> None:
    found = decided(Target("owner", "ana", code="account_owner"), {})
    assert found is not None
    assert found.code == "account_owner"
