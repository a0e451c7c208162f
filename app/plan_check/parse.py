"""Parsing a plan with the installed strategies."""

import re
from collections.abc import Iterable, Mapping, Sequence

from app.engine.compile.plan import Strategy
from app.errors import Fault, Path
from app.plan.document.plan import PlanDocument
from app.plan.document.steps import StepConfig
from app.plan.findings import Finding
from app.plan.json_schema import plan_schema
from app.plan.reader.read import read_plan
from app.plan.reader.rest import read_rest

_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


Strategies = Mapping[str, Strategy]
"""The strategies a plan may use, by name."""


def parse_plan(
    source: str | bytes | Mapping[str, object], strategies: Strategies
) -> PlanDocument | list[Finding]:
    """The document of a text or of plain data, or the findings when it is not valid."""
    return read_plan(source, _configs(strategies))


def parse_rest(
    source: Mapping[str, object], found: Sequence[Finding], strategies: Strategies
) -> tuple[PlanDocument | None, list[Finding]]:
    """The document without the faulty parts of plain data, and the findings that these parts have hidden."""
    return read_rest(source, found, _configs(strategies))


def schema(strategies: Strategies) -> dict[str, object]:
    """The JSON Schema of a plan."""
    return plan_schema(_configs(strategies))


def faults(findings: Iterable[Finding], place: str = "body") -> list[Fault]:
    """Findings as faults of a request. `place` is where their paths start."""
    return [Fault(steps(finding.path), finding.code, finding.text, place) for finding in findings]


def steps(path: str) -> Path:
    """The parts of the path of a finding, such as `pipeline[3].rule.when`."""
    return tuple(int(at) if at else name for at, name in _PART.findall(path))


def _configs(strategies: Strategies) -> Mapping[str, type[StepConfig]]:
    return {name: each.Config for name, each in strategies.items()}
