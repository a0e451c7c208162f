"""The findings of stored versions, kept for those who ask again."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.background import has_failed
from app.plan.findings import Finding

MAX_VERSIONS = 256
MAX_AGE = timedelta(minutes=1)
"""Some findings depend on the time."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found, and the number of tests of the plan if they ran."""

    findings: Sequence[Finding]
    tests_run: int | None


@dataclass(frozen=True, slots=True)
class Basis:
    """What findings depend on, beside the version itself."""

    directory_version: int
    attributes: frozenset[str] | None
    at: datetime

    def serves(self, other: "Basis") -> bool:
        """Whether what was found on this basis still holds on the other."""
        same = (self.directory_version, self.attributes) == (other.directory_version, other.attributes)
        return same and self.at <= other.at < self.at + MAX_AGE


class KeptFindings:
    """One check of a version serves all who ask while nothing changes that it depends on."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[Basis, asyncio.Task[Findings]]] = OrderedDict()

    def find(self, workspace_id: int, version: int, basis: Basis) -> asyncio.Task[Findings] | None:
        """The check of a version, finished or under way, or None."""
        before, check = self._kept.get((workspace_id, version), (None, None))
        if before is None or check is None or not before.serves(basis) or has_failed(check):
            return None
        self._kept.move_to_end((workspace_id, version))
        return check

    def begin(
        self, workspace_id: int, version: int, basis: Basis, check: Coroutine[object, object, Findings]
    ) -> asyncio.Task[Findings]:
        """Begin a check and keep it. The least recently used ones are dropped."""
        task = asyncio.create_task(check, name="check of a plan")
        task.add_done_callback(has_failed)
        self._kept[workspace_id, version] = (basis, task)
        self._kept.move_to_end((workspace_id, version))
        while len(self._kept) > MAX_VERSIONS:
            self._kept.popitem(last=False)
        return task
