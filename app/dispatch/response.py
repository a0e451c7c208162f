"""A decision as the caller sees it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from app.engine.model.decision import Decision, SlaDeadlines
from app.engine.model.directory import Owner


def decision_to_json(
    decision: Decision,
    *,
    assignment_id: str,
    lead_id: str,
    decision_number: int,
    decided_at: datetime,
    plan_version: int,
    normalized: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of the answer, complete but for what a replay changes."""
    body = {
        "assignment_id": assignment_id,
        "lead_id": lead_id,
        "decision_number": decision_number,
        "decided_at": decided_at,
        "outcome": decision.outcome,
        "owner": _owner(decision.owner),
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
        "block": decision.block,
        "priority": decision.priority,
        "over_cap": decision.over_cap,
        "account": decision.account,
        "account_team": {role: _owner(owner) for role, owner in decision.account_team.items()},
        "reason": {"code": decision.code, "text": decision.text},
        "sla": _due(decision.sla),
        "actions": [
            {"id": f"{assignment_id}.{number}", **action} for number, action in enumerate(decision.actions, 1)
        ],
        "normalized": normalized,
        "plan_version": plan_version,
        "existing_lead": _known(decision),
        "replayed": False,
        "degraded": [],
        "trace": decision.trace,
    }
    if decision.held_until is not None:
        body["held_until"] = decision.held_until
    return body


def as_replayed(body: bytes) -> bytes:
    """The same answer, marked as a replay."""
    return orjson.dumps({**orjson.loads(body), "replayed": True})


def _owner(owner: Owner | None) -> dict[str, Any] | None:
    if owner is None:
        return None
    return {"id": owner.id, "name": owner.name, "email": owner.email, "crm": owner.crm}


def _due(sla: SlaDeadlines | None) -> dict[str, Any] | None:
    if sla is None:
        return None
    return {"name": sla.name, "accept_by": sla.accept_by, "touch_by": sla.touch_by}


def _known(decision: Decision) -> dict[str, str] | None:
    known = decision.existing_lead
    if known is None:
        return None
    return {
        "lead_id": known.lead_id,
        "assignment_id": known.assignment_id,
        "matched_by": known.matched_by,
        "kind": known.kind,
    }
