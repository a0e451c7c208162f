"""Runs the plugins of a plan for leads: inside the service, and on their own while a plan is checked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.compile.plan import Plan, Strategy
from app.engine.compile.plugins import Plugin, PluginStep
from app.engine.explain.codes import PLUGIN_ERRORS
from app.engine.model.plugin_replies import PluginReply, PluginResults, verdict_from_json
from app.plugins.process import STARTING_SECONDS, PluginLimits, RawReply
from app.plugins.supervisor import UNAVAILABLE, PluginQuestion, PluginSnapshot, PluginSupervisor

BATCH_SIZE = 16
"""Leads sent to the plugins at a time, so that a single request waits for at most this many."""
CHECK_LIMITS = PluginLimits(seconds=2.0)
"""Nobody waits in a browser while a plan is checked, and a busy machine should not fail a plan's test."""
RAISED = "raised"
Count = Callable[[str, str], None]
"""Counts an error by the name of the strategy and the kind of error."""


@dataclass(frozen=True, slots=True)
class PluginLead:
    """What the plugins are shown: all fields of the lead, the time, and the state of the workspace."""

    values: Mapping[str, Any]
    now: datetime
    snapshot: PluginSnapshot


def _not_counted(strategy: str, kind: str) -> None:
    """Counts nothing."""


class PluginRunner:
    """The installed plugins, each with a supervisor of its processes."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy],
        limits: PluginLimits | None = None,
        count: Count = _not_counted,
    ) -> None:
        allowed = limits or PluginLimits()
        self._count = count
        self._supervisors = {
            name: PluginSupervisor(each, allowed)
            for name, each in strategies.items()
            if isinstance(each, Plugin)
        }

    def __bool__(self) -> bool:
        """Whether any plugin is installed."""
        return bool(self._supervisors)

    async def run(self, plan: Plan, leads: Sequence[PluginLead], seconds: float) -> list[PluginResults]:
        """The results for each lead, in their order. Every batch gets this many seconds."""
        results: list[PluginResults] = []
        for start in range(0, len(leads), BATCH_SIZE):
            until = asyncio.get_running_loop().time() + seconds
            part = leads[start : start + BATCH_SIZE]
            results += await asyncio.gather(*(self._run_steps(plan, lead, until) for lead in part))
        return results

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(each.close() for each in self._supervisors.values()))

    async def _run_steps(self, plan: Plan, lead: PluginLead, until: float) -> PluginResults:
        steps = [step for step in plan.plugin_steps if step.may_hold(lead.values, lead.now)]
        questions = (
            PluginQuestion(step, plan.version, lead.values, lead.now, lead.snapshot) for step in steps
        )
        reply = await asyncio.gather(*(self._ask(question, until) for question in questions))
        by_step = {step.name: _with_package(step, each) for step, each in zip(steps, reply, strict=True)}
        return PluginResults(plan.version, lead.now, by_step)

    async def _ask(self, question: PluginQuestion, until: float) -> RawReply:
        name = question.step.plugin.name
        supervisor = self._supervisors.get(name)
        reply = UNAVAILABLE
        if supervisor is not None and question.step.config is not None:
            reply = await supervisor.call(question, until)
        if "error" not in reply and verdict_from_json(reply.get("verdict")) is None:
            reply = {"error": "invalid_verdict"}
        if "error" in reply:
            self._count(name, reply["error"] if reply["error"] in PLUGIN_ERRORS else RAISED)
        return reply


def _with_package(step: PluginStep, reply: RawReply) -> PluginReply:
    return {"plugin": step.plugin.stamp, **reply} if step.plugin.stamp else reply


def call_plugins(
    strategies: Mapping[str, Strategy], plan: Plan, leads: Sequence[PluginLead]
) -> list[PluginResults]:
    """The results for each lead, from processes that end with this call. Blocks the calling thread."""

    async def run() -> list[PluginResults]:
        runner = PluginRunner(strategies, CHECK_LIMITS)
        try:
            return await runner.run(plan, leads, STARTING_SECONDS)
        finally:
            await runner.close()

    # A thread of its own, because a loop may be running in the caller's.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
