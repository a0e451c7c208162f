"""What each event does to an assignment. `docs/events.md` shows this table.

An order asks for something and needs an open assignment. A fact says what happened and is always taken, even
if it changes nothing any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AUTOMATED = frozenset(("auto", "automation", "autoresponder", "bot", "sequence", "system", "workflow"))
"""The values of `via` that say that no human did it."""


def is_automated(via: str | None) -> bool:
    """Whether this value of `via` says, in any case, that no human did it."""
    return via is not None and via.casefold() in AUTOMATED


@dataclass(frozen=True, slots=True)
class EventKind:
    """One type of event, and what it does to an open assignment.

    - `order` says that it needs an open assignment.
    - `stops` are the clocks that it meets, if a human did it.
    - `touches` says that it counts as a touch, `human` that the assignment is not idle after it.
    - `ends` is the cause with which the assignment ends. The plan may name other facts that end it.
    - `refunds` says that the owner's turn is given back.
    - `effect` names what it does, as the answer says it. A sale has the effect that it has on its deal.
    """

    text: str
    order: bool = False
    stops: tuple[str, ...] = ()
    touches: bool = False
    human: bool = True
    ends: str | None = None
    refunds: bool = False
    effect: Literal["accepted", "touched", "rejected", "snoozed", "disputed", "settled", "none"] = "none"


EVENT_KINDS: Mapping[str, EventKind] = {
    "accepted": EventKind("The owner takes the lead on.", order=True, stops=("accept",), effect="accepted"),
    "rejected": EventKind(
        "The owner gives the lead back for a reason of the plan.",
        order=True,
        ends="rejected",
        effect="rejected",
    ),
    "first_touch": EventKind(
        "Somebody tried to reach the lead.",
        stops=("accept", "touch", "lease"),
        touches=True,
        effect="touched",
    ),
    "reached": EventKind(
        "Somebody talked with the lead.", stops=("accept", "touch", "lease"), touches=True, effect="touched"
    ),
    "meeting": EventKind("A meeting took place, or is planned for the time in `for`."),
    "qualified": EventKind("The lead is qualified."),
    "disqualified": EventKind("The lead is not a fit.", ends="closed"),
    "opportunity": EventKind("A deal was opened; `ref` names it."),
    "purchase": EventKind("A deal was won; `ref` names it."),
    "lost": EventKind("The deal was lost.", ends="closed"),
    "renewed": EventKind("The customer renewed."),
    "expanded": EventKind("The customer bought more."),
    "churned": EventKind("The customer left.", ends="closed"),
    "saved": EventKind("The customer was about to leave, and stays."),
    "unsubscribed": EventKind("The lead no longer wants messages.", human=False),
    "complained": EventKind("The lead complained.", human=False),
    "invalid_contact": EventKind("The lead cannot be reached by what it sent.", ends="closed"),
    "spam": EventKind("It was no lead at all.", ends="closed", refunds=True),
    "not_spam": EventKind("It is a real lead, whatever it looked like.", human=False),
    "snoozed": EventKind("The owner puts the lead off until `until`.", order=True, effect="snoozed"),
    "reversed": EventKind("The deal in `ref` is no longer won.", human=False),
    "closed": EventKind("The work on the lead is done.", order=True, ends="closed"),
    "note": EventKind("Somebody wrote something down."),
    "disputed": EventKind("The reject is disputed.", human=False, effect="disputed"),
    "dispute_settled": EventKind(
        "The dispute about the reject is settled. `overturned` takes back its refund and its suppression.",
        human=False,
        effect="settled",
    ),
}
"""Every type of event by name. A type that starts with `x-` is a fact without effect."""
OWN_EVENT = EventKind("An event of your own.")
EFFECTS: Mapping[str, str] = {
    "none": "It is stored, and moves nothing.",
    "history": "It is older than the assignment. It is stored with the one that was open then, and moves "
    "nothing.",
    "accepted": "The owner has accepted the lead.",
    "touched": "It counts as a touch.",
    "snoozed": "The lead rests until the time in `until`.",
    "closed": "The assignment is closed.",
    "rejected": "The owner has given the lead back.",
    "disputed": "The reject is disputed.",
    "settled": "The dispute about the reject is settled.",
    "counted": "The deal counts from now on.",
    "amended": "The deal has another amount now.",
    "reversed": "The deal no longer counts.",
    "handed_off": "Another owner has the lead now, or has it too.",
    "told": "The owner is told of the signal.",
    "decided": "Because of the signal, the lead was decided again.",
    "refused": "An order that came too late. It is kept as a note.",
}
"""Every effect of an event, as answers and the history of an assignment say it."""


def event_kind(type_: str) -> EventKind:
    """What an event of this type does."""
    return EVENT_KINDS.get(type_, OWN_EVENT)
