"""The steps of a pipeline: the built-in strategies, and how a step is read."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from pydantic import ValidationError, ValidationInfo

from app.plan.document.accounts import AccountConfig
from app.plan.document.products import ProductConfig
from app.plan.document.pydantic_errors import findings_of
from app.plan.document.scoring import ScoreConfig
from app.plan.document.step_configs import QueueConfig, RoundRobinConfig, RuleConfig, StepConfig
from app.plan.document.targets import Target
from app.plan.findings import MAX_FINDINGS, Faults, Finding, fault, quote
from app.plan.language.conditions import Node
from app.plan.language.shapes import context_of
from app.plan.language.spelling import did_you_mean

__all__ = [
    "BUILT_IN",
    "AccountConfig",
    "PlanStep",
    "ProductConfig",
    "QueueConfig",
    "RoundRobinConfig",
    "RuleConfig",
    "ScoreConfig",
    "StepConfig",
    "Strategies",
    "Target",
]

Strategies = Mapping[str, type[StepConfig]]
"""The strategies a plan may use: the key in the pipeline, and the model of its settings."""

BUILT_IN: Strategies = {
    "account": AccountConfig,
    "rule": RuleConfig,
    "score": ScoreConfig,
    "product": ProductConfig,
    "round_robin": RoundRobinConfig,
    "queue": QueueConfig,
}


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step. `name` is its own, else that of its team or queue, else its strategy and position."""

    strategy: str
    name: str
    config: StepConfig

    @property
    def condition(self) -> Node | None:
        """The leads the step is for. None means every lead."""
        return self.config.when

    @property
    def settles(self) -> bool:
        """Whether it takes every lead that matches its condition."""
        return self.config.settles


def read_steps(value: object, info: ValidationInfo) -> tuple[PlanStep, ...]:
    """The steps of a pipeline. Raises Faults with every fault of every step."""
    if not isinstance(value, (list, tuple)) or not value:
        raise fault("wrong_type", "The pipeline must be a list of at least one step.")
    found: list[tuple[str, StepConfig]] = []
    findings: list[Finding] = []
    for position, each in enumerate(value):
        try:
            found.append(_step(each, info))
        except Faults as refused:
            findings.extend(finding.under(f"[{position}]") for finding in refused.findings)
            if len(findings) >= MAX_FINDINGS:
                break
    if not findings:
        findings = _doubled(found)
    if findings:
        raise Faults(*findings)
    return _named(found)


def _step(value: object, info: ValidationInfo) -> tuple[str, StepConfig]:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise fault(
            "wrong_type", "A step must be one strategy with its settings, such as {queue: {name: unrouted}}."
        )
    ((strategy, config),) = value.items()
    model = context_of(info).strategies.get(strategy)
    if model is None or not issubclass(model, StepConfig):
        meant = did_you_mean(strategy, context_of(info).strategies)
        known = ", ".join(sorted(context_of(info).strategies))
        raise fault(
            "unknown_strategy",
            f"Unknown strategy.{meant} Use one of {known}, or install its plug-in.",
            quote(strategy),
        )
    try:
        read = model.model_validate(config, context=info.context)
    except ValidationError as refused:
        raise Faults(*findings_of(refused, quote(strategy), model)) from None
    except Exception:
        raise _failed(strategy) from None
    if strategy not in BUILT_IN:
        _check_targets(strategy, read)
    return strategy, read


def _check_targets(strategy: str, config: StepConfig) -> None:
    """Call the methods of a plug-in's config once, so that a faulty one is found when the plan is checked."""
    try:
        named = [*config.targets(), *(target for _, ladder in config.ladders() for target in ladder)]
        sound = all(isinstance(target, Target) for target in named) and isinstance(config.settles, bool)
    except Exception:
        raise _failed(strategy) from None
    if not sound:
        raise _failed(strategy)


def _failed(strategy: str) -> Faults:
    text = "The plug-in failed to read these settings. Fix the settings or the plug-in."
    return fault("plugin_config_error", text, quote(strategy))


def _doubled(found: list[tuple[str, StepConfig]]) -> list[Finding]:
    seen: set[str] = set()
    findings = []
    for position, (strategy, config) in enumerate(found):
        if config.name is None or config.name == config.default_name:
            continue
        if config.name in seen:
            text = f"Two steps are named {quote(config.name)}. Rename one."
            findings.append(Finding(f"[{position}].{strategy}.name", "duplicate_name", text))
        seen.add(config.name)
    return findings


def _named(found: list[tuple[str, StepConfig]]) -> tuple[PlanStep, ...]:
    """Name each step. A default name that an earlier step has gets a number.

    The default name of a plug-in's step is ignored, because it must not change when the plug-in is removed.
    """
    taken = {config.name for _, config in found if config.name != config.default_name}
    steps = []
    numbers: dict[str, int] = {}
    for position, (strategy, config) in enumerate(found, start=1):
        default = config.default_name if strategy in BUILT_IN else None
        if config.name is not None and config.name != default:
            name = config.name
        else:
            name = _free(default or f"{strategy}-{position}", taken, numbers)
        taken.add(name)
        steps.append(PlanStep(strategy, name, config))
    return tuple(steps)


def _free(wanted: str, taken: Container[str | None], numbers: dict[str, int]) -> str:
    """The wanted name, or the first free one with a number. `numbers` are the last ones that were tried."""
    name, number = wanted, numbers.get(wanted, 1)
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    numbers[wanted] = number
    return name
