"""Which conditions of a list are taken by earlier ones.

Every answer is certain: a condition is covered only if every lead that meets it meets one of the earlier
ones. Not every such condition is found. `MAX_COMPARISONS` bounds the time that the longest plans take.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from app.engine.conditions.comparisons import BOUNDS
from app.plan_check.atoms import Atom, implies
from app.plan_check.clauses import Alternatives, Clause, Cube
from app.values.states import meanings_of, tail

MAX_COMPARISONS = 100_000
"""Comparisons of a cube with an earlier one."""
MAX_PIECES = 32
"""Pieces into which a cube is cut when several earlier ones take it together."""

Key = tuple[Hashable, ...]
_NOTHING: Clause = frozenset()


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


@dataclass(slots=True)
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
        whole = _Fields(cube.clauses)
        pieces = [whole]
        by: list[int] = []
        for filed, hits in self._candidates(cube):
            self.comparisons += max(len(pieces), 1)
            if self.comparisons > MAX_COMPARISONS:
                break
            cut = _cut(whole, filed, hits) if whole.within(filed.bounds) else None
            if cut is None:
                continue
            found.note(filed.position, cut)
            if pieces:
                cuts = [(piece, cut if piece is whole else _cut(piece, filed, hits)) for piece in pieces]
                left = [part for piece, each in cuts for part in piece.rest(each)] if cut else []
                if left != pieces and len(left) <= MAX_PIECES:
                    pieces = left
                    by.append(filed.position)
        return (tuple(dict.fromkeys(by)) if not pieces else ()), found

    def _candidates(self, cube: Cube) -> Sequence[tuple[_Filed, set[Atom]]]:
        """The earlier cubes that can take a part of this one, each with the atoms that its index knows."""
        found: dict[int, tuple[_Filed, set[Atom]]] = {id(each): (each, set()) for each in self._always}
        for atom in {atom for clause in cube.clauses for atom in clause}:
            for key in self._implied_keys(atom):
                for filed in self._filed.get(key, ()):
                    found.setdefault(id(filed), (filed, set()))[1].add(atom)
        return sorted(found.values(), key=lambda each: each[0].position)

    def _implied_keys(self, atom: Atom) -> Iterator[Key]:
        """The keys of every atom that this one implies."""
        name, text = atom.field, atom.operand
        yield ("field", name)
        if atom.operator == "eq" or (atom.operator == "contains" and not isinstance(text, str)):
            yield (atom.operator, name, text)
        if atom.operator == "eq" and name == "state":
            yield from (("eq", name, tail(each)) for each in meanings_of(str(text)))
        if not isinstance(text, str):
            return
        if atom.operator in ("eq", "prefix"):
            for length in self._lengths.get(("prefix", name), ()):
                yield ("prefix", name, text[:length])
        if atom.operator in ("eq", "prefix", "contains"):
            for length in self._lengths.get(("contains", name), ()):
                for start in range(len(text) - length + 1):
                    yield ("contains", name, text[start : start + length])


class _Taken:
    """What the earlier conditions take of one cube, each by itself."""

    def __init__(self) -> None:
        self.singles: list[int] = []
        self.atoms: dict[Atom, int] = {}

    def note(self, position: int, cut: Sequence[tuple[Clause, Clause]]) -> None:
        if not cut:
            self.singles.append(position)
        elif len(cut) == 1:
            for atom in cut[0][1]:
                self.atoms.setdefault(atom, position)


def _keys(clause: Clause) -> set[Key]:
    return {
        (atom.operator, atom.field, atom.operand)
        if atom.operator in ("eq", "prefix", "contains")
        else ("field", atom.field)
        for atom in clause
    }


def _cut(cube: "_Fields", earlier: _Filed, hits: set[Atom]) -> list[tuple[Clause, Clause]] | None:
    """The clauses of which the earlier cube takes only some atoms, with those.

    Empty when it takes everything, None when it takes nothing for certain. No other atoms than `hits` imply
    the clause that the earlier cube was found by.
    """
    partly: dict[Clause, Clause] = {}
    for wanted in earlier.clauses:
        best: tuple[Clause, Clause] | None = None
        for clause in cube.of(wanted):
            if clause <= wanted.atoms:
                break
            taken = wanted.taken(clause & hits if wanted.atoms is earlier.index else clause)
            if len(taken) == len(clause):
                break
            if taken and (best is None or len(taken) > len(best[1])):
                best = clause, taken
        else:
            if best is None:
                return None
            clause, taken = best
            partly[clause] = partly.get(clause, clause) & taken
            if not partly[clause]:
                return None
    return list(partly.items())


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


class _Fields:
    """The clauses of a cube by their fields."""

    __slots__ = ("_bounds", "_by_field", "clauses")

    def __init__(self, clauses: tuple[Clause, ...]) -> None:
        self.clauses = clauses
        self._by_field: dict[str, list[Clause]] = defaultdict(list)
        for clause in clauses:
            for name in {atom.field for atom in clause}:
                self._by_field[name].append(clause)

        bounds = _bounds(clauses)
        self._bounds = {name: each for name, each in bounds.items() if self._only_bounds(name)}

    def _only_bounds(self, name: str) -> bool:
        return all(
            len(clause) == 1 and next(iter(clause)).operator in BOUNDS for clause in self._by_field[name]
        )

    def within(self, bounds: Mapping[str, tuple[float, float]]) -> bool:
        """Whether the numbers of the cube can be within these. Much faster than comparing the clauses."""
        for name, (low, high) in bounds.items():
            own = self._bounds.get(name)
            if own is not None and (own[0] < low or own[1] > high):
                return False
        return True

    def of(self, wanted: "_Wanted") -> Iterable[Clause]:
        """The clauses that can imply the wanted one."""
        if len(wanted.others) == 1:
            return self._by_field.get(next(iter(wanted.others)), ())
        return self.clauses

    def rest(self, cut: Sequence[tuple[Clause, Clause]] | None) -> list["_Fields"]:
        """The pieces of the cube that are left after a cut."""
        if cut is None:
            return [self]
        pieces = []
        narrowed = list(self.clauses)
        for clause, taken in cut:
            at = narrowed.index(clause)
            pieces.append(_Fields((*narrowed[:at], clause - taken, *narrowed[at + 1 :])))
            narrowed[at] = taken
        return pieces


class _Wanted:
    """A clause of an earlier cube. `others` are its atoms by field, except texts, which are looked up."""

    __slots__ = ("_parts", "_prefixes", "atoms", "others")

    def __init__(self, atoms: Clause) -> None:
        self.atoms = atoms
        self.others: dict[str, tuple[Atom, ...]] = {
            name: tuple(atom for atom in atoms if atom.field == name and not _is_text(atom))
            for name in {atom.field for atom in atoms}
        }
        self._prefixes = _texts(atom for atom in atoms if atom.operator == "prefix")
        self._parts = _texts(atom for atom in atoms if atom.operator == "contains")

    def taken(self, clause: Clause) -> Clause:
        """The atoms of a clause that imply this one."""
        if len(clause) == len(self.atoms) == 1:
            (atom,), (other,) = clause, self.atoms
            return clause if atom.field == other.field and implies(atom, other) else _NOTHING
        same = clause & self.atoms
        if not (self._prefixes or self._parts or any(self.others.values())):
            return same
        return same | frozenset(atom for atom in clause - same if self._is_implied(atom))

    def _is_implied(self, atom: Atom) -> bool:
        prefixes = self._prefixes.get(atom.field)
        if prefixes is not None and any(implies(atom, each) for each in prefixes.beginning(atom)):
            return True
        parts = self._parts.get(atom.field)
        if parts is not None and any(implies(atom, each) for each in parts.within(atom)):
            return True
        return any(implies(atom, other) for other in self.others.get(atom.field, ()))


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
