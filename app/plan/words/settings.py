"""The parts of a plan beside its steps, in sentences; and as they are written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.plan.document.own_fields import Derived
from app.plan.document.plan import PlanDocument
from app.plan.document.scoring import PointsRow
from app.plan.words import identity, places, promises
from app.plan.words.conditions import condition_in_words, duration_in_words

Entries = Mapping[str, tuple[str, ...]]
"""Name and lines of each entry of a part. A part that is one thing has one entry without a name."""
MAX_VALUE = 200
_SHOWN_APART = frozenset(("pipeline", "follow_up", "tests", "comment"))


def settings_in_words(document: PlanDocument, source: Mapping[str, Any]) -> dict[str, Entries]:
    """The parts that were written, each in sentences as far as there are some."""
    found = {}
    for name, entries in settings_as_written(source).items():
        in_words = _IN_WORDS.get(name)
        found[name] = in_words(document) if in_words is not None else entries
    return found


def settings_as_written(source: Mapping[str, Any]) -> dict[str, Entries]:
    """The same parts, every value with its place."""
    return {
        name: dict(_entries(value))
        for name, value in source.items()
        if name not in _SHOWN_APART and value not in (None, {}, [])
    }


def flat(value: object, path: str = "") -> Iterator[str]:
    """The values of a part of the plan, one a line, each with its path in it."""
    before = f"{path}: " if path else ""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from flat(each, f"{path} {key}".strip())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if all(not isinstance(each, (Mapping, list)) for each in value):
            yield before + ", ".join(map(_shown, value))
            return
        for position, each in enumerate(value, 1):
            yield from flat(each, f"{path} {position}".strip())
    else:
        yield before + _shown(value)


def _entries(value: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The entries of a part: those of a mapping by key, those of a list by their name or position."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key), tuple(flat(each))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if not any(isinstance(each, (Mapping, list)) for each in value):
            yield "", (", ".join(map(_shown, value)),)
            return
        for position, each in enumerate(value, 1):
            named = each.get("name") if isinstance(each, Mapping) else None
            yield str(named or position), tuple(flat(each))
    else:
        yield "", (_shown(value),)


def _shown(value: object) -> str:
    if value is None or value == {}:
        return "nothing set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _fields(plan: PlanDocument) -> Entries:
    derived = {each.name: tuple(_cases(each)) for each in plan.fields.derived}
    return {
        each.name: derived.get(each.name)
        or (f"type {each.kind}", "hidden in traces" if each.personal else "shown in traces")
        for each in plan.fields.fields
    }


def _cases(field: Derived) -> Iterator[str]:
    for case in field.cases:
        where = "else" if case.when is None else f"where {condition_in_words(case.when).on_one_line()}"
        yield f"{case.value} {where}" if case.when is not None else f"{where} {case.value}"


def _scores(plan: PlanDocument) -> Entries:
    return {name: tuple(map(_points, rows)) for name, rows in plan.scores.items()}


def _points(row: PointsRow) -> str:
    half = f", half of it after {duration_in_words(row.half_life)}" if row.half_life is not None else ""
    points = f"{row.points:+,}".replace("-", "−")
    return f"{points} where {condition_in_words(row.when).on_one_line()}{half}"


def _one(sentence: Callable[[PlanDocument], str]) -> Callable[[PlanDocument], Entries]:
    return lambda plan: {"": (sentence(plan),)}


def _refund_limit(plan: PlanDocument) -> str:
    most = plan.max_refunds_per_day
    return "no limit" if most is None else f"an owner gets at most {most:,} turns back a day"


def _after_touch(plan: PlanDocument) -> str:
    may = "may still" if plan.reject_after_touch else "may not"
    return f"an owner {may} reject a lead after its first touch"


def _take_aways(plan: PlanDocument) -> str:
    if plan.refund_take_aways:
        return "an owner gets their turn back when an SLA takes a lead away"
    return "a lead that an SLA takes away still counts as the owner's turn"


def _idle(plan: PlanDocument) -> str:
    if plan.close_idle is None:
        return "a lead is never closed because nobody works on it"
    return f"a lead is closed when nobody has worked on it for {duration_in_words(plan.close_idle)}"


_IN_WORDS: Mapping[str, Callable[[PlanDocument], Entries]] = {
    "queues": places.queues,
    "paths": places.paths,
    "products": places.products,
    "reject_reasons": places.reject_reasons,
    "handoffs": places.handoffs,
    "slas": promises.slas,
    "sla_rules": promises.sla_rules,
    "on_event": promises.on_event,
    "consent": promises.consent,
    "quiet_hours": promises.quiet_hours,
    "frequency": promises.frequency,
    "returning_leads": identity.returning_leads,
    "same_company": identity.same_company,
    "count": identity.count,
    "accounts": identity.accounts,
    "junk": identity.junk,
    "enrichment": identity.enrichment,
    "attribution": identity.attribution,
    "fields": _fields,
    "scores": _scores,
    "max_refunds_per_day": _one(_refund_limit),
    "reject_after_touch": _one(_after_touch),
    "refund_take_aways": _one(_take_aways),
    "close_on": _one(lambda plan: f"{promises.listed(plan.close_on)} close a lead, besides closed itself"),
    "close_idle": _one(_idle),
    "max_snooze": _one(lambda plan: f"a lead is snoozed for at most {duration_in_words(plan.max_snooze)}"),
    "signal_window": _one(
        lambda plan: f"signals of one lead count once in {duration_in_words(plan.signal_window)}"
    ),
}
