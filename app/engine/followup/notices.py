"""What an owner is told when the service moves a lead on its own, or when something happens to their lead."""

from typing import Any
from urllib.parse import quote

from app.engine.explain import sentences
from app.engine.model.decision import DecisionRequest
from app.engine.model.directory import Directory, Owner

_MOVED = {
    ("cover", False): "You got {} to cover for an owner on leave.",
    ("cover", True): "{} of yours went to your cover.",
    ("return", False): "You got {} back after your leave.",
    ("reconcile", False): "You have {} in the CRM that another owner had here.",
    ("return", True): "{} went back to the owner you covered for.",
}
"""What an owner is told, by the kind of the job and whether the leads left them."""


def notice(owner: Owner, code: str, text: str, *, rule: str | None = None, **details: Any) -> dict[str, Any]:
    """An action that tells an owner something.

    `code` says why, `rule` names the part of the plan that did it, and `text` is one sentence without
    personal data of the lead. `details` are further parameters.
    """
    params: dict[str, Any] = {"owner": owner.id, "code": code, "text": text}
    if owner.crm:
        params["crm"] = dict(owner.crm)
    if rule is not None:
        params["rule"] = rule
    return {"type": "notify", "params": {**params, **details}, "due_at": None}


def leads_moved(owner: Owner, count: int, code: str, *, left: bool = False) -> dict[str, Any]:
    """Tells an owner how many leads they got at once, and where these are listed; or how many they gave.

    `code` is the kind of the job that moved them, `left` says that the owner is the former one.
    """
    leads = "1 lead" if count == 1 else f"{count} leads"
    text = _MOVED.get((code, left), "You got {} from other owners.").format(leads)
    return notice(owner, code, text, count=count, list=f"/assignments?owner={quote(owner.id)}&state=open")


def left_in_crm(owner: Owner) -> dict[str, Any]:
    """Tells an owner that somebody else has their lead since a change in the CRM."""
    return notice(owner, "crm", "A lead of yours was given to somebody else in the CRM.")


def lease_notice(request: DecisionRequest, directory: Directory) -> tuple[dict[str, Any], ...]:
    """What an owner is told whose claim ended because they did not touch the lead in time."""
    owner = directory.owners.get(request.present_owner or "")
    if owner is None or not owner.active:
        return ()
    queue = request.queue or ""
    rule = f"queues.{queue}.claim.lease"
    return (
        notice(owner, "lease_ended", sentences.your_lease_ended(queue), rule=rule, lead_id=request.lead_id),
    )
