"""The trigger that a repeat is compared with."""

from typing import Any

import pytest

from app.engine.pipeline.triggers import as_submitted, with_own_trigger


@pytest.mark.parametrize(
    ("stored", "submitted"),
    [
        ({"trigger": "chat"}, "chat"),
        (with_own_trigger({"trigger": "chat"}, "manual"), "chat"),
        (with_own_trigger(with_own_trigger({"trigger": "chat"}, "manual"), "manual"), "chat"),
        (with_own_trigger({}, "list_upload"), "form"),
        (with_own_trigger(with_own_trigger({}, "list_upload"), "manual"), "form"),
        ({}, "form"),
    ],
)
def test_trigger_of_the_newest_submission_outlives_our_own(stored: dict[str, Any], submitted: str) -> None:
    assert as_submitted({**stored, "city": "Kiel"}, "form") == {"trigger": submitted, "city": "Kiel"}


def test_lead_that_is_decided_again_has_our_own_trigger() -> None:
    assert with_own_trigger({"trigger": "chat"}, "manual")["trigger"] == "manual"
