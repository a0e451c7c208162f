"""SLA deadlines: when the owner must have accepted and touched a lead, in their working time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.engine.conditions.comparisons import Values
from app.engine.conditions.condition import compile_condition
from app.engine.model.decision import Decision, SlaDeadlines
from app.engine.model.directory import Owner
from app.plan.document.slas import Sla, SlaRule


class Slas:
    """The compiled SLAs of one plan."""

    def __init__(self, named: Mapping[str, Sla], rules: Sequence[SlaRule]) -> None:
        self._named = named
        self._rules = [
            (compile_condition(rule.when) if rule.when is not None else None, rule.sla) for rule in rules
        ]

    def __bool__(self) -> bool:
        return bool(self._named)

    def due(self, decision: Decision, values: Values, now: datetime) -> SlaDeadlines | None:
        """The deadlines of the step's SLA, else of the first matching rule, counted from `now`.

        None without an owner and for a duplicate submission. A claimed lead counts as accepted.
        """
        if decision.owner is None or decision.keeps_assignment:
            return None
        name = decision.sla_name or self._fitting({**values, **decision.labels}, now)
        sla = self._named.get(name) if name is not None else None
        if name is None or sla is None:
            return None
        accept = None if decision.code == "claimed" else sla.accept
        return SlaDeadlines(name, _after(decision.owner, now, accept), _after(decision.owner, now, sla.touch))

    def _fitting(self, values: Values, now: datetime) -> str | None:
        fitting = (name for when, name in self._rules if when is None or when.holds(values, now))
        return next(fitting, None)


def _after(owner: Owner, now: datetime, length: timedelta | None) -> datetime | None:
    """When this much working time has passed. Plain time if the owner has no hours, or no more of them."""
    if length is None:
        return None
    if owner.hours is None:
        return now + length
    absences = [(absence.start, absence.end) for absence in owner.absences]
    return owner.hours.add_working_time(now, length, absences) or now + length
