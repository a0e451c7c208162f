"""The idempotency key of a batch in which there is nothing to decide."""

from dataclasses import dataclass

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply


@dataclass(eq=False, slots=True)
class KeepKey(Job):
    """Let the key of a batch stand for its body. Nothing is decided."""

    bulk: bool = True

    def decide(self, _: DecisionSession) -> Reply:
        """The key was looked at before. It has no reply of its own."""
        return Reply(204, b"", kept=False)
