"""Turns the entries of a rule into steps of a plan.

A part of an entry that a plan cannot say becomes a boolean attribute that the caller sends: the rule matches
when it is known to match. So no lead is given away on a guess.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.plan.document.own_fields import ATTRIBUTES
from app.salesforce.assignment_rules import AssignmentRule, Entry
from app.salesforce.conditions import Condition, ConditionWriter, every, opposite, some
from app.salesforce.errors import NotCarried
from app.salesforce.fields import FieldMap
from app.salesforce.formulas import logic_of_formula
from app.salesforce.logic import Every, Logic, Negation, Some, Test, Uncarried, logic_of_criteria, tests_of


@dataclass(frozen=True, slots=True)
class MissingPart:
    """A part of an entry that the caller must decide: its attribute, its text and the reason."""

    attribute: str
    text: str
    reason: str


@dataclass(slots=True)
class PlannedEntry:
    """An entry with its condition. `dropped` says why it is not a step of the plan.

    `perhaps` holds for the leads for which it is not known whether they match.
    """

    entry: Entry
    when: Condition = True
    perhaps: Condition = False
    missing: tuple[MissingPart, ...] = ()
    notes: tuple[str, ...] = ()
    dropped: str | None = None

    @property
    def name(self) -> str:
        """The name of its rule."""
        return f"entry-{self.entry.number}"


@dataclass(slots=True)
class PlannedRule:
    """All entries of a rule, the writer that knows their fields, and the attributes the caller decides."""

    entries: list[PlannedEntry]
    writer: ConditionWriter
    missing: list[tuple[PlannedEntry, MissingPart]] = field(default_factory=list)


def plan_entries(rule: AssignmentRule, fields: FieldMap) -> PlannedRule:
    """The entries of a rule with their conditions, in order."""
    logics = [(entry, _logic(entry)) for entry in rule.entries]
    writer = ConditionWriter(fields, [test.criterion for _, logic in logics for test in tests_of(logic)])
    planned = PlannedRule([_planned(entry, logic, writer) for entry, logic in logics], writer)
    planned.missing = [(each, part) for each in planned.entries for part in each.missing]
    return planned


def _logic(entry: Entry) -> Logic:
    return logic_of_formula(entry.formula) if entry.formula else logic_of_criteria(entry)


def _planned(entry: Entry, logic: Logic, writer: ConditionWriter) -> PlannedEntry:
    start = len(writer.notes)
    translation = _Translation(entry, writer)
    translation.look(logic)
    when = translation.condition(logic)
    perhaps = translation.condition(logic, generous=True) if translation.missing else False
    notes = tuple(dict.fromkeys([*writer.notes[start:], *_unused(entry, logic)]))
    dropped = "it can never match" if when is False else None
    return PlannedEntry(entry, when, perhaps, tuple(translation.missing.values()), notes, dropped)


def _unused(entry: Entry, logic: Logic) -> Iterator[str]:
    """Criteria that the filter logic does not name. Salesforce ignores them too."""
    if entry.formula or isinstance(logic, Uncarried):
        return
    used = {test.place for test in tests_of(logic)}
    for number in range(1, len(entry.criteria) + 1):
        if f"criterion_{number}" not in used:
            yield f"criterion {number} is not named by the filter logic, so it has no effect."


class _Translation:
    """Writes the logic of one entry. Every part is written once."""

    def __init__(self, entry: Entry, writer: ConditionWriter) -> None:
        self._entry = entry
        self._writer = writer
        self._written: dict[Test, Condition] = {}
        self.missing: dict[Test | Uncarried, MissingPart] = {}

    def look(self, logic: Logic) -> None:
        """Write every comparison, and note those that cannot be written."""
        match logic:
            case Test():
                if logic not in self._written and logic not in self.missing:
                    self._write(logic)
            case Uncarried(text, place, reason):
                self.missing[logic] = MissingPart(self._attribute(place), text, reason)
            case Negation(part):
                self.look(part)
            case Every(parts) | Some(parts):
                for part in parts:
                    self.look(part)

    def condition(self, logic: Logic, *, negated: bool = False, generous: bool = False) -> Condition:
        """The condition. `generous` also holds where the answer is not known.

        A `not` is moved to the parts, because a part that is not known is neither true nor false.
        """
        match logic:
            case Negation(part):
                return self.condition(part, negated=not negated, generous=generous)
            case Every(parts) | Some(parts):
                inside = [self.condition(part, negated=negated, generous=generous) for part in parts]
                return every(inside) if isinstance(logic, Every) is not negated else some(inside)
            case Test() if logic in self._written:
                found = self._written[logic]
                return opposite(found) if negated else found
            case _:
                name = self.missing[logic].attribute
                known: Condition = {name: not negated}
                return some([known, {name: None}]) if generous else known

    def _write(self, test: Test) -> None:
        try:
            self._written[test] = self._writer.write(test.criterion)
        except NotCarried as refused:
            part = MissingPart(self._attribute(test.place), str(test.criterion), str(refused))
            self.missing[test] = part

    def _attribute(self, place: str) -> str:
        wanted = f"{ATTRIBUTES}salesforce_entry_{self._entry.number}_{place}"
        taken = {part.attribute for part in self.missing.values()}
        return next(name for name in _numbered(wanted) if name not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def declared_types(planned: PlannedRule) -> dict[str, dict[str, str]]:
    """The `fields` of the plan: the types of its custom attributes."""
    kinds = {name: each.kind.value for name, each in planned.writer.used.items() if each.is_attribute}
    kinds |= {part.attribute: "boolean" for _, part in planned.missing}
    return {name: {"type": kind} for name, kind in kinds.items()}
