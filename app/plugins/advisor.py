"""Asking the plug-ins of a plan about leads, away from any gate."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.engine.compile.plan import Plan, Strategy
from app.engine.compile.plugins import PluggedStep, PlugIn
from app.engine.explain.codes import PLUG_IN_ERRORS
from app.engine.model.advice import Advice, Advised, verdict_from
from app.plugins.conversation import PlugInLimits, Said
from app.plugins.line import UNAVAILABLE, Line, Picture, Question

AT_ONCE = 16
"""Of many leads so many are asked about at a time: others of the process wait behind no more than these."""
RAISED = "raised"
Count = Callable[[str, str], None]
"""Counts an error by the strategy's name and its kind."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Whom the plug-ins are asked about: all fields of the lead, the time, and how everyone stands."""

    values: Mapping[str, Any]
    now: datetime
    picture: Picture


def _not_counted(strategy: str, kind: str) -> None:
    """Where there are no meters."""


class Advisor:
    """The plug-ins that are installed, each on a line of its own."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy],
        limits: PlugInLimits | None = None,
        count: Count = _not_counted,
    ) -> None:
        allowed = limits or PlugInLimits()
        self._count = count
        self._lines = {
            name: Line(each, allowed) for name, each in strategies.items() if isinstance(each, PlugIn)
        }

    def __bool__(self) -> bool:
        """Whether any plug-in is installed."""
        return bool(self._lines)

    async def advise(self, plan: Plan, leads: Sequence[Lead], seconds: float) -> list[Advised]:
        """What the plug-ins say about each lead, in their order; a slice of them has so many seconds."""
        told: list[Advised] = []
        for start in range(0, len(leads), AT_ONCE):
            until = asyncio.get_running_loop().time() + seconds
            part = leads[start : start + AT_ONCE]
            told += await asyncio.gather(*(self._about(plan, lead, until) for lead in part))
        return told

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    async def _about(self, plan: Plan, lead: Lead, until: float) -> Advised:
        steps = [step for step in plan.plugged if step.may_hold(lead.values, lead.now)]
        questions = (Question(step, plan.version, lead.values, lead.now, lead.picture) for step in steps)
        said = await asyncio.gather(*(self._said(question, until) for question in questions))
        by_step = {step.name: _advice(step, each) for step, each in zip(steps, said, strict=True)}
        return Advised(plan.version, lead.now, by_step)

    async def _said(self, question: Question, until: float) -> Said:
        name = question.step.plug_in.name
        line = self._lines.get(name)
        said = UNAVAILABLE
        if line is not None and question.step.config is not None:
            said = await line.ask(question, until)
        if "error" not in said and verdict_from(said.get("verdict")) is None:
            said = {"error": "no verdict"}
        if "error" in said:
            self._count(name, said["error"] if said["error"] in PLUG_IN_ERRORS else RAISED)
        return said


def _advice(step: PluggedStep, said: Said) -> Advice:
    return {"plug_in": step.plug_in.stamp, **said} if step.plug_in.stamp else said
