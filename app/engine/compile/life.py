"""Compiles what a plan says about the life of an assignment after its decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.engine.conditions.condition import Condition, compile_condition
from app.engine.followup.actions import FollowUp, compile_follow_up
from app.engine.model.decision import Target
from app.engine.selection.ladder import ladder
from app.plan.document.life import Handoff
from app.plan.document.plan import PlanDocument
from app.plan.document.scoring import ScoreConfig


@dataclass(frozen=True, slots=True)
class HandoffRule:
    """One handoff. With `keep`, the first owner keeps the lead too.

    The owner with the role in the lead's account comes before the targets; None if the plan names no role.
    """

    name: str
    event: str
    when: Condition | None
    role: str | None
    targets: tuple[Target, ...]
    keep: bool


@dataclass(frozen=True, slots=True)
class LifeRules:
    """What follows from events, and from nothing happening.

    `on_event` has the actions by the type of the event. `close_idle` is None when idle leads stay open.
    `band_levels` tells which of two bands is the higher one.
    """

    on_event: Mapping[str, FollowUp]
    handoffs: Sequence[HandoffRule]
    close_on: frozenset[str]
    close_idle: timedelta | None
    max_snooze: timedelta
    signal_window: timedelta
    band_levels: Mapping[str, tuple[float, float]]

    def handoff(self, name: str) -> HandoffRule | None:
        """The handoff of this name."""
        return next((each for each in self.handoffs if each.name == name), None)


def compile_life(document: PlanDocument, queues: Mapping[str, Mapping[str, str]]) -> LifeRules:
    """Compile these parts of a plan. `queues` gives the CRM ids of each queue."""
    return LifeRules(
        on_event={type_: compile_follow_up(blocks, queues) for type_, blocks in document.on_event.items()},
        handoffs=[_handoff(each) for each in document.handoffs],
        close_on=frozenset(document.close_on),
        close_idle=document.close_idle,
        max_snooze=document.max_snooze,
        signal_window=document.signal_window,
        band_levels=_band_levels(document),
    )


def _handoff(written: Handoff) -> HandoffRule:
    return HandoffRule(
        name=written.name,
        event=written.when_event,
        when=compile_condition(written.when) if written.when is not None else None,
        role=written.role,
        targets=ladder([target for _, target in written.targets()]),
        keep=written.keep,
    )


def _band_levels(document: PlanDocument) -> dict[str, tuple[float, float]]:
    configs = (step.config for step in document.pipeline)
    scores = [config for config in configs if isinstance(config, ScoreConfig)]
    return {name: band.range for config in scores for name, band in config.bands.items()}
