"""What the public package exports."""

from app.engine.compile.plan import Compilable, Strategy
from app.engine.model.decision import Target, Verdict
from app.engine.model.state import Facts
from app.enrichment.provider import (
    AccessDenied,
    CallLater,
    Provider,
    ProviderConfig,
    ProviderError,
    QueryRefused,
    Tools,
)
from app.plan.document.plan import PlanDocument
from app.plan.document.step_configs import StepConfig
from app.plan.document.targets import Target as TargetConfig
from app.plan.language.shapes import Name

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
