"""Where leads go, and what follows, in words."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from app.plan.document.follow_ups import Action, Parameter
from app.plan.document.targets import CURRENT_OWNER, Target
from app.plan.language.templates import Placeholder
from app.plan.words.conditions import duration_in_words, field_in_words

MAX_LENGTH = 200
PICKS = {
    "round_robin": "in turn",
    "least_loaded": "to the member with the fewest open leads",
    "longest_idle": "to the member who has waited longest",
}
_OFF_HOURS = {
    "assign": "also off shift",
    "hold": "held until the next shift",
    "next": "the next target while nobody is on shift",
}
_DUE = {"accept": "due when the lead must be accepted", "touch": "due when the lead must be touched"}


def target_in_words(target: Target) -> str:
    """A target without what comes after it: "team dach, in turn, who speak de"."""
    details = [*_team_details(target)]
    if target.off_hours is not None:
        details.append(_OFF_HOURS[target.off_hours])
    if target.sla is not None:
        details.append(f"SLA {target.sla}")
    if target.priority:
        details.append(f"priority {target.priority}")
    return ", ".join([_place(target), *details])


def ladder_in_words(ladder: Sequence[Target], *, settles: bool) -> Iterator[str]:
    """The targets in the order they are tried, a line each, and what happens when none takes the lead."""
    for position, target in enumerate(ladder):
        word = "goes to" if position == 0 else "else to"
        yield (
            f"blocked by the list {target.name}"
            if target.kind == "block"
            else (f"{word} {target_in_words(target)}")
        )
    if ladder and not settles:
        yield "else on to the next step"


def action_in_words(action: Action) -> str:
    """An action: its type, what it holds, when it is due, and the consent it needs."""
    params = {name: _text(value) for name, value in action.params.items()}
    named = f" “{params.pop('name')}”" if "name" in params else ""
    parts = [action.type.replace("_", " ") + named]
    parts += [f"{name} “{text}”" for name, text in params.items()]
    if isinstance(action.due, timedelta):
        parts.append(f"due {duration_in_words(action.due)} after the decision")
    elif action.due is not None:
        parts.append(_DUE[action.due])
    if action.contact is not None:
        parts.append(f"contacts by {action.contact}")
    if action.topic is not None:
        parts.append(f"about {action.topic}")
    if action.transactional:
        parts.append("whatever the person prefers")
    if action.consent is not None:
        instead = action.without_consent
        without = f"else {action_in_words(instead)}" if instead is not None else "else nothing"
        parts.append(f"only with consent to {action.consent}, {without}")
    return ", ".join(parts)


def _place(target: Target) -> str:
    if target.kind == CURRENT_OWNER:
        return "the owner who has the lead"
    if target.kind == "block":
        return f"the block list {target.name}"
    return f"{target.kind} {target.name}"


def _team_details(target: Target) -> Iterator[str]:
    if target.pick is not None:
        yield PICKS[target.pick]
    if target.skills:
        yield f"with the skill{'s' if len(target.skills) > 1 else ''} {' and '.join(target.skills)}"
    if target.languages:
        yield f"speaking {' and '.join(target.languages)}"
    if target.match:
        yield f"matching the lead's {' and '.join(map(field_in_words, target.match))}"


def _text(value: Parameter) -> str:
    if isinstance(value, tuple):
        text = "".join(f"{{{part.name}}}" if isinstance(part, Placeholder) else part for part in value)
        return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
