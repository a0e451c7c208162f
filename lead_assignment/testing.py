"""Facts for the tests of a strategy, made from plain records. No service and no database is needed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.engine.model.records import directory_from
from app.engine.model.state import Load, State
from lead_assignment import Facts

__all__ = ["DEFAULT_NOW", "build_facts"]

Records = Mapping[str, Mapping[str, Any]]

DEFAULT_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""A Friday at noon."""


def build_facts(
    *,
    owners: Records | None = None,
    teams: Records | None = None,
    absences: Records | None = None,
    calendars: Records | None = None,
    open_leads: Mapping[str, int] | None = None,
    now: datetime = DEFAULT_NOW,
) -> Facts:
    """Facts for `decide`.

    Records are bodies of the directory API by id, such as `{"ana": {"languages": ["de"]}}`. `open_leads`
    counts the open leads of each owner.
    """
    kinds = {"owners": owners, "teams": teams, "absences": absences, "calendars": calendars}
    records = [(kind, id_, body) for kind, bodies in kinds.items() for id_, body in (bodies or {}).items()]
    loads = {owner: Load(open=count) for owner, count in (open_leads or {}).items()}
    return Facts(now, directory_from(0, records), State(loads=loads))
