"""Which conditions of a list are taken by earlier ones.

Every answer is certain: a condition is covered only if every lead that meets it meets one of the earlier
ones. Not every such condition is found. `MAX_COMPARISONS` bounds the time that the longest plans take.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from app.engine.conditions.comparisons import BOUNDS
from app.plan.language.fields import Kind
from app.plan_check.atoms import Atom, implies
from app.plan_check.clauses import Alternatives, Clause, Cube
from app.values.states import meanings_of, tail

MAX_COMPARISONS = 100_000
"""Comparisons of a cube with an earlier one."""
MAX_PIECES = 32
"""Pieces into which a cube is cut when several earlier ones take it together."""

Key = tuple[Hashable, ...]
_NOTHING: Clause = frozenset()
_NONE: set[Atom] = set()
Reach = Sequence[Sequence[tuple[int, Clause]]]
"""What an earlier cube takes of a cube: for each of its clauses, the atoms that imply it, by their place."""
Cut = Mapping[int, Clause]
"""Of the clauses at these places only these atoms are taken; of the others everything."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What earlier conditions take of one.

    by:       the positions that together take everything, or nothing when some leads are left.
    atoms:    comparisons that are of no use, each with the position that takes them.
    branches: branches of an `any` that are of no use, each with the positions that take them.
    """

    by: tuple[int, ...] = ()
    atoms: Mapping[Atom, int] = field(default_factory=dict)
    branches: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Filed:
    """A cube of an earlier condition. It is found by the keys of its clause `index`."""

    position: int
    clauses: list["_Wanted"]
    bounds: Mapping[str, tuple[float, float]]
    index: Clause = _NOTHING


class Shadows:
    """Finds the covers of conditions in order. `add` those that take the leads they match."""

    def __init__(self, conditions: Iterable[Alternatives]) -> None:
        self._sharing = Counter(
            key
            for each in conditions
            for cube in each.cubes
            for clause in cube.clauses
            for key in _keys(clause)
        )
        self._filed: dict[Key, list[_Filed]] = defaultdict(list)
        self._always: list[_Filed] = []
        self._lengths: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.comparisons = 0

    def add(self, position: int, condition: Alternatives) -> None:
        """Later conditions are compared with this one."""
        for cube in condition.cubes:
            filed = _Filed(position, [_Wanted(clause) for clause in cube.clauses], _bounds(cube.clauses))
            if not cube.clauses:
                self._always.append(filed)
                continue
            filed.index = min(cube.clauses, key=self._cost)
            for key in _keys(filed.index):
                self._filed[key].append(filed)
                if key[0] in ("prefix", "contains") and isinstance(key[2], str):
                    self._lengths[str(key[0]), str(key[1])].add(len(key[2]))

    def cover(self, condition: Alternatives) -> Cover:
        """What the conditions added so far take of this one."""
        covers = [self._of_cube(cube) for cube in condition.cubes]
        taken = [by for by, _ in covers]
        if covers and all(taken):
            single = set.intersection(*(set(each.singles) for _, each in covers))
            return Cover((min(single),) if single else tuple(sorted({at for by in taken for at in by})))
        return Cover((), _unused_atoms(condition.cubes, covers), _unused_branches(condition.cubes, taken))

    def _cost(self, clause: Clause) -> int:
        return max(self._sharing[key] for key in _keys(clause))

    def _of_cube(self, cube: Cube) -> tuple[tuple[int, ...], "_Taken"]:
        found = _Taken()
        if self.comparisons > MAX_COMPARISONS:
            return (), found
        whole = _Fields(cube.clauses)
        pieces = [_Piece(cube.clauses)]
        by: list[int] = []
        for filed, hits, implied in self._candidates(cube):
            self.comparisons += max(len(pieces), 1)
            if self.comparisons > MAX_COMPARISONS:
                break
            reach = whole.reach(filed, hits, implied)
            cut = _cut(whole.clauses, reach) if reach is not None else None
            if reach is None or cut is None:
                continue
            found.note(filed.position, cut)
            if pieces:
                left = [part for piece in pieces for part in piece.rest(reach)] if cut else []
                if left != pieces and len(left) <= MAX_PIECES:
                    pieces = left
                    by.append(filed.position)
        return (tuple(dict.fromkeys(by)) if not pieces else ()), found

    def _candidates(self, cube: Cube) -> Sequence[tuple[_Filed, set[Atom], set[Atom]]]:
        """The earlier cubes that can take a part of this one.

        Each comes with the atoms to compare with its index, and with those that imply it for certain, as it
        has them itself or a text that they contain.
        """
        found: dict[_Filed, None] = dict.fromkeys(self._always)
        hits: dict[_Filed, set[Atom]] = defaultdict(set)
        implied: dict[_Filed, set[Atom]] = defaultdict(set)
        for atom in frozenset[Atom]().union(*cube.clauses):
            found |= dict.fromkeys(self._filed.get((atom.operator, atom.field, atom.operand), ()))
            for key in self._wider_keys(atom):
                into = implied if _is_certain(key, atom) else hits
                for filed in self._filed.get(key, ()):
                    into[filed].add(atom)
        found |= dict.fromkeys(hits)
        found |= dict.fromkeys(implied)
        ordered = sorted(found, key=lambda each: each.position)
        return [(filed, hits.get(filed, _NONE), implied.get(filed, _NONE)) for filed in ordered]

    def _wider_keys(self, atom: Atom) -> Iterator[Key]:
        """The keys of every other atom that this one implies."""
        name, text = atom.field, atom.operand
        yield ("field", name)
        if atom.operator == "eq" and name == "state":
            yield from (("eq", name, tail(each)) for each in meanings_of(str(text)))
        if not isinstance(text, str):
            return
        if atom.operator in ("eq", "prefix"):
            for length in self._lengths.get(("prefix", name), ()):
                if length < len(text) or atom.operator == "eq":
                    yield ("prefix", name, text[:length])
        if atom.operator in ("eq", "prefix", "contains"):
            for length in self._lengths.get(("contains", name), ()):
                for start in range(len(text) - length + 1):
                    if length < len(text) or atom.operator != "contains":
                        yield ("contains", name, text[start : start + length])


class _Taken:
    """What the earlier conditions take of one cube, each by itself."""

    def __init__(self) -> None:
        self.singles: list[int] = []
        self.atoms: dict[Atom, int] = {}
        self._noted: set[Atom] = set()

    def note(self, position: int, cut: Cut) -> None:
        if not cut:
            self.singles.append(position)
        elif len(cut) == 1:
            (taken,) = cut.values()
            new = taken - self._noted
            if new:
                self._noted |= new
                self.atoms |= dict.fromkeys(new, position)


def _is_certain(key: Key, atom: Atom) -> bool:
    """Whether an atom implies every atom that is filed under one of its wider keys."""
    if key[0] not in ("prefix", "contains") or atom.field == "state":
        return False
    return atom.operator != "contains" or atom.kind is Kind.STRING


def _keys(clause: Clause) -> set[Key]:
    return {
        (atom.operator, atom.field, atom.operand)
        if atom.operator in ("eq", "prefix", "contains")
        else ("field", atom.field)
        for atom in clause
    }


def _cut(clauses: Sequence[Clause], reach: Reach) -> Cut | None:
    """What is taken of these clauses. Empty when that is everything, None when it is nothing for certain."""
    partly: dict[int, Clause] = {}
    for places in reach:
        best, best_place = _NOTHING, -1
        for place, taken in places:
            clause = clauses[place]
            part = clause & taken
            if len(part) == len(clause):
                break
            if len(part) > len(best):
                best, best_place = part, place
        else:
            both = partly.get(best_place, best) & best
            if not both:
                return None
            partly[best_place] = both
    return partly


def _bounds(clauses: Iterable[Clause]) -> dict[str, tuple[float, float]]:
    """The limits of the numbers of each field that has some."""
    found: dict[str, tuple[float, float]] = {}
    for clause in clauses:
        atom = next(iter(clause), None)
        if atom is None or len(clause) > 1 or atom.operator not in BOUNDS:
            continue
        if isinstance(atom.operand, (int, float)):
            low, high = found.get(atom.field, (-inf, inf))
            lower = atom.operator in ("gt", "gte")
            found[atom.field] = (max(low, atom.operand), high) if lower else (low, min(high, atom.operand))
    return found


def _is_bound(clause: Clause) -> bool:
    return len(clause) == 1 and next(iter(clause)).operator in BOUNDS


class _Fields:
    """The clauses of a cube by their fields."""

    __slots__ = ("_bounds", "_places", "clauses")

    def __init__(self, clauses: tuple[Clause, ...]) -> None:
        self.clauses = clauses
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, clause in enumerate(clauses):
            for name in {atom.field for atom in clause}:
                self._places[name].append(place)
        self._bounds = {
            name: limits
            for name, limits in _bounds(clauses).items()
            if all(_is_bound(clauses[place]) for place in self._places[name])
        }

    def reach(self, earlier: _Filed, hits: set[Atom], implied: set[Atom]) -> Reach | None:
        """What the earlier cube takes, or None if it certainly takes nothing.

        Its index is implied by its own atoms, by those in `implied`, and perhaps by some of `hits`.
        """
        if earlier.bounds and not self._within(earlier.bounds):
            return None
        found: list[list[tuple[int, Clause]]] = []
        for wanted in earlier.clauses:
            known = (hits, implied) if wanted.atoms is earlier.index else None
            taken = [(place, wanted.taken(self.clauses[place], known)) for place in self._of(wanted)]
            places = [each for each in taken if each[1]]
            if not places:
                return None
            found.append(places)
        return found

    def _within(self, bounds: Mapping[str, tuple[float, float]]) -> bool:
        """Whether the numbers of the cube can be within these. Much faster than comparing the clauses."""
        for name, (low, high) in bounds.items():
            own = self._bounds.get(name)
            if own is not None and (own[0] < low or own[1] > high):
                return False
        return True

    def _of(self, wanted: "_Wanted") -> Sequence[int]:
        """The places of the clauses that can imply the wanted one."""
        if wanted.field is None:
            return range(len(self.clauses))
        return self._places.get(wanted.field, ())


class _Piece(NamedTuple):
    """A part of a cube that is left. Its clauses have fewer atoms, in the same places."""

    clauses: tuple[Clause, ...]

    def rest(self, reach: Reach) -> list["_Piece"]:
        """The pieces that are left after an earlier cube, of which this is the reach in the whole cube."""
        cut = _cut(self.clauses, reach)
        if cut is None:
            return [self]
        pieces = []
        narrowed = list(self.clauses)
        for place, taken in cut.items():
            pieces.append(_Piece((*narrowed[:place], narrowed[place] - taken, *narrowed[place + 1 :])))
            narrowed[place] = taken
        return pieces


class _Wanted:
    """A clause of an earlier cube.

    field:   the field of all its atoms, None if they are of several.
    _others: its atoms by field, except texts, which are looked up.
    """

    __slots__ = ("_only_equal", "_others", "_parts", "_prefixes", "atoms", "field")

    def __init__(self, atoms: Clause) -> None:
        self.atoms = atoms
        fields = {atom.field for atom in atoms}
        self.field = next(iter(fields)) if len(fields) == 1 else None
        self._others: dict[str, list[Atom]] = defaultdict(list)
        for atom in atoms:
            if not _is_text(atom):
                self._others[atom.field].append(atom)
        self._prefixes = _texts(atom for atom in atoms if atom.operator == "prefix")
        self._parts = _texts(atom for atom in atoms if atom.operator == "contains")
        self._only_equal = not (self._prefixes or self._parts or self._others)

    def taken(self, clause: Clause, known: tuple[set[Atom], set[Atom]] | None = None) -> Clause:
        """The atoms of a clause that imply this one: its own, and others.

        What is `known` are the only other atoms that may imply it, and those that do.
        """
        same = clause & self.atoms
        if self._only_equal or len(same) == len(clause):
            return same
        among, implied = known if known is not None else (clause, _NONE)
        same |= clause & implied
        others = (clause & among) - same
        return same | frozenset(filter(self._is_implied, others)) if others else same

    def _is_implied(self, atom: Atom) -> bool:
        prefixes = self._prefixes.get(atom.field)
        if prefixes is not None and any(implies(atom, each) for each in prefixes.beginning(atom)):
            return True
        parts = self._parts.get(atom.field)
        if parts is not None and any(implies(atom, each) for each in parts.within(atom)):
            return True
        return any(implies(atom, other) for other in self._others.get(atom.field, ()))


class _Texts:
    """Atoms of one operator by their texts. Only those are compared that another text begins with or has."""

    __slots__ = ("_by_text", "_lengths")

    def __init__(self, atoms: Iterable[Atom]) -> None:
        self._by_text = {atom.operand: atom for atom in atoms}
        self._lengths = sorted({len(text) for text in self._by_text})

    def beginning(self, atom: Atom) -> Iterator[Atom]:
        """The atoms whose text is the beginning of this one's."""
        text = atom.operand
        if atom.operator in ("eq", "prefix") and isinstance(text, str):
            for length in self._lengths:
                if (found := self._by_text.get(text[:length])) is not None:
                    yield found

    def within(self, atom: Atom) -> Iterator[Atom]:
        """The atoms whose text is a part of this one's."""
        text = atom.operand
        if atom.operator in ("eq", "prefix", "contains") and isinstance(text, str):
            yield from (each for part, each in self._by_text.items() if part in text)


def _texts(atoms: Iterable[Atom]) -> dict[str, _Texts]:
    by_field: dict[str, list[Atom]] = defaultdict(list)
    for atom in atoms:
        if _is_text(atom):
            by_field[atom.field].append(atom)
    return {name: _Texts(each) for name, each in by_field.items()}


def _is_text(atom: Atom) -> bool:
    """Whether only an equal value, or a text that has this one, can imply the atom."""
    return (atom.operator == "eq" and atom.field != "state") or (
        atom.operator in ("prefix", "contains") and isinstance(atom.operand, str)
    )


def _unused_atoms(cubes: Sequence[Cube], covers: Sequence[tuple[tuple[int, ...], _Taken]]) -> dict[Atom, int]:
    """The atoms that are taken in every cube that has them."""
    if len(covers) == 1:
        return covers[0][1].atoms
    found: dict[Atom, int] = {}
    for _, taken in covers:
        for atom, position in taken.atoms.items():
            having = [
                (by, each)
                for cube, (by, each) in zip(cubes, covers, strict=True)
                if any(atom in clause for clause in cube.clauses)
            ]
            if all(by or atom in each.atoms for by, each in having):
                found.setdefault(atom, position)
    return found


def _unused_branches(cubes: Sequence[Cube], taken: Sequence[tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The branches of which every cube is taken."""
    found: dict[str, list[int]] = {}
    left: set[str] = set()
    for cube, by in zip(cubes, taken, strict=True):
        for branch in cube.branches:
            if by:
                found.setdefault(branch, []).extend(by)
            else:
                left.add(branch)
    return {branch: tuple(sorted(set(by))) for branch, by in found.items() if branch not in left}
