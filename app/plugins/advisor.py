"""Asking the plugins of a plan about leads, away from any gate."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.compile.plan import Plan, Strategy
from app.engine.compile.plugins import Plugin, PluginStep
from app.engine.explain.codes import PLUGIN_ERRORS
from app.engine.model.advice import PluginReply, PluginResults, verdict_from_json
from app.plugins.conversation import PluginLimits, RawReply
from app.plugins.line import UNAVAILABLE, PluginQuestion, PluginSnapshot, PluginSupervisor

BATCH_SIZE = 16
"""Of many leads so many are asked about at a time: others of the process wait behind no more than these."""
RAISED = "raised"
Count = Callable[[str, str], None]
"""Counts an error by the strategy's name and its kind."""


@dataclass(frozen=True, slots=True)
class PluginLead:
    """Whom the plugins are asked about: all fields of the lead, the time, and how everyone stands."""

    values: Mapping[str, Any]
    now: datetime
    picture: PluginSnapshot


def _not_counted(strategy: str, kind: str) -> None:
    """Where there are no meters."""


class PluginRunner:
    """The plugins that are installed, each on a line of its own."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy],
        limits: PluginLimits | None = None,
        count: Count = _not_counted,
    ) -> None:
        allowed = limits or PluginLimits()
        self._count = count
        self._lines = {
            name: PluginSupervisor(each, allowed)
            for name, each in strategies.items()
            if isinstance(each, Plugin)
        }

    def __bool__(self) -> bool:
        """Whether any plugin is installed."""
        return bool(self._lines)

    async def advise(self, plan: Plan, leads: Sequence[PluginLead], seconds: float) -> list[PluginResults]:
        """What the plugins say about each lead, in their order; a slice of them has so many seconds."""
        told: list[PluginResults] = []
        for start in range(0, len(leads), BATCH_SIZE):
            until = asyncio.get_running_loop().time() + seconds
            part = leads[start : start + BATCH_SIZE]
            told += await asyncio.gather(*(self._about(plan, lead, until) for lead in part))
        return told

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    async def _about(self, plan: Plan, lead: PluginLead, until: float) -> PluginResults:
        steps = [step for step in plan.plugin_steps if step.may_hold(lead.values, lead.now)]
        questions = (
            PluginQuestion(step, plan.version, lead.values, lead.now, lead.picture) for step in steps
        )
        said = await asyncio.gather(*(self._said(question, until) for question in questions))
        by_step = {step.name: _advice(step, each) for step, each in zip(steps, said, strict=True)}
        return PluginResults(plan.version, lead.now, by_step)

    async def _said(self, question: PluginQuestion, until: float) -> RawReply:
        name = question.step.plugin.name
        line = self._lines.get(name)
        said = UNAVAILABLE
        if line is not None and question.step.config is not None:
            said = await line.ask(question, until)
        if "error" not in said and verdict_from_json(said.get("verdict")) is None:
            said = {"error": "invalid_verdict"}
        if "error" in said:
            self._count(name, said["error"] if said["error"] in PLUGIN_ERRORS else RAISED)
        return said


def _advice(step: PluginStep, said: RawReply) -> PluginReply:
    return {"plugin": step.plugin.stamp, **said} if step.plugin.stamp else said
