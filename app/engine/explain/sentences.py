"""The one plain sentence of a decision, for a rep to read.

It names the plan's words, the owner, and what is general about the lead: never who the lead is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.engine.conditions.condition import Satisfied
from app.engine.lookup.tables import RowMatch
from app.plan.language.countries import COUNTRIES

MAX_REASONS = 3
MAX_VALUE_LENGTH = 60

_FORMS = {
    "country": "from {}",
    "state": "in {}",
    "employees": "{} employees",
    "visits": "{} visits",
    "product_interest": "interested in {}",
    "left_product": "no longer in {}",
    "pages": "looked at {}",
    "content": "read {}",
    "engagement": "engaged with {}",
    "flags": "flagged {}",
}
_BY_LOAD = ("least_loaded", "longest_idle")
_HELD_FOR = {
    "off_shift": "is off shift",
    "absent": "is away",
    "paused": "is paused",
    "not_next": "has a turn for one whose shift begins soon",
}


_FOR_THE_ACCOUNT = {
    "account_owner": "{} looks after it",
    "account_delegate": "{} stands in for who looks after it",
    "account_team": "who looks after it is not free; ",
    "customer_team": "it is a customer; ",
}
"""Of an owner the whole clause, of a team what comes before it."""


def settled(
    *,
    strategy: str,
    step: str,
    because: Sequence[Satisfied],
    kind: str,
    target: str,
    owner: str | None,
    pick: str | None,
    code: str | None = None,
    found: RowMatch | None = None,
) -> str:
    """Why a step settled the lead as it did.

    `because` holds the comparisons that held, `found` the row of a table that fits; `owner` is the chosen
    one's name; `pick` how a team picked him; `code` is the target's own reason, if it has one.
    """
    if strategy == "round_robin" and kind == "team" and pick not in _BY_LOAD and owner is not None:
        return f"Round robin in {target}: it is {owner}'s turn."
    reasons = _reasons(because, found)
    if strategy == "queue":
        return (
            f"Queue {target}: {reasons}."
            if reasons
            else f"No earlier step took it; it waits in queue {target}."
        )
    clause = _clause(kind, target, owner, pick)
    special = _FOR_THE_ACCOUNT.get(code or "")
    if special is not None:
        clause = special + clause if kind == "team" else special.format(owner)
    return (
        f"{_subject(strategy, step)}: {reasons}; {clause}."
        if reasons
        else f"{_subject(strategy, step)}: {clause}."
    )


def held(*, strategy: str, step: str, target: str, why: str, until: datetime) -> str:
    """Nobody there can take it yet, and the lead waits until somebody can. `why` is the refusal's code."""
    said = _HELD_FOR.get(why, "is at a cap")
    return f"{_subject(strategy, step)}: {target} {said}; held until {until:%Y-%m-%d %H:%M} UTC."


def returning_lead(kind: str, owner: str) -> str:
    """A person who was here before keeps his owner; `kind` is duplicate or reengaged."""
    if kind == "duplicate":
        return f"Submitted twice: {owner} has this lead already."
    return f"Known person: stays with {owner}."


def left_product(products: Sequence[str], owner: str | None) -> str:
    """What his former owner is told of a person who comes for another product."""
    left = " and ".join(products)
    return f"A lead of yours left {left} for another product" + (f": {owner} has it now." if owner else ".")


def known_by_account(owner: str) -> str:
    """A person who was here before goes to the one who looks after his account."""
    return f"Known person: {owner} looks after the account."


def known_in_queue(queue: str) -> str:
    """A person who waits already keeps his place."""
    return f"Known person: keeps the place in queue {queue}."


def claimed(owner: str, queue: str) -> str:
    """An owner took the lead out of a queue."""
    return f"{owner} claimed it from queue {queue}."


def imported(owner: str) -> str:
    """The lead had its owner before it came here."""
    return f"Imported: {owner} has it already."


def manual(owner: str) -> str:
    """Somebody gave the lead to an owner."""
    return f"Given to {owner} by hand."


def fallback_queue(queue: str) -> str:
    """No step settled the lead."""
    return f"No step of the plan took it; it waits in queue {queue}."


def _subject(strategy: str, step: str) -> str:
    match strategy:
        case "rule":
            return f"Rule {step}"
        case "round_robin":
            return f"Round robin {step}"
        case "score":
            return "By its score" if step == "score" else f"Score {step}"
        case "product":
            return "By its product" if step == "product" else f"Product {step}"
        case "account":
            return "By its account" if step == "account" else f"Account {step}"
        case "manual":
            return "By hand"
        case _:
            return f"Step {step}"


def _clause(kind: str, target: str, owner: str | None, pick: str | None) -> str:
    match kind:
        case "queue":
            return f"waits in queue {target}"
        case "path":
            return f"takes path {target}"
        case "block":
            return f"blocked by {target}"
        case "team" if pick == "least_loaded":
            return f"{owner} has the fewest open leads in {target}"
        case "team" if pick == "longest_idle":
            return f"{owner} has waited longest in {target}"
        case "team":
            return f"it is {owner}'s turn in {target}"
        case _:
            return f"goes to {owner or target}"


def _reasons(because: Sequence[Satisfied], found: RowMatch | None) -> str:
    phrases = list(dict.fromkeys(_phrase(field, operator, value) for field, operator, value in because))
    if found is not None:
        phrases.insert(0, f"row {found.row} of table {found.table}")
    shown = phrases[:MAX_REASONS]
    if len(phrases) > MAX_REASONS:
        shown.append(f"{len(phrases) - MAX_REASONS} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _phrase(field: str, operator: str, value: Any) -> str:
    label = field.replace("_", " ")
    if operator == "exists":
        return f"with {label}" if value else f"without {label}"
    shown = _shown(field, value)
    if shown is None:
        return f"by {label}"
    return _FORMS[field].format(shown) if field in _FORMS else f"{label} {shown}"


def _shown(field: str, value: Any) -> str | None:
    """A value as the sentence may show it; None when only the field is named."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, (int, float)):
        return f"{value:,}"
    if not isinstance(value, str) or "@" in value or len(value) > MAX_VALUE_LENGTH or not value.isprintable():
        return None
    return COUNTRIES.get(value, value) if field == "country" else value
