"""Strategies of other packages: what a plan knows of them, and which of its steps have to ask them.

A plugin is asked before the gate, by a process of its own (`app.plugins`); here its word is data.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from app.engine.conditions.condition import Condition
from app.engine.model.decision import Verdict
from app.engine.model.state import Facts
from app.plan.document.plan import PlanDocument
from app.plan.document.steps import StepConfig
from app.plan.language.conditions import Node, leaves
from app.plan.language.fields import LABELS


@dataclass(slots=True)
class Plugin:
    """A strategy that another package brings, with the package's name and version, and where its class is.

    `readied` says that it makes its settings ready.

    `decide` is never called: whoever decides with it finds its verdict among the question's advice.
    """

    name: str
    Config: type[StepConfig]
    package: str
    version: str
    place: str = ""
    readied: bool = False

    @property
    def stamp(self) -> str:
        """The package and its version, as traces show them."""
        return f"{self.package} {self.version}".strip()

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Any) -> Verdict:  # noqa: ARG002
        """Raises LookupError."""
        raise LookupError(f"{self.name} is asked before the gate")


class AnyConfig(StepConfig):
    """Settings nobody can read here, as of a plugin that is not installed any more."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class PluginStep:
    """A step whose strategy is a plugin. `config` is None when it cannot be read, and so not be asked.

    `document` is the plan without the steps of other plugins, for one that makes its settings ready.
    `late` says that the condition asks what only a step before it gives.
    """

    name: str
    plugin: Plugin
    when: Condition | None
    late: bool
    config: StepConfig | None
    document: PlanDocument | None

    def may_hold(self, values: Mapping[str, Any], now: datetime) -> bool:
        """Whether the step may come to ask about this lead; `values` are all it has."""
        return self.when is None or self.late or self.when.holds(values, now)


def plugin_stand_ins(names: Iterable[str]) -> dict[str, Plugin]:
    """In place of plugins that cannot be asked here, so that the rest of a stored plan goes on."""
    return {name: Plugin(name, AnyConfig, "", "") for name in names}


def plugin_steps(document: PlanDocument, strategies: Mapping[str, object]) -> Iterator[PluginStep]:
    """The steps of a plan that ask a plugin, in order."""
    for step in document.pipeline:
        plugin = strategies.get(step.strategy)
        if isinstance(plugin, Plugin):
            when = Condition(step.condition) if step.condition is not None else None
            config = None if plugin.Config is AnyConfig else step.config
            shown = _without_others(document, plugin, strategies) if plugin.readied else None
            yield PluginStep(step.name, plugin, when, _asks_labels(step.condition), config, shown)


def _without_others(document: PlanDocument, own: Plugin, strategies: Mapping[str, object]) -> PlanDocument:
    others = {name for name, each in strategies.items() if isinstance(each, Plugin) and each is not own}
    kept = tuple(step for step in document.pipeline if step.strategy not in others)
    return document.model_copy(update={"pipeline": kept})


def _asks_labels(node: Node | None) -> bool:
    return node is not None and any(leaf.field.partition(".")[0] in LABELS for leaf in leaves(node))
