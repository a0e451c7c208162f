"""Strategies of other packages, and the steps that call them.

A plugin is called before the workspace is locked, in its own process (`app.plugins`). Here its reply is data.
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
    """A strategy of another package: the package's name and version, and the place of its class.

    `compiles` says that it compiles its settings. `decide` is never called: its verdict is among the replies
    of the request.
    """

    name: str
    Config: type[StepConfig]
    package: str
    version: str
    place: str = ""
    compiles: bool = False

    @property
    def stamp(self) -> str:
        """The package and its version, as the trace shows them."""
        return f"{self.package} {self.version}".strip()

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Any) -> Verdict:  # noqa: ARG002
        """Raises LookupError."""
        raise LookupError(f"{self.name} is called before the workspace is locked")


class AnyConfig(StepConfig):
    """Settings that cannot be read, such as those of a plugin that is no longer installed."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class PluginStep:
    """A step with a plugin as its strategy.

    - `config` is None when it cannot be read; then the plugin is not called.
    - `document` is the plan without the steps of other plugins, for a plugin that compiles its settings.
    - `late` says that the condition uses a label that only an earlier step gives.
    """

    name: str
    plugin: Plugin
    when: Condition | None
    late: bool
    config: StepConfig | None
    document: PlanDocument | None

    def may_hold(self, values: Mapping[str, Any], now: datetime) -> bool:
        """Whether the step may be reached by a lead with these values."""
        return self.when is None or self.late or self.when.holds(values, now)


def plugin_stand_ins(names: Iterable[str]) -> dict[str, Plugin]:
    """Stand-ins for plugins that cannot be called, so that the rest of a stored plan works."""
    return {name: Plugin(name, AnyConfig, "", "") for name in names}


def plugin_steps(document: PlanDocument, strategies: Mapping[str, object]) -> Iterator[PluginStep]:
    """The steps of a plan that call a plugin, in order."""
    for step in document.pipeline:
        plugin = strategies.get(step.strategy)
        if isinstance(plugin, Plugin):
            when = Condition(step.condition) if step.condition is not None else None
            config = None if plugin.Config is AnyConfig else step.config
            shown = _without_others(document, plugin, strategies) if plugin.compiles else None
            yield PluginStep(step.name, plugin, when, _asks_labels(step.condition), config, shown)


def _without_others(document: PlanDocument, own: Plugin, strategies: Mapping[str, object]) -> PlanDocument:
    others = {name for name, each in strategies.items() if isinstance(each, Plugin) and each is not own}
    kept = tuple(step for step in document.pipeline if step.strategy not in others)
    return document.model_copy(update={"pipeline": kept})


def _asks_labels(node: Node | None) -> bool:
    return node is not None and any(leaf.field.partition(".")[0] in LABELS for leaf in leaves(node))
