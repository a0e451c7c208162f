"""A small office for tests of decisions: owners, a team, a plan, and questions about leads."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.engine.compile.plan import Plan, compile_plan
from app.engine.model.decision import DecisionRequest, PriorAssignment
from app.engine.model.records import directory_from
from app.engine.model.state import Facts, State
from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from tests.support.installed import installed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEAM = "inbound"
PLAN: dict[str, Any] = {
    "queues": {"desk": {}},
    "paths": {"newsletter": {"accountable": {"team": TEAM}}},
    "returning_leads": {"window": "90d", "duplicate_window": "10m"},
    "pipeline": [
        {"rule": {"name": "students", "when": {"lead_type": "student"}, "then": {"block": "students"}}},
        {"rule": {"name": "small", "when": {"employees": {"lt": 5}}, "then": {"path": "newsletter"}}},
        {"rule": {"name": "urgent", "when": {"tier": "gold"}, "then": {"queue": "desk", "priority": 50}}},
        {"round_robin": {"team": TEAM}},
        {"queue": {"name": "desk", "priority": 7}},
    ],
    "follow_up": [{"do": [{"type": "task", "title": "Call", "due": "15m"}]}],
}


def facts(
    owners: Mapping[str, Mapping[str, Any]],
    *,
    absences: Sequence[Mapping[str, Any]] = (),
    state: State | None = None,
    now: datetime = NOW,
    members: Sequence[Mapping[str, Any]] | None = None,
    calendars: Mapping[str, Mapping[str, Any]] | None = None,
) -> Facts:
    """These owners, all in one team unless `members` says otherwise."""
    records: list[tuple[str, str, Mapping[str, Any]]] = [
        ("owners", id_, body) for id_, body in owners.items()
    ]
    records += [("absences", str(number), body) for number, body in enumerate(absences)]
    records += [("calendars", id_, body) for id_, body in (calendars or {}).items()]
    team = [{"owner": id_} for id_ in owners] if members is None else members
    records.append(("teams", TEAM, {"members": team}))
    return Facts(now, directory_from(1, records), state or State())


def plan(document: Mapping[str, Any] = PLAN) -> Plan:
    """The plan, compiled."""
    read = read_plan(document)
    assert isinstance(read, PlanDocument), read
    return compile_plan(read, 1, installed())


def question(
    prior: PriorAssignment | None = None, exclude: Sequence[str] = (), **values: Any
) -> DecisionRequest:
    """A lead with these fields asks for an owner."""
    return DecisionRequest("assign", "assignment", "lead", values, frozenset(exclude), prior)
