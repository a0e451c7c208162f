"""A workspace whose time a test moves, to report what happened minute by minute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from app.store import clocks
from tests.support.workspace import Workspace


@dataclass
class Case:
    """Leads and events at given times, and the reports about them, all through HTTP."""

    workspace: Workspace
    leads: int = 0
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def at(self, moment: datetime) -> None:
        """Let the workspace's time be this moment, and stand almost still."""
        async with self.workspace.pool.acquire() as connection:
            await clocks.set_clock(connection, self.workspace.workspace_id, moment, speed=0.001)

    async def lead(self, moment: datetime | None = None, **lead: Any) -> dict[str, Any]:
        """The decision about a new lead that arrives at this moment, else now."""
        if moment is not None:
            await self.at(moment)
        self.leads += 1
        return await self.workspace.assign(**{"external_id": f"lead-{self.leads}", **lead})

    async def event(
        self, decision: Mapping[str, Any], type_: str, at: date | None = None, **event: Any
    ) -> None:
        """Report an event about a decision, which happened at `at`, else now."""
        body = {"type": type_, **({"at": at.isoformat()} if at is not None else {}), **event}
        url = f"/assignments/{decision['assignment_id']}/events"
        answer = await self.workspace.client.post(url, json=body)
        assert answer.status_code == 200, answer.text

    async def report(self, name: str, **parameters: Any) -> dict[str, Any]:
        """The answer of a report."""
        answer = await self.workspace.client.get(f"/metrics/{name}", params=renamed(parameters))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert found["complete"]
        return found


async def begin(workspace: Workspace, plan: str, moment: datetime) -> Case:
    """A workspace with a plan, at this moment."""
    case = Case(workspace)
    await case.at(moment)
    await workspace.publish(plan)
    return case


def renamed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by their names in the query: `from_` is `from`."""
    return {name.rstrip("_"): value for name, value in parameters.items()}


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)


def close(binned: float | str | None, exact: float | str | None) -> bool:
    """Whether a percentile out of bins is at most one per cent away, but for rounding."""
    if isinstance(binned, float | int) and isinstance(exact, float | int):
        return abs(binned - exact) <= 0.0101 * exact
    return binned == exact
