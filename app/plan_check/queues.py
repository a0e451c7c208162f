"""Queues that send leads in a circle when they have waited too long."""

from collections.abc import Iterator, Mapping

from app.plan.document.plan import PlanDocument
from app.plan.document.queues import Queue
from app.plan.findings import Finding, quote


def endless_waits(document: PlanDocument) -> Iterator[Finding]:
    """A finding for each queue whose `then` leads back to it, by way of other queues or at once."""
    for name in document.queues:
        if name in _reached(name, document.queues):
            text = "The leads come back to this queue. Let then end with an owner, a team, or another queue."
            yield Finding(f"queues.{quote(name)}.then", "queue_cycle", text)


def _reached(start: str, queues: Mapping[str, Queue]) -> set[str]:
    """The queues that leads of this one can come to."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        queue = queues.get(waiting.pop())
        for target in queue.ladder if queue is not None else ():
            if target.kind == "queue" and target.name not in found:
                found.add(target.name)
                waiting.append(target.name)
    return found
