"""Writes one criterion of Salesforce as a condition of the plan language.

Salesforce compares texts without case. A list holds when one of its values does, and `notEqual` and
`notContain` hold for a blank field too, so they become `not`, never `ne`. A checkbox is never blank.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.plan.findings import Faults
from app.plan.language.fields import LEAD, Field, Kind
from app.plan.language.operands import read_operand
from app.salesforce.assignment_rules import Criterion
from app.salesforce.errors import NotCarried
from app.salesforce.fields import FieldMap, OurField
from app.salesforce.values import is_date, is_number, is_switch, read_date, read_number, read_switch
from app.values.countries import COUNTRIES
from app.values.states import is_within

Condition = dict[str, Any] | bool
"""A condition as plain data. True holds for every lead, False for none."""

ORDER = {"lessThan": "lt", "lessOrEqual": "lte", "greaterThan": "gt", "greaterOrEqual": "gte"}
_OPPOSITES = {"notEqual": "equals", "notContain": "contains", "excludes": "includes"}
_TEXTS = {"contains": "contains", "startsWith": "prefix"}
_OPERATIONS = frozenset((*ORDER, *_OPPOSITES, *_OPPOSITES.values(), "startsWith"))
_BY_CODE = frozenset(("country",))
"""Fields that hold a code, of which a part of a name tells nothing."""
RAW_COUNTRY = "attributes.Country"
RAW_PHONE = "attributes.Phone"


def every(parts: Iterable[Condition]) -> Condition:
    """All of the conditions as one."""
    found = [part for part in parts if part is not True]
    if any(part is False for part in found):
        return False
    mappings = _flat(found, "all")
    keys = [key for part in mappings for key in part]
    if len(keys) == len(set(keys)):
        return {key: value for part in mappings for key, value in part.items()} or True
    return {"all": mappings}


def some(parts: Iterable[Condition]) -> Condition:
    """Any of the conditions as one."""
    found = [part for part in parts if part is not False]
    if any(part is True for part in found):
        return True
    mappings = _flat(found, "any")
    if len(mappings) < 2:
        return mappings[0] if mappings else False
    return _one_list(mappings) or {"any": mappings}


def _flat(parts: Iterable[Condition], key: str) -> list[dict[str, Any]]:
    """The conditions, each once, with those of a nested list in the place of the list."""
    found: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, dict):
            inside = part[key] if set(part) == {key} else [part]
            found += [each for each in inside if each not in found]
    return found


def opposite(part: Condition) -> Condition:
    """The condition that holds for all other leads."""
    if isinstance(part, bool):
        return not part
    if set(part) == {"not"}:
        found: Condition = part["not"]
        return found
    if len(part) == 1 and next(iter(part.values())) is None:
        return {next(iter(part)): {"exists": True}}
    return {"not": part}


def _one_list(parts: Sequence[Mapping[str, Any]]) -> Condition | None:
    """Equalities of one field as one list: `country: [DE, AT]` for `country: DE` or `country: AT`."""
    names = {name for part in parts for name in part}
    values = [value for part in parts for value in part.values()]
    if len(names) != 1 or any(value is None or isinstance(value, dict) for value in values):
        return None
    (name,) = names
    if name in ("all", "any", "not") or any(isinstance(value, bool) for value in values):
        return None
    return _equal(
        name, [each for value in values for each in (value if isinstance(value, list) else [value])]
    )


def _equal(name: str, values: Sequence[Any]) -> Condition:
    unique = {
        (isinstance(each, str), each.casefold() if isinstance(each, str) else each): each for each in values
    }
    found = list(unique.values())
    if name == "state":
        found = [each for each in found if not any(_takes(other, each) for other in found)]
    return {name: found[0] if len(found) == 1 else found} if found else False


def _takes(wider: str, state: str) -> bool:
    """Whether a state is one of several that another one stands for: `CA` takes the leads of `US-CA`."""
    return is_within(state, wider) and not is_within(wider, state)


class ConditionWriter:
    """Writes the criteria of one rule. `notes` are what people should know about what it wrote."""

    def __init__(self, fields: FieldMap, criteria: Sequence[Criterion]) -> None:
        self._fields = fields
        self._kinds = _inferred_kinds(fields, criteria)
        self.used: dict[str, OurField] = {}
        self.sources: dict[str, list[str]] = {}
        self.notes: list[str] = []
        self._spellings: dict[str, list[set[str]]] = {}

    def spellings(self) -> Iterator[tuple[str, str]]:
        """Countries that the rule spells in several ways, but not wherever it names them."""
        for code, found in sorted(self._spellings.items()):
            everywhere = set[str]().union(*found)
            if any(each != everywhere for each in found):
                yield code, ", ".join(sorted(everywhere))

    def write(self, criterion: Criterion) -> Condition:
        """The condition of a criterion. Raises NotCarried."""
        if criterion.other_field is not None:
            raise NotCarried(f"it compares with another field, {criterion.other_field}")
        if criterion.operation not in _OPERATIONS:
            raise NotCarried(f"the operation {criterion.operation} is unknown")
        field = self._typed(criterion)
        if criterion.operation in _OPPOSITES:
            positive = Criterion(
                criterion.field, _OPPOSITES[criterion.operation], criterion.values, criterion.raw
            )
            found = opposite(self._positive(field, positive))
        else:
            found = self._positive(field, criterion)
        self._use(field, criterion)
        return found

    def _typed(self, criterion: Criterion) -> OurField:
        found = self._fields.find(criterion.field)
        if found.name == "phone" and any(criterion.values):
            # The plan knows a phone number only in one form, and Salesforce compares it as it was typed.
            self.notes.append(
                "Phone numbers are compared as they were typed, so they are read from an attribute."
            )
            return OurField(RAW_PHONE, Kind.STRING)
        if found.kind is not Kind.ANY:
            return found
        guessed = self._kinds.get(found.name, found)
        if criterion.operation in ORDER:
            self.notes.append(f"{found.name} is taken for a {guessed.kind.value}. --object says for sure.")
        return guessed

    def _use(self, field: OurField, criterion: Criterion) -> None:
        self.used[field.name] = field
        names = self.sources.setdefault(field.name, [])
        if criterion.field not in names:
            names.append(criterion.field)

    def _positive(self, field: OurField, criterion: Criterion) -> Condition:
        """A criterion that is not a negation."""
        if criterion.operation in ORDER:
            return self._ordered(field, criterion)
        blank = "" in criterion.values
        values = [each for each in criterion.values if each]
        if criterion.operation == "equals":
            if field.kind is Kind.BOOLEAN:
                switches = {read_switch(each) for each in criterion.values}
                return len(switches) == 2 or _switch(field.name, switches.pop())
            return some([{field.name: None}] * blank + ([self._equals(field, values)] if values else []))
        if not values:
            raise NotCarried(f"{criterion.operation} has no value")
        if criterion.operation == "includes":
            return _included(field, values)
        return self._part_of_text(field, criterion.operation, values)

    def _equals(self, field: OurField, values: Sequence[str]) -> Condition:
        match field.kind:
            case Kind.STRINGS:
                raise NotCarried("a list of selected values is compared as a whole")
            case Kind.INTEGER | Kind.NUMBER:
                return _equal(field.name, [read_number(each) for each in values])
            case Kind.TIMESTAMP:
                dates = [read_date(each) for each in values]
                if not field.dates_only:
                    raise NotCarried("a time of day is compared with a day")
                return some({field.name: {"eq": each}} for each in dates)
            case _:
                found, unread = self._read(field, values)
                return some([_equal(field.name, found), self._as_typed(field, unread)])

    def _read(self, field: OurField, values: Sequence[str]) -> tuple[list[Any], list[str]]:
        """The values as the plan reads them, and those it cannot read."""
        known = replace(LEAD.find(field.name) or Field(field.name, field.kind, ""), kind=field.kind)
        found: list[Any] = []
        unread: list[str] = []
        spelled: dict[str, set[str]] = {}
        for value in values:
            try:
                operand = read_operand(known, "eq", value)
            except Faults:
                unread.append(value)
                continue
            found.append(operand if isinstance(operand, str) else value)
            spelled.setdefault(str(operand), set()).add(value)
        if field.name in _BY_CODE:
            for code, texts in spelled.items():
                self._spellings.setdefault(code, []).append(texts)
        return found, unread

    def _as_typed(self, field: OurField, values: Sequence[str]) -> Condition:
        """The condition for values that the field never has. What was typed for a country may have them."""
        if not values:
            return False
        shown = ", ".join(map(repr, values))
        if field.name not in _BY_CODE:
            raise NotCarried(f"{field.name} never is {shown}")
        fault = "is not a country. It is" if len(values) == 1 else "are not countries. They are"
        self.notes.append(f"{shown} {fault} compared with {RAW_COUNTRY}, the country as typed.")
        self.used[RAW_COUNTRY] = OurField(RAW_COUNTRY, Kind.STRING)
        self.sources[RAW_COUNTRY] = ["Lead.Country"]
        return _equal(RAW_COUNTRY, values)

    def _part_of_text(self, field: OurField, operation: str, values: Sequence[str]) -> Condition:
        if field.name in _BY_CODE:
            return self._named_like(field.name, operation, values)
        if field.kind is not Kind.STRING:
            raise NotCarried(f"{operation} does not fit the type of {field.name}")
        return {field.name: {_TEXTS[operation]: values[0] if len(values) == 1 else list(values)}}

    def _named_like(self, name: str, operation: str, values: Sequence[str]) -> Condition:
        """The countries whose code or English name has the text."""
        matches: Callable[[str, str], bool] = (
            str.startswith if operation == "startsWith" else str.__contains__
        )
        wanted = [each.casefold() for each in values]
        codes = [
            code
            for code, country in COUNTRIES.items()
            if any(matches(text.casefold(), each) for text in (code, country) for each in wanted)
        ]
        if not codes:
            raise NotCarried("no country has such a name")
        shown = ", ".join(codes[:12]) + (" and more" if len(codes) > 12 else "")
        self.notes.append(f"{name}: {operation} {', '.join(values)} is written as these countries: {shown}.")
        return _equal(name, codes)

    def _ordered(self, field: OurField, criterion: Criterion) -> Condition:
        text, operator = criterion.raw.strip(), ORDER[criterion.operation]
        if not text:
            raise NotCarried(f"{criterion.operation} has no value")
        match field.kind:
            case Kind.INTEGER | Kind.NUMBER:
                return {field.name: {operator: read_number(text)}}
            case Kind.TIMESTAMP:
                at = read_date(text)
                if not field.dates_only:
                    self.notes.append(
                        f"{field.name}: days begin at midnight UTC, not in the zone of your org."
                    )
                return {field.name: {operator: at}}
            case Kind.STRING if field.name not in _BY_CODE:
                return _text_order(field.name, operator, text)
        raise NotCarried(f"{criterion.operation} does not fit the type of {field.name}")


def _switch(name: str, value: bool) -> Condition:
    return {name: True} if value else {"not": {name: True}}


def _included(field: OurField, values: Sequence[str]) -> Condition:
    """One of the values is selected. Values joined by semicolons must be selected together."""
    if field.kind is not Kind.STRINGS:
        raise NotCarried(f"{field.name} is not a list of values")
    together = [[each.strip() for each in value.split(";") if each.strip()] for value in values]
    if all(len(each) == 1 for each in together):
        single = [each[0] for each in together]
        return {field.name: {"contains": single[0] if len(single) == 1 else single}}
    return some(every({field.name: {"contains": each}} for each in group) for group in together)


def _text_order(name: str, operator: str, bound: str) -> Condition:
    """Texts in their order, which plans do not know, as a regular expression. Only for digits."""
    if not re.fullmatch(r"[0-9]{1,20}", bound):
        raise NotCarried("texts are compared in their order, which depends on the language")
    above = [f"{bound[:at]}[^\\x00-{digit}]" for at, digit in enumerate(bound)]
    from_ = {name: {"matches": f"^(?:{'|'.join([*above, bound])})"}}
    beyond = {name: {"matches": f"^(?:{'|'.join([*above, f'{bound}(?s:.)'])})"}}
    match operator:
        case "gte":
            return from_
        case "gt":
            return beyond
    return every([{"exists": name}, {"not": from_ if operator == "lt" else beyond}])


def _inferred_kinds(fields: FieldMap, criteria: Sequence[Criterion]) -> dict[str, OurField]:
    """The types of attributes that nobody declared, from how the rule compares them."""
    uses: dict[str, list[Criterion]] = {}
    for criterion in criteria:
        try:
            found = fields.find(criterion.field)
        except NotCarried:
            continue
        if found.kind is Kind.ANY:
            uses.setdefault(found.name, []).append(criterion)
    return {name: OurField(name, _inferred_kind(each), _only_days(each)) for name, each in uses.items()}


def _only_days(uses: Sequence[Criterion]) -> bool:
    """Whether all values are days without a time."""
    return not any("T" in value or ":" in value for use in uses for value in use.values)


def _inferred_kind(uses: Sequence[Criterion]) -> Kind:
    operations = {use.operation for use in uses}
    values = [value for use in uses for value in use.values if value]
    if operations & {"includes", "excludes"}:
        return Kind.STRINGS
    if operations & {"contains", "notContain", "startsWith"}:
        return Kind.STRING
    ordered = bool(operations & ORDER.keys())
    if values and all(map(is_switch, values)) and not ordered:
        return Kind.BOOLEAN
    if ordered and all(is_number(use.raw) for use in uses if use.raw):
        return Kind.NUMBER
    if values and all(map(is_date, values)):
        return Kind.TIMESTAMP
    return Kind.STRING
