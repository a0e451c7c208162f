"""Which strategies there are: all come through one entry-point group, the built-in ones too."""

from collections.abc import Mapping
from importlib.metadata import entry_points

from app.engine.plan import Strategy

GROUP = "lead_assignment.strategies"


def strategies() -> Mapping[str, Strategy]:
    """Every installed strategy by name. Of two with one name the one found first stays."""
    found: dict[str, Strategy] = {}
    for point in sorted(
        entry_points(group=GROUP), key=lambda point: (not point.value.startswith("app."), point.name)
    ):
        strategy = point.load()()
        found.setdefault(strategy.name, strategy)
    return found
