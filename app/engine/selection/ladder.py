"""Compiles the targets of a plan."""

from collections.abc import Iterable

from app.engine.model.decision import Target
from app.plan.document.steps import Target as Written
from app.values.languages import spoken


def ladder(written: Iterable[Written]) -> tuple[Target, ...]:
    """The targets in the order they are tried, with case-folded skills."""
    return tuple(_target(each) for each in written)


def _target(written: Written) -> Target:
    return Target(
        kind=written.kind,
        name=written.name,
        pick=written.pick,
        priority=written.priority or 0,
        skills=tuple(skill.casefold() for skill in written.skills),
        languages=spoken(written.languages),
        match=written.match,
        off_hours=written.off_hours,
        sla=written.sla,
    )
