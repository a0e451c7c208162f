"""The installed strategies. All of them, built-in ones included, are found by one entry-point group."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

import structlog

from app.engine.compile.plan import Compilable, Strategy
from app.engine.compile.plugins import Plugin
from app.plan.document.steps import StepConfig

DISTRIBUTION = "lead-assignment"
GROUP = "lead_assignment.strategies"
log = structlog.get_logger()


def strategies() -> Mapping[str, Strategy]:
    """All installed strategies by name. If two have the same name, the first one counts.

    The code of a plugin runs in its own process (`app.plugins`). Here it has only its name and the schema
    of its settings. A plugin that cannot be imported is logged and left out.
    """
    found: dict[str, Strategy] = {}
    points = [(not _is_built_in(point), point.name, point) for point in entry_points(group=GROUP)]
    # Built-in ones first, so that no plugin takes their names.
    for is_plugin, _, point in sorted(points, key=lambda each: each[:2]):
        strategy = _plugin(point) if is_plugin else loaded(point)
        if strategy is not None:
            found.setdefault(strategy.name, strategy)
    return found


def loaded(point: EntryPoint) -> Strategy:
    """The strategy of an entry point. Raises what its import raises."""
    strategy: Strategy = point.load()()
    return strategy


def _plugin(point: EntryPoint) -> Plugin | None:
    try:
        strategy = loaded(point)
        strategy_name: object = strategy.name
        if not isinstance(strategy_name, str) or not issubclass(strategy.Config, StepConfig):
            raise TypeError(point.name)
    except (Exception, SystemExit) as error:
        log.error("strategy not loaded", strategy=point.name, error=type(error).__name__)
        return None
    package = point.dist
    name, version = (package.name, package.version) if package is not None else (point.module, "")
    return Plugin(
        strategy_name, strategy.Config, name, version, point.value, isinstance(strategy, Compilable)
    )


def _is_built_in(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == DISTRIBUTION
