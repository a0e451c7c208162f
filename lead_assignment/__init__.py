"""The public package of lead-assignment: what a strategy is written with.

Import only from here and from `lead_assignment.testing`. Everything else is internal and may move.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lead_assignment._exports import (
        AccessDenied,
        CallLater,
        Compilable,
        Facts,
        Name,
        PlanDocument,
        Provider,
        ProviderConfig,
        ProviderError,
        QueryRefused,
        StepConfig,
        Strategy,
        Target,
        TargetConfig,
        Tools,
        Verdict,
    )

__all__ = [
    "AccessDenied",
    "CallLater",
    "Compilable",
    "Facts",
    "Name",
    "PlanDocument",
    "Provider",
    "ProviderConfig",
    "ProviderError",
    "QueryRefused",
    "StepConfig",
    "Strategy",
    "Target",
    "TargetConfig",
    "Tools",
    "Verdict",
]


# The command line is in this package too, and looks after signals before anything that takes long to import.
def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lead_assignment import _exports

    return getattr(_exports, name)


def __dir__() -> list[str]:
    return list(__all__)
