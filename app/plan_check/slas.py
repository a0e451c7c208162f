"""Checks of SLAs: reminders and deadlines that never come, and what queues, paths and escalations name."""

from collections.abc import Collection, Iterator
from datetime import datetime

from app.engine.life.working_time import HORIZON, Shifts, WorkingTime
from app.plan.document.plan import PlanDocument
from app.plan.document.queues import Queue
from app.plan.document.targets import Target
from app.plan.findings import Finding, Severity, quote
from app.plan.language.durations import format_duration
from app.plan.language.hours import Hours
from app.plan_check.declarations import unknown_sla


def escalations(document: PlanDocument) -> Iterator[tuple[str, Target]]:
    """The targets of every escalation, with their paths."""
    for name, sla in document.slas.items():
        for position, target in enumerate(sla.escalate_to):
            yield f"slas.{quote(name)}.escalate_to[{position}]", target


def reminder_findings(document: PlanDocument) -> Iterator[Finding]:
    """Reminders that are longer than a deadline, so that they are never sent before it."""
    for name, sla in document.slas.items():
        shortest = min(each for each in (sla.accept, sla.touch, sla.claim) if each is not None)
        for position, reminder in enumerate(sla.remind):
            if reminder.before is not None and reminder.before >= shortest:
                text = "This reminder is never sent before the shortest deadline. Use a shorter time."
                path = f"slas.{quote(name)}.remind[{position}]"
                yield Finding(path, "invalid_duration", text, "warning")


def bound_findings(document: PlanDocument) -> Iterator[Finding]:
    """Bounds in plain time that always end before a deadline, so that it never comes."""
    for name, sla in document.slas.items():
        longest = max(each for each in (sla.accept, sla.touch, sla.claim) if each is not None)
        if sla.max_wall is not None and sla.max_wall <= longest:
            text = "This bound ends before the longest deadline, which never comes. Use a longer time."
            yield Finding(f"slas.{quote(name)}.max_wall", "invalid_duration", text, "warning")


def _after_the_wait(name: str, queue: Queue) -> Iterator[tuple[str, str | None]]:
    """The SLA of each target in `then`, with its path. An inherited SLA is listed once."""
    for rung, target in enumerate(queue.ladder):
        if rung == 0 or target.sla != queue.ladder[0].sla:
            place = "then" if rung == 0 else f"then.else[{rung - 1}]"
            yield f"queues.{quote(name)}.{place}", target.sla


def named_sla_findings(document: PlanDocument) -> Iterator[Finding]:
    """Queues, paths and escalations that name an SLA which the plan does not declare."""
    named = [(f"queues.{quote(name)}", each.sla) for name, each in document.queues.items()]
    named += [(f"paths.{quote(name)}", each.sla) for name, each in document.paths.items()]
    named += [(path, target.sla) for path, target in escalations(document)]
    named += [
        (path, sla) for name, each in document.queues.items() for path, sla in _after_the_wait(name, each)
    ]
    for path, own in named:
        if own is not None and own not in document.slas:
            yield unknown_sla(own, f"{path}.sla", document)


def never_due_findings(
    document: PlanDocument, calendars: Collection[Hours | None], now: datetime
) -> Iterator[Finding]:
    """Deadlines of owners that never come in some working hours. Owners with such hours are passed over.

    It is an error if that is true of all. `calendars` are the hours of owners, None for always.
    """
    for name, sla in document.slas.items():
        for kind, length in (("accept", sla.accept), ("touch", sla.touch)):
            if length is None:
                continue
            never = [
                hours
                for hours in calendars
                if hours is not None and WorkingTime((Shifts(hours),)).add(now, length) is None
            ]
            if never:
                text = (
                    f"{format_duration(length)} of working time take more than {HORIZON.days // 365} years "
                    f"in the hours `{quote(never[0].text)}` of some owners. Use a shorter time."
                )
                severity: Severity = "error" if len(never) == len(calendars) else "warning"
                yield Finding(f"slas.{quote(name)}.{kind}", "never_due", text, severity)
