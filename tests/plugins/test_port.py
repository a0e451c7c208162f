"""When plugins must be called again before a lead can be decided."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.engine.compile.plan import Plan, plan_from
from app.engine.compile.plugins import Plugin
from app.engine.model.decision import DecisionRequest, Target
from app.engine.model.plugin_replies import PluginResults
from app.plan.document.steps import StepConfig
from app.plugins.port import MAX_AGE, MAX_CALLS, PluginCall, PluginResultMissing
from app.registry import strategies
from tests.support.decisions import NOW

RESULTS: Mapping[str, Any] = {"ask": {"verdict": {"code": "x"}}}
REQUEST = DecisionRequest("reassign", "a", "l", {"country": "DE"})


def plan(**settings: Any) -> Plan:
    """A plan with one plugin step."""
    score: dict[str, Any] = {"score": {"bands": {"hot": {}}}}
    pipeline = [score, {"plug": {"name": "ask", **settings}}, {"queue": {"name": "desk"}}]
    offered = {**strategies(), "plug": Plugin("plug", StepConfig, "package", "1")}
    return plan_from({"queues": {"desk": {}}, "pipeline": pipeline}, 3, offered)


@pytest.mark.parametrize(
    "results",
    [
        None,
        PluginResults(2, NOW, RESULTS),
        PluginResults(3, NOW, {}),
        PluginResults(3, NOW - MAX_AGE - timedelta(seconds=1), RESULTS),
        PluginResults(3, NOW + MAX_AGE + timedelta(seconds=1), RESULTS),
    ],
    ids=["never", "another plan", "another step", "long ago", "the clock was set back"],
)
def test_stale_results_are_fetched_again_but_not_forever(results: PluginResults | None) -> None:
    with pytest.raises(PluginResultMissing):
        PluginCall(results, 1).attach_results(REQUEST, plan(), NOW)
    late = PluginCall(results, MAX_CALLS).attach_results(REQUEST, plan(), NOW)
    assert late.plugin_replies == (
        results.by_step if results is not None and results.plan_version == 3 else {}
    )


@pytest.mark.parametrize("age", [timedelta(), MAX_AGE, -MAX_AGE])
def test_recent_results_are_used(age: timedelta) -> None:
    call = PluginCall(PluginResults(3, NOW - age, RESULTS), 1)
    assert call.attach_results(REQUEST, plan(), NOW).plugin_replies == RESULTS


def test_plugins_are_not_needed_when_no_step_of_theirs_can_run() -> None:
    to_owner = DecisionRequest("claim", "a", "l", {}, to=Target("owner", "ana"))
    assert PluginCall().attach_results(to_owner, plan(), NOW) is to_owner
    assert PluginCall().attach_results(REQUEST, plan(when={"country": "FR"}), NOW).plugin_replies == {}


def test_unknown_band_does_not_exclude_a_plugin_step() -> None:
    with pytest.raises(PluginResultMissing):
        PluginCall().attach_results(REQUEST, plan(when={"band": "hot"}), NOW)
