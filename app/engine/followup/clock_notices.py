"""What is told when an SLA clock reminds, is missed, or moves a lead. Nothing here names the lead's data."""

from datetime import datetime
from typing import Any

from app.engine.followup.notices import notice
from app.engine.life.clocks import Clock
from app.engine.life.terms import Terms
from app.engine.model.decision import Decision
from app.engine.model.directory import Directory, Owner

_WORK = {"accept": "accept", "touch": "touch", "claim": "claim"}


def reminder(clock: Clock, terms: Terms, directory: Directory) -> dict[str, Any] | None:
    """The reminder of a deadline that comes up."""
    text = f"{_subject(clock)} until {clock.due_at:%Y-%m-%d %H:%M} UTC to {_WORK[clock.kind]} a lead."
    return _told(clock, terms, directory, "sla_reminder", "remind", text)


def missed(clock: Clock, terms: Terms, directory: Directory) -> dict[str, Any] | None:
    """The notice of a deadline that was missed; the lead stays where it is."""
    text = f"The time to {_WORK[clock.kind]} a lead ended at {clock.due_at:%Y-%m-%d %H:%M} UTC."
    return _told(clock, terms, directory, "sla_missed", "on_breach", text)


def moved_on(
    clock: Clock, terms: Terms, directory: Directory, decision: Decision, *, bound: bool
) -> dict[str, Any] | None:
    """The notice to the former owner of a lead that was taken away or escalated."""
    if clock.owner_id is None:
        return None
    to = decision.owner.name if decision.owner is not None else f"queue {decision.queue}"
    why = "was not worked on for too long" if bound else f"was not {_WORK[clock.kind]}ed in time"
    rule = "max_wall" if bound else "on_breach"
    return _told(clock, terms, directory, decision.code, rule, f"A lead {why}. It went to {to}.")


def paused(owner: Owner, sla: str, count: int, until: datetime) -> dict[str, Any]:
    """The notice to an owner who is paused because of the deadlines they missed."""
    end = f"{until:%Y-%m-%d %H:%M} UTC"
    text = f"You get no new leads until {end}, because you missed {count} deadlines in a row."
    shown = until.isoformat().replace("+00:00", "Z")
    return notice(owner, "paused", text, rule=f"slas.{sla}.pause_after", until=shown)


def not_paused(owner: Owner, to: Owner | None, sla: str, count: int) -> dict[str, Any]:
    """The notice that an owner missed deadlines and is not paused, because nobody else is left in a team."""
    text = f"{owner.name} missed {count} deadlines in a row. Nobody else is left in the team, so they go on."
    return notice(to or owner, "owner_not_paused", text, rule=f"slas.{sla}.pause_after", late_owner=owner.id)


def _told(
    clock: Clock, terms: Terms, directory: Directory, code: str, rule: str, text: str
) -> dict[str, Any] | None:
    """A notice to the owner of the clock, else to the team, owner or queue whose lead it is."""
    rule = f"slas.{clock.sla}.{rule}"
    details = {"clock": clock.kind, "due_by": clock.due_at.isoformat().replace("+00:00", "Z")}
    who = terms.who or {}
    owner = directory.owners.get(clock.owner_id or who.get("owner", ""))
    if owner is not None:
        return notice(owner, code, text, rule=rule, **details) if owner.active else None
    to = {"team": who["team"]} if "team" in who else {"queue": clock.queue} if clock.queue else None
    if to is None or clock.owner_id is not None:
        return None
    return {
        "type": "notify",
        "params": {**to, "code": code, "text": text, "rule": rule, **details},
        "due_at": None,
    }


def _subject(clock: Clock) -> str:
    return "You have" if clock.owner_id is not None else "There is time"
