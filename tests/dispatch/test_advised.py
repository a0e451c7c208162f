"""When a lead has to be put to the plugins again before it may be decided."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.dispatch.jobs.base import Reassign
from app.dispatch.plugin_results import MAX_AGE, MAX_CALLS, PluginResultMissing, with_plugin_results
from app.engine.compile.plan import Plan, plan_from
from app.engine.compile.plugins import Plugin
from app.engine.model.advice import PluginResults
from app.engine.model.decision import DecisionRequest, Target
from app.plan.document.steps import StepConfig
from app.registry import strategies
from tests.engine.people import NOW

SAID: Mapping[str, Any] = {"ask": {"verdict": {"code": "x"}}}
QUESTION = DecisionRequest("reassign", "a", "l", {"country": "DE"})


def plan(**settings: Any) -> Plan:
    """A plan with one step that asks a plugin."""
    score: dict[str, Any] = {"score": {"bands": {"hot": {}}}}
    pipeline = [score, {"plug": {"name": "ask", **settings}}, {"queue": {"name": "desk"}}]
    offered = {**strategies(), "plug": Plugin("plug", StepConfig, "package", "1")}
    return plan_from({"queues": {"desk": {}}, "pipeline": pipeline}, 3, offered)


async def job(said: PluginResults | None, times: int = 1) -> Reassign:
    return Reassign(lead_id="l", advised=said, asked=times)


@pytest.mark.parametrize(
    "said",
    [
        None,
        PluginResults(2, NOW, SAID),
        PluginResults(3, NOW, {}),
        PluginResults(3, NOW - MAX_AGE - timedelta(seconds=1), SAID),
        PluginResults(3, NOW + MAX_AGE + timedelta(seconds=1), SAID),
    ],
    ids=["never", "another plan", "another step", "long ago", "the clock was set back"],
)
async def test_it_is_asked_again_but_not_for_ever(said: PluginResults | None) -> None:
    with pytest.raises(PluginResultMissing):
        with_plugin_results(await job(said), QUESTION, plan(), NOW)
    late = with_plugin_results(await job(said, MAX_CALLS), QUESTION, plan(), NOW)
    assert late.advice == (said.by_step if said is not None and said.plan_version == 3 else {})


@pytest.mark.parametrize("age", [timedelta(), MAX_AGE, -MAX_AGE])
async def test_what_was_said_just_now_stands(age: timedelta) -> None:
    assert (
        with_plugin_results(await job(PluginResults(3, NOW - age, SAID)), QUESTION, plan(), NOW).advice
        == SAID
    )


async def test_nobody_is_asked_where_nobody_is_heard() -> None:
    wanted = DecisionRequest("claim", "a", "l", {}, to=Target("owner", "ana"))
    assert with_plugin_results(await job(None), wanted, plan(), NOW) is wanted
    assert with_plugin_results(await job(None), QUESTION, plan(when={"country": "FR"}), NOW).advice == {}


async def test_a_band_that_is_not_known_yet_rules_nobody_out() -> None:
    with pytest.raises(PluginResultMissing):
        with_plugin_results(await job(None), QUESTION, plan(when={"band": "hot"}), NOW)
