"""What Salesforce does with a rule file: a small evaluator that shares no code with the import.

A lead is a mapping of API names to text, numbers, booleans, lists of selected values, or None.
"""

import csv
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree as Tree

SPACE = "{http://soap.sforce.com/2006/04/metadata}"
KEEP = ("keep", "")
Lead = Mapping[str, Any]
Assignee = tuple[str, str]
"""`user` or `queue` with its name, or KEEP."""


class Rules:
    """The active rule of a file. `types` has the types of the fields that are no texts, by API name."""

    def __init__(
        self, xml: str, types: Mapping[str, str], formulas: Mapping[str, Callable[[Lead], bool]] | None = None
    ) -> None:
        rules = Tree.fromstring(xml).iter(f"{SPACE}assignmentRule")
        self.entries = next(rule for rule in rules if _text(rule, "active") == "true").findall(
            f"{SPACE}ruleEntry"
        )
        self.types = types
        self.formulas = formulas or {}

    def assignee(self, lead: Lead, default: Assignee) -> Assignee:
        """Who gets the lead: the assignee of the first entry that matches, else the default owner."""
        for number, entry in enumerate(self.entries, 1):
            if self.matches(number, lead):
                name = _text(entry, "assignedTo")
                if name is None:
                    return KEEP
                return ("queue" if _text(entry, "assignedToType") == "Queue" else "user"), name.replace(
                    "%26", "&"
                )
        return default

    def matches(self, number: int, lead: Lead) -> bool:
        """Whether an entry matches."""
        entry = self.entries[number - 1]
        if _text(entry, "formula"):
            return self.formulas[str(number)](lead)
        held = self.criteria(number, lead)
        logic = _text(entry, "booleanFilter")
        if logic is None:
            return all(held)
        code = re.sub(r"\d+", lambda found: str(held[int(found[0]) - 1]), logic.lower())
        return bool(eval(code.replace("true", "True").replace("false", "False"), {}))

    def criteria(self, number: int, lead: Lead) -> list[bool]:
        """Whether each criterion of an entry holds."""
        items = self.entries[number - 1].findall(f"{SPACE}criteriaItems")
        return [self._holds(item, lead) for item in items]

    def _holds(self, item: Tree.Element, lead: Lead) -> bool:
        field, operation = str(_text(item, "field")).partition(".")[2], str(_text(item, "operation"))
        written = _text(item, "value") or ""
        values = [each.strip() for each in next(csv.reader([written], skipinitialspace=True), [""])] or [""]
        kind = self.types.get(field, "Text")
        value = lead.get(field)
        if kind == "MultiselectPicklist":
            return _selected(value or [], operation, values)
        if kind == "Checkbox":
            same = bool(value) in {each.casefold() == "true" for each in values}
            return same if operation == "equals" else not same
        if operation in ("lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"):
            return value not in (None, "") and _ordered(value, operation, written, kind)
        return _compared(value, operation, values, kind)


def _text(element: Tree.Element, name: str) -> str | None:
    found = element.find(SPACE + name)
    return found.text if found is not None else None


def _selected(value: list[str], operation: str, values: list[str]) -> bool:
    chosen = {each.casefold() for each in value}
    groups = [{each.strip().casefold() for each in text.split(";")} - {""} for text in values]
    match operation:
        case "includes":
            return any(group <= chosen for group in groups)
        case "excludes":
            return not any(group <= chosen for group in groups)
        case "equals":
            return chosen in groups
        case _:
            return chosen not in groups


def _ordered(value: Any, operation: str, written: str, kind: str) -> bool:
    left, right = (float(value), float(written)) if kind == "Number" else (str(value), written)
    match operation:
        case "lessThan":
            return left < right  # type: ignore[operator]
        case "lessOrEqual":
            return left <= right  # type: ignore[operator]
        case "greaterThan":
            return left > right  # type: ignore[operator]
        case _:
            return left >= right  # type: ignore[operator]


def _compared(value: Any, operation: str, values: list[str], kind: str) -> bool:
    blank = value is None or value == ""
    if kind == "Number":
        same = any((blank and not each) or (not blank and each and float(each) == value) for each in values)
        return same if operation == "equals" else not same
    text = "" if blank else str(value).casefold()
    wanted = [each.casefold() for each in values]
    match operation:
        case "equals":
            return text in wanted
        case "notEqual":
            return text not in wanted
        case "contains":
            return any(each in text for each in wanted)
        case "notContain":
            return not any(each in text for each in wanted)
        case "startsWith":
            return any(text.startswith(each) for each in wanted)
        case _:
            raise AssertionError(operation)
