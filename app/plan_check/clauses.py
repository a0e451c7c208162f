"""Conditions as alternatives, so that one can be compared with another.

A condition is true when one of its cubes is; a cube when all its clauses are; a clause when one of its atoms
is. A list of values is one clause. Disjunctions are taken apart up to `MAX_CUBES`; a part beyond that only
equals itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

from app.plan.document.own_fields import Derived, OwnFields
from app.plan.findings import show
from app.plan.language.conditions import All, Any, Leaf, Node, Not
from app.plan_check.atoms import Atom, atom_of, atoms_of, excludes, may_share_values, negation
from app.plan_check.label_order import is_label
from app.plan_check.normal_form import normal_form
from app.values.states import STATE_COUNTRIES, read_state

MAX_CUBES = 64

Clause = frozenset[Atom]
Branch = str
"""A branch of an `any`, by its path."""


class Cube(NamedTuple):
    """Clauses that are all true, and the branches they come from."""

    clauses: tuple[Clause, ...]
    branches: frozenset[Branch] = frozenset()


class Word(NamedTuple):
    """One value as the author wrote it: its path in the condition, and the atoms it stands for."""

    path: str
    field: str
    operator: str
    value: object
    atoms: frozenset[Atom]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """A condition taken apart. Without cubes it is never true; one empty cube is always true."""

    cubes: tuple[Cube, ...]
    words: tuple[Word, ...] = ()


ALWAYS = Alternatives((Cube(()),))


@dataclass(slots=True)
class Vocabulary:
    """How to read fields.

    `derived` has the words of fields that are derived from values, each with the comparison it stands for.
    `scored` counts the score steps before the condition: each of them can change the labels of a lead.
    """

    derived: Mapping[str, Mapping[str, Leaf]] = field(default_factory=dict)
    scored: int = 0


def vocabulary_of(fields: OwnFields, scored: int = 0) -> Vocabulary:
    """How conditions of a plan with these fields are read."""
    found = ((each.name, _words_of(each)) for each in fields.derived)
    return Vocabulary({name: words for name, words in found if words is not None}, scored)


def _words_of(derived: Derived) -> Mapping[str, Leaf] | None:
    """The values that give each word. None unless every word stands for certain values of one field."""
    words: dict[str, Leaf] = {}
    earlier: set[Atom] = set()
    for case in derived.cases:
        leaf = case.when
        if not isinstance(leaf, Leaf) or leaf.operator != "in" or not isinstance(leaf.operand, tuple):
            return None
        # The first case that is true counts, so a value stands for the word of its first case.
        atoms = {atom_of(leaf, leaf.field, value): value for value in leaf.operand}
        left = {atom: value for atom, value in atoms.items() if atom not in earlier}
        if may_share_values(left, earlier):
            return None
        earlier.update(left)
        words[case.value.casefold()] = replace(leaf, operand=tuple(left.values()))
    single = len(words) == len(derived.cases) and len({atom.field for atom in earlier}) == 1
    return words if single else None


def alternatives(node: Node | None, vocabulary: Vocabulary | None = None) -> Alternatives:
    """The alternatives of a condition. None is always true."""
    if node is None:
        return ALWAYS
    reader = _Reader(vocabulary or Vocabulary(), _country_of(node))
    cubes = tuple(each for cube in reader.cubes(node, True) if (each := _simplified(cube)) is not None)
    return Alternatives(cubes, tuple(reader.words))


def _country_of(node: Node) -> str | None:
    """The country that every lead of the condition has, if its states are known."""
    parts = node.parts if isinstance(node, All) else (node,)
    named = {
        leaf.operand[0] if isinstance(leaf.operand, tuple) else leaf.operand
        for leaf in parts
        if isinstance(leaf, Leaf) and leaf.field == "country" and leaf.operator in ("eq", "in")
        if not isinstance(leaf.operand, tuple) or len(leaf.operand) == 1
    }
    return next((each for each in STATE_COUNTRIES if named == {each}), None)


class _Reader:
    def __init__(self, vocabulary: Vocabulary, country: str | None = None) -> None:
        self._vocabulary, self._country = vocabulary, country
        self.words: list[Word] = []

    def cubes(self, node: Node, wanted: bool) -> list[Cube]:
        """The cubes in which the node is true, or not true."""
        match node:
            case Not(part):
                return self.cubes(part, not wanted)
            case Leaf():
                return [Cube(tuple(self._clauses(node, wanted)))]
            case All(parts) | Any(parts):
                parted = [self.cubes(part, wanted) for part in parts]
        if isinstance(node, All) is wanted:
            return self._together(parts, parted, wanted)
        return _either(parted, node.path if isinstance(node, Any) else None)

    def _together(self, parts: Sequence[Node], parted: Sequence[list[Cube]], wanted: bool) -> list[Cube]:
        count = 1
        kept: list[list[Cube]] = []
        for part, cubes in sorted(zip(parts, parted, strict=True), key=lambda each: len(each[1])):
            whole = count * len(cubes) > MAX_CUBES
            kept.append([_only_itself(part, wanted)] if whole else cubes)
            count *= len(kept[-1])
        return [
            Cube(
                tuple(dict.fromkeys(clause for cube in chosen for clause in cube.clauses)),
                frozenset().union(*(cube.branches for cube in chosen)),
            )
            for chosen in product(*kept)
        ]

    def _clauses(self, leaf: Leaf, wanted: bool) -> Iterator[Clause]:
        atoms: set[Atom] = set()
        for path, value, each in self._words(leaf):
            atoms |= each
            if wanted:
                self.words.append(Word(path, leaf.field, leaf.operator, value, each))
        if wanted:
            yield frozenset(atoms)
        else:
            for name in sorted({atom.field for atom in atoms}):
                yield frozenset((negation(atom for atom in atoms if atom.field == name),))

    def _state(self, value: object) -> object:
        """The state with its country, if every lead of the condition is of one country."""
        code = read_state(value, self._country) if self._country and isinstance(value, str) else None
        return value if code is None else f"{self._country}-{code}"

    def _words(self, leaf: Leaf) -> Iterator[tuple[str, object, frozenset[Atom]]]:
        words = self._vocabulary.derived.get(leaf.field)
        if words is not None and leaf.operator in ("eq", "in"):
            for path, value in _values(leaf):
                source = words.get(str(value).casefold())
                yield path, value, self._atoms(source) if source is not None else frozenset()
        elif leaf.field == "state" and leaf.operator in ("eq", "in"):
            for path, value in _values(leaf):
                yield path, value, frozenset((atom_of(leaf, leaf.field, self._state(value)),))
        elif leaf.operator in ("in", "prefix", "contains"):
            field = self._field(leaf)
            for path, value in _values(leaf):
                yield path, value, frozenset((atom_of(leaf, field, value),))
        else:
            yield leaf.path, leaf.operand, self._atoms(leaf)

    def _atoms(self, leaf: Leaf) -> frozenset[Atom]:
        if leaf.operand == ():
            return frozenset()
        if leaf.field in self._vocabulary.derived and leaf.operator in ("eq", "in"):
            return frozenset(atom for _, _, each in self._words(leaf) for atom in each)
        return atoms_of(leaf, self._field(leaf))

    def _field(self, leaf: Leaf) -> str:
        """The name of the field. A label counts as a new field after each step that can change it."""
        relabeled = self._vocabulary.scored > 1 and is_label(leaf.field)
        return f"{leaf.field} {self._vocabulary.scored}" if relabeled else leaf.field


def _only_itself(node: Node, wanted: bool) -> Cube:
    return Cube((frozenset((Atom("", "same", (wanted, normal_form(node))),)),))


def _values(leaf: Leaf) -> Iterable[tuple[str, object]]:
    if not isinstance(leaf.operand, tuple):
        return [(leaf.path, leaf.operand)]
    return [(f"{leaf.path}[{place}]", value) for place, value in enumerate(leaf.operand)]


def _either(parted: Sequence[list[Cube]], path: str | None) -> list[Cube]:
    """The cubes of all branches. Branches of one comparison each become one clause."""
    merged: set[Atom] = set()
    found: list[Cube] = []
    for place, cubes in enumerate(parted):
        if len(cubes) == 1 and len(cubes[0].clauses) == 1 and not cubes[0].branches:
            merged |= cubes[0].clauses[0]
        else:
            branch = frozenset() if path is None else frozenset((f"{path}[{place}]",))
            found.extend(Cube(cube.clauses, cube.branches | branch) for cube in cubes)
    return [Cube((frozenset(merged),)), *found] if merged else found


def _simplified(cube: Cube) -> Cube | None:
    """The cube without atoms that its other clauses exclude. None when nothing is left of a clause."""
    clauses = list(cube.clauses)
    for at, clause in enumerate(clauses):
        against = [other for place, other in enumerate(clauses) if place != at and _same_field(clause, other)]
        if against:
            left = frozenset(atom for atom in clause if not any(_excluded(atom, each) for each in against))
            if not left:
                return None
            clauses[at] = left
        elif not clause:
            return None
    return Cube(tuple(clauses), cube.branches)


def _same_field(clause: Clause, other: Clause) -> bool:
    return not {atom.field for atom in clause}.isdisjoint(atom.field for atom in other)


def _excluded(atom: Atom, clause: Clause) -> bool:
    if atom in clause:
        return False
    return all(each.field == atom.field and excludes(atom, each) for each in clause)


def described(word: Word, value: str | None = None) -> str:
    """A comparison in words, such as `employees gt 10`. `value` takes the place of its value."""
    if word.operator == "count":
        return f"{word.field} count"
    operator = "" if word.operator in ("eq", "in") else f"{word.operator} "
    return f"{word.field} {operator}{show(word.value) if value is None else value}"
