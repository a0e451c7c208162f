"""The findings of stored versions, kept for those who ask again."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.background import KeptTasks
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
        self._checks: KeptTasks[Basis, Findings] = KeptTasks("check of a plan", MAX_VERSIONS)

    def find(self, workspace_id: int, version: int, basis: Basis) -> asyncio.Task[Findings] | None:
        """The check of a version, finished or under way, or None."""
        kept = self._checks.find((workspace_id, version))
        return kept[1] if kept is not None and kept[0].serves(basis) else None

    def begin(
        self, workspace_id: int, version: int, basis: Basis, check: Coroutine[object, object, Findings]
    ) -> asyncio.Task[Findings]:
        """Begin a check and keep it."""
        return self._checks.begin((workspace_id, version), basis, check)
