"""Owners, teams, plans and leads that tests start from."""

from collections.abc import Sequence
from typing import Any

OWNERS: dict[str, dict[str, Any]] = {
    "ana": {
        "name": "Ana",
        "email": "ana@us.example",
        "skills": ["enterprise"],
        "crm": {"salesforce": "005A"},
    },
    "ben": {"name": "Ben", "email": "ben@us.example"},
    "eve": {"name": "Eve", "email": "eve@us.example", "caps": {"per_day": 4, "open": 3}},
}
TEAMS: dict[str, dict[str, Any]] = {
    "inbound": {
        "name": "Inbound",
        "members": [{"owner": "ana", "weight": 2}, {"owner": "ben"}, {"owner": "eve"}],
    },
    "dach": {"name": "DACH", "members": [{"owner": "ana", "caps": {"open": 2}}, {"owner": "ben"}]},
}
PLAN = """
queues: {partner-desk: {claimable_by: inbound}, unrouted: {claimable_by: inbound}}
paths:  {newsletter: {accountable: {team: inbound}}}
returning_leads: {window: 90d, duplicate_window: 10m}
pipeline:
  - rule: {name: students, when: {lead_type: student}, then: {block: students}}
  - rule: {name: partners, when: {source: partner}, then: {queue: partner-desk, priority: 50}}
  - rule: {name: small, when: {employees: {lt: 5}, lead_type: content}, then: {path: newsletter}}
  - rule:
      name: dach
      when: {all: [{country: {in: [DE, AT]}}, {not: {lead_type: support}}, {email: {contains: example}}]}
      then: {team: dach, pick: least_loaded, skills: [enterprise], else: [{team: inbound}]}
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
follow_up:
  - {when: {team: inbound}, do: [{type: task, title: "Call {lead.first_name} now", due: 15m}]}
"""
TEAM = "inbound"
ROUND_ROBIN_PLAN: dict[str, Any] = {
    "queues": {"unrouted": {"claimable_by": TEAM}},
    "pipeline": [{"round_robin": {"team": TEAM}}, {"queue": {"name": "unrouted"}}],
    "follow_up": [{"do": [{"type": "task", "title": "Call {lead.first_name} now", "due": "15m"}]}],
}


def team(weights: Sequence[float]) -> dict[str, Any]:
    """A team of `rep0`, `rep1`, … with these weights."""
    members = [{"owner": f"rep{number}", "weight": weight} for number, weight in enumerate(weights)]
    return {"name": "Inbound", "members": members}


def lead(number: int | str, **fields: Any) -> dict[str, Any]:
    """A body for `/assign`: a lead that is new."""
    return {"lead": {"external_id": f"lead-{number}", "email": f"p{number}@people.example", **fields}}


def keyed(key: str | None) -> dict[str, str]:
    """The header for an idempotency key."""
    return {"Idempotency-Key": key} if key else {}
