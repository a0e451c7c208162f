"""The rules of a file `Lead.assignmentRules-meta.xml`, as Salesforce means them."""

import csv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from app.salesforce.errors import UnreadableFile
from app.salesforce.metadata_xml import parse_metadata
from app.values.xml_elements import Element


@dataclass(frozen=True, slots=True)
class Criterion:
    """One comparison of a field.

    A blank value is an empty string. `raw` is the value as it is written.
    """

    field: str
    operation: str
    values: tuple[str, ...]
    raw: str = ""
    other_field: str | None = None

    def __str__(self) -> str:
        value = self.other_field or self.raw or "(blank)"
        return f"{self.field} {self.operation} {value}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a rule. Entries are counted from 1, as on Salesforce's page of the rule."""

    number: int
    line: int
    criteria: tuple[Criterion, ...] = ()
    boolean_filter: str | None = None
    formula: str | None = None
    assigned_to: str | None = None
    is_queue: bool = False
    template: str | None = None
    ignored: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The entry as people read it, for comments and reports."""
        if self.formula:
            found = [f"formula: {' '.join(self.formula.split())}"]
        else:
            found = [f"{number}. {each}" for number, each in enumerate(self.criteria, 1)]
            found += [f"logic: {self.boolean_filter}"] if self.boolean_filter else []
        kind = "queue" if self.is_queue else "user"
        to = f"{kind} {self.assigned_to}" if self.assigned_to else "nobody: the lead keeps its owner"
        return [*(found or ["every lead"]), f"assigned to {to}"]


@dataclass(frozen=True, slots=True)
class AssignmentRule:
    """A rule with its entries, of which the first that matches assigns the lead."""

    name: str
    active: bool
    entries: tuple[Entry, ...]


def read_rules(raw: bytes) -> list[AssignmentRule]:
    """The rules of a file. Raises UnreadableFile."""
    root = parse_metadata(raw, ("AssignmentRules", "AssignmentRule"))
    return [_rule(each) for each in ([root] if root.name == "AssignmentRule" else root.all("assignmentRule"))]


def choose_rule(rules: Sequence[AssignmentRule], name: str | None) -> AssignmentRule:
    """The rule of this name, or the only active one. Raises UnreadableFile."""
    names = ", ".join(repr(rule.name) for rule in rules)
    if not rules:
        raise UnreadableFile("has no rule")
    if name is not None:
        found = [rule for rule in rules if rule.name == name]
        if not found:
            raise UnreadableFile(f"has no rule {name!r}. Its rules are {names}")
        return found[0]
    active = [rule for rule in rules if rule.active]
    if len(active) == 1:
        return active[0]
    if not active:
        raise UnreadableFile(f"has no active rule. Name the one to import with --rule: {names}")
    several = ", ".join(repr(rule.name) for rule in active)
    raise UnreadableFile(f"has {len(active)} active rules. Name the one to import with --rule: {several}")


def split_values(text: str | None) -> tuple[str, ...]:
    """The values of a list as Salesforce writes it: separated by commas, quoted where they hold one."""
    if text is None:
        return ("",)
    lines = csv.reader([" ".join(text.splitlines())], skipinitialspace=True)
    try:
        values = next(lines, [""])
    except csv.Error:
        raise UnreadableFile("has a value that is too long") from None
    return tuple(dict.fromkeys(each.strip() for each in values))


def _rule(element: Element) -> AssignmentRule:
    entries = [_entry(number, each) for number, each in enumerate(element.all("ruleEntry"), 1)]
    name = _name(element.value("fullName")) or "(no name)"
    return AssignmentRule(name, (element.value("active") or "").casefold() == "true", tuple(entries))


def _entry(number: int, element: Element) -> Entry:
    assigned_to = _name(element.value("assignedTo"))
    kind = (element.value("assignedToType") or "").casefold()
    return Entry(
        number=number,
        line=element.line,
        criteria=tuple(_criterion(each) for each in element.all("criteriaItems")),
        boolean_filter=element.value("booleanFilter"),
        formula=element.value("formula"),
        assigned_to=assigned_to,
        is_queue=kind == "queue" or (not kind and "@" not in (assigned_to or "@")),
        template=_name(element.value("template")),
        ignored=tuple(_ignored(element)),
    )


def _ignored(element: Element) -> list[str]:
    """The settings of an entry that have no meaning in a plan."""
    found = [f"team {_name(each.text.strip())}" for each in element.all("team") if each.text.strip()]
    switches = ("overrideExistingTeams", "notifyCcRecipients")
    return found + [name for name in switches if (element.value(name) or "").casefold() == "true"]


def _criterion(element: Element) -> Criterion:
    field, operation = element.value("field"), element.value("operation")
    if field is None or operation is None:
        raise UnreadableFile(f"line {element.line}: has a criterion without a field or an operation")
    value = element.value("value")
    return Criterion(field, operation, split_values(value), value or "", element.value("valueField"))


def _name(text: str | None) -> str | None:
    """A name without its percent encoding: `R%26D` is `R&D`."""
    if text is None:
        return None
    with suppress(UnicodeDecodeError):
        text = unquote(text, errors="strict")
    return " ".join(text.split()) or None
