"""The steps of a pipeline: the configs of the built-in strategies, and how a step is read."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

from pydantic import Field, ValidationError, ValidationInfo

from app.plan.conditions import Node
from app.plan.findings import Faults, Finding, fault, shown
from app.plan.refusals import findings_of
from app.plan.shapes import Name, Part, Priority, StepCondition, Words, reading
from app.plan.targets import OffHours, Pick, Rungs, Target

__all__ = [
    "BUILT_IN",
    "QueueConfig",
    "RoundRobinConfig",
    "RuleConfig",
    "Step",
    "StepConfig",
    "Strategies",
    "Target",
]


class StepConfig(Part):
    """What every step may have. A strategy's config extends this."""

    name: Name | None = Field(
        None,
        description="How traces and reports call the step. Left out, it is the team's or queue's name, "
        "else the strategy and its position; a number is added when an earlier step bears it.",
    )
    when: StepCondition | None = Field(
        None, description="Which leads the step is for; every lead when left out."
    )

    def targets(self) -> tuple[Target, ...]:
        """Every target the config names, in the order they are tried."""
        return ()

    @property
    def settles(self) -> bool:
        """Whether the step takes every lead that meets its condition."""
        return False

    @property
    def default_name(self) -> str | None:
        """What the step is called when it has no name of its own; None for its strategy and position."""
        return None


class LadderConfig(StepConfig):
    """A step that tries its targets in order; it takes every lead when one of them does."""

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        """The targets in the order they are tried."""
        raise NotImplementedError

    def targets(self) -> tuple[Target, ...]:
        return self.ladder

    @property
    def settles(self) -> bool:
        return any(target.settles for target in self.ladder)


class RuleConfig(LadderConfig):
    """Sends the leads that meet a condition to one target."""

    name: Name = Field(description="The rule's name, unique in the plan.")
    then: Target = Field(description="Where the leads that meet the condition go.")

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        return (self.then, *self.then.otherwise)


class RoundRobinConfig(LadderConfig):
    """Shares leads among the members of a team, each according to his weight."""

    team: Name = Field(description="The team that shares the leads.")
    pick: Pick | None = Field(None, description="How a member is picked; the team's own way when left out.")
    skills: Words = Field((), description="Skills a member must have, all of them.")
    languages: Words = Field((), description="Languages a member must speak, all of them.")
    priority: Priority = Field(0, description="0 to 100; counts where the lead comes to wait in a queue.")
    off_hours: OffHours | None = Field(
        None,
        description="What happens while nobody of the team is on shift: assign (when left out), hold in the "
        "built-in queue until the next shift begins, or next.",
    )
    else_: Rungs = Field(
        (), alias="else", description="Targets to try in order when nobody in the team can take the lead."
    )

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        own = {
            name: getattr(self, name)
            for name in ("team", "pick", "priority", "skills", "languages", "off_hours")
        }
        team = Target.model_validate({**own, "else": self.else_})
        return (team, *team.otherwise)

    @property
    def default_name(self) -> str:
        return self.team


class QueueConfig(LadderConfig):
    """Lets leads wait in a queue of this plan. It takes every lead, so it may end the pipeline."""

    name: Name = Field(description="The queue, declared under `queues`.")
    priority: Priority = Field(0, description="0 to 100; what waits with a higher priority goes first.")

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        return (Target(queue=self.name, priority=self.priority),)

    @property
    def default_name(self) -> str:
        return self.name


Strategies = Mapping[str, type[StepConfig]]
"""The strategies a plan may use: the word in the pipeline, and the model of what stands behind it."""

BUILT_IN: Strategies = {"rule": RuleConfig, "round_robin": RoundRobinConfig, "queue": QueueConfig}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `name` is its own, else its team's or queue's, else its strategy and position."""

    strategy: str
    name: str
    config: StepConfig

    @property
    def condition(self) -> Node | None:
        """Which leads the step is for; None for every lead."""
        return self.config.when

    @property
    def settles(self) -> bool:
        """Whether it takes every lead that meets its condition."""
        return self.config.settles


def read_steps(value: object, info: ValidationInfo) -> tuple[Step, ...]:
    """The steps of a pipeline. Raises Faults with every fault of every step."""
    if not isinstance(value, (list, tuple)) or not value:
        raise fault("wrong_type", "Write the pipeline as a list of at least one step.")
    found: list[tuple[str, StepConfig]] = []
    findings: list[Finding] = []
    for position, each in enumerate(value):
        try:
            found.append(_step(each, info))
        except Faults as refused:
            findings.extend(finding.under(f"[{position}]") for finding in refused.findings)
    if not findings:
        findings = _doubled(found)
    if findings:
        raise Faults(*findings)
    return _named(found)


def _step(value: object, info: ValidationInfo) -> tuple[str, StepConfig]:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise fault(
            "wrong_type", "Write a step as one strategy and its config, such as {queue: {name: unrouted}}."
        )
    ((strategy, config),) = value.items()
    model = reading(info).strategies.get(strategy)
    if model is None or not issubclass(model, StepConfig):
        known = ", ".join(sorted(reading(info).strategies))
        raise fault("unknown_strategy", f"Use one of the strategies {known}.", shown(strategy))
    try:
        return strategy, model.model_validate(config, context=info.context)
    except ValidationError as refused:
        raise Faults(*findings_of(refused, shown(strategy))) from None


def _doubled(found: list[tuple[str, StepConfig]]) -> list[Finding]:
    seen: set[str] = set()
    findings = []
    for position, (strategy, config) in enumerate(found):
        if config.name is None or config.name == config.default_name:
            continue
        if config.name in seen:
            text = f"Give this step another name: {shown(config.name)} is taken."
            findings.append(Finding(f"[{position}].{strategy}.name", "duplicate_name", text))
        seen.add(config.name)
    return findings


def _named(found: list[tuple[str, StepConfig]]) -> tuple[Step, ...]:
    """Names each step; one that would bear an earlier step's name gets a number."""
    taken = {config.name for _, config in found if config.name != config.default_name}
    steps = []
    for position, (strategy, config) in enumerate(found, start=1):
        default = config.default_name
        if config.name is not None and config.name != default:
            name = config.name
        else:
            name = _free(default or f"{strategy}-{position}", taken)
        taken.add(name)
        steps.append(Step(strategy, name, config))
    return tuple(steps)


def _free(wanted: str, taken: Container[str | None]) -> str:
    return next(name for name in chain((wanted,), (f"{wanted}-{n}" for n in count(2))) if name not in taken)
