"""An index that finds which of many conditions can hold for a lead.

Each condition is filed under one of its requirements, the one it shares with the fewest others. So the cost
of finding the candidates depends on the number of fields and candidates, not on the number of conditions.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from app.engine.conditions.comparisons import Get, Values, getter, getter_as_sent, index_key
from app.engine.conditions.condition import Requirement
from app.engine.conditions.languages import FIELD as LANGUAGE
from app.engine.conditions.states import FIELD as STATE
from app.engine.conditions.states import state_bucket

_Bucket = tuple[str, str, str | int | float]


class _Indexed(Protocol):
    """What the index needs of a condition."""

    @property
    def requires(self) -> tuple[Requirement, ...]: ...


class ConditionIndex:
    """An index over conditions in order. None stands for a condition that always holds."""

    def __init__(self, conditions: Sequence[_Indexed | None]) -> None:
        sharing = Counter(bucket for each in conditions for bucket in _all_buckets(each))
        self._always: list[int] = []
        self._exact: dict[str, _Exact] = {}
        self._prefix: dict[str, _Prefix] = {}
        for position, condition in enumerate(conditions):
            requirement = _rarest(condition, sharing)
            if requirement is None:
                self._always.append(position)
            elif requirement.operator == "prefix":
                self._prefix.setdefault(requirement.field, _Prefix(requirement.field)).file(
                    requirement, position
                )
            else:
                self._exact.setdefault(requirement.field, _Exact(requirement.field)).file(
                    requirement, position
                )
        self._indexes: tuple[_Exact | _Prefix, ...] = (*self._exact.values(), *self._prefix.values())

    def candidates(self, values: Values) -> Sequence[int]:
        """The positions, ascending, of every condition that could hold for these values."""
        found = [positions for index in self._indexes for positions in index.find(values)]
        if not found:
            return self._always
        merged = self._always.copy()
        for positions in found:
            merged += positions
        merged.sort()
        return merged

    def heaviest(self, costs: Sequence[int]) -> int:
        """The most that the candidates of one lead can cost together, by the cost of each condition."""
        return sum(costs[at] for at in self._always) + sum(each.heaviest(costs) for each in self._indexes)


class _Exact:
    """Conditions that require a field to be one of their options."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._get: Get = state_bucket if field == STATE else getter(field)
        self._positions: dict[str | int | float, list[int]] = defaultdict(list)

    def file(self, requirement: Requirement, position: int) -> None:
        for option in requirement.options:
            self._positions[option].append(position)

    def find(self, values: Values) -> Iterable[list[int]]:
        value = self._get(values)
        if type(value) is list and self._field == LANGUAGE:
            keys = map(index_key, value)
            return [sorted({at for key in keys if key is not None for at in self._positions.get(key, ())})]
        key = index_key(value)
        positions = self._positions.get(key) if key is not None else None
        return (positions,) if positions else ()

    def heaviest(self, costs: Sequence[int]) -> int:
        found = (sum(costs[at] for at in positions) for positions in self._positions.values())
        # A lead may have several languages.
        return sum(found) if self._field == LANGUAGE else max(found, default=0)


class _Prefix:
    """Conditions that require a prefix. Only lengths that occur are looked up."""

    def __init__(self, field: str) -> None:
        self._get: Get = getter_as_sent(field)
        self._positions: dict[str | int | float, list[int]] = defaultdict(list)
        self._lengths: list[int] = []

    def file(self, requirement: Requirement, position: int) -> None:
        for option in requirement.options:
            self._positions[option].append(position)
        self._lengths = sorted({*self._lengths, *(len(str(option)) for option in requirement.options)})

    def find(self, values: Values) -> Iterable[list[int]]:
        text = index_key(self._get(values))
        if not isinstance(text, str):
            return ()
        beginnings = (text[:length] for length in self._lengths if length <= len(text))
        return [found for beginning in beginnings if (found := self._positions.get(beginning))]

    def heaviest(self, costs: Sequence[int]) -> int:
        """A value may begin with one prefix of each length."""
        by_length: dict[int, int] = defaultdict(int)
        for option, positions in self._positions.items():
            cost = sum(costs[at] for at in positions)
            by_length[len(str(option))] = max(by_length[len(str(option))], cost)
        return sum(by_length.values())


def _buckets(requirement: Requirement) -> Iterable[_Bucket]:
    return ((requirement.field, requirement.operator, option) for option in requirement.options)


def _all_buckets(condition: _Indexed | None) -> Iterable[_Bucket]:
    requirements = condition.requires if condition is not None else ()
    return (bucket for requirement in requirements for bucket in _buckets(requirement))


def _rarest(condition: _Indexed | None, sharing: Counter[_Bucket]) -> Requirement | None:
    """The requirement with the smallest largest bucket; the first of equals."""
    if condition is None or not condition.requires:
        return None
    return min(condition.requires, key=lambda each: max(sharing[bucket] for bucket in _buckets(each)))
