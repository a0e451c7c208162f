"""Steps, values and branches that are of no use, because earlier steps take their leads.

All of them are warnings: such a plan decides every lead, but not as its author may think. A step whose target
is a team or an owner passes leads on, so what comes after it is reached only when nobody there is free.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.plan.document.plan import PlanDocument
from app.plan.document.steps import PlanStep
from app.plan.document.targets import CURRENT_OWNER, Target
from app.plan.findings import Finding, join, quote, show
from app.plan.language.conditions import Node, anys, leaves
from app.plan_check.clauses import Alternatives, Vocabulary, Word, alternatives, described, vocabulary_of
from app.plan_check.shadows import Cover, Shadows

_BRANCH = re.compile(r"\bany\[(\d+)\]")
MAX_LISTED = 10
"""Steps behind one step without a condition that are reported one by one."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A step with its condition taken apart."""

    position: int
    step: PlanStep
    condition: Alternatives
    first_target: tuple[str, str] | None

    @property
    def path(self) -> str:
        return f"pipeline[{self.position}].{self.step.strategy}"

    @property
    def label(self) -> str:
        kind = "rule" if self.step.strategy == "rule" else "step"
        return f"{kind} `{quote(self.step.name)}`"

    @property
    def place(self) -> str:
        return f"{self.label} (step {self.position + 1})"

    @property
    def targets(self) -> tuple[Target, ...]:
        return self.step.config.targets()

    @property
    def settles(self) -> bool:
        return self.step.settles

    @property
    def offers(self) -> bool:
        """Whether one of its targets takes every lead that it matches, as long as somebody is free."""
        ladders = list(self.step.config.ladders())
        single = self.step.strategy in ("rule", "round_robin", "queue") and len(ladders) == 1
        table = getattr(self.step.config, "table", None) is not None
        return self.settles or (single and not table and not all(map(_picky, self.targets)))


def order_findings(document: PlanDocument) -> Iterator[Finding]:
    """Steps, lines of `sla_rules` and cases of derived fields that earlier ones leave nothing for."""
    yield from _steps(document)
    yield from _lines(document)


def _steps(document: PlanDocument) -> Iterator[Finding]:
    steps = list(_read(document))
    shadows = Shadows([each.condition for each in steps])
    listed: Counter[int] = Counter()
    for each in steps:
        cover = shadows.cover(each.condition)
        earlier = [steps[at] for at in cover.by]
        if len(earlier) == 1 and earlier[0].step.condition is None:
            listed[earlier[0].position] += 1
            if listed[earlier[0].position] > MAX_LISTED:
                continue
        yield from _about(each, cover, steps)
        yield from _repeated(each, vocabulary_of(document.fields))
        if each.offers and not (earlier and all(before.settles for before in earlier)):
            shadows.add(each.position, each.condition)
    for position, count in listed.items():
        if count > MAX_LISTED:
            yield _many(steps[position], count - MAX_LISTED)


def _read(document: PlanDocument) -> Iterator[_Step]:
    vocabulary = vocabulary_of(document.fields)
    for position, step in enumerate(document.pipeline):
        first = next(((target.kind, target.name) for target in step.config.targets()), None)
        yield _Step(position, step, alternatives(step.condition, vocabulary), first)
        vocabulary.scored += step.strategy == "score"


def _picky(target: Target) -> bool:
    """Whether the target says itself which leads it passes on."""
    chosen = target.match or target.skills or target.languages
    return bool(target.kind == CURRENT_OWNER or target.off_hours == "next" or chosen)


def _about(each: _Step, cover: Cover, steps: Sequence[_Step]) -> Iterator[Finding]:
    if cover.by:
        earlier = [steps[at] for at in cover.by]
        if all(before.settles for before in earlier):
            yield _finding(each, each.path, "unreachable", _unreachable(each, earlier), _first_value(each))
        elif each.step.condition is not None and each.step.strategy != "queue":
            # A queue behind a team is the usual place for leads that nobody can take.
            yield _finding(each, each.path, "shadowed", _shadowed(each, earlier), _first_value(each))
        return
    yield from _values(each, cover, steps)
    for branch, by in cover.branches.items():
        taking = " and ".join(steps[at].place for at in by)
        verb = "comes first and matches" if len(by) == 1 else "come first and together match"
        number = int(branch.rpartition("[")[2].rstrip("]")) + 1
        text = (
            f"Branch {number} of this any is of no use: {taking} {verb} all its leads. "
            f"Remove the branch, or move {each.label} up."
        )
        yield _finding(each, f"{each.path}.when.{branch}", "branch_taken", text)


def _repeated(each: _Step, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Branches of an `any` that earlier branches of the same `any` leave nothing."""
    for node in anys(each.step.condition) if each.step.condition is not None else ():
        if not _share_fields(node.parts, vocabulary):
            continue
        for position, by in _covered([alternatives(part, vocabulary) for part in node.parts]):
            branches = " or ".join(str(at + 1) for at in by)
            text = (
                f"Branch {position + 1} of this any in {each.label} is of no use: every lead that matches it "
                f"matches branch {branches}. Remove it."
            )
            yield _finding(each, f"{each.path}.when.{node.path}[{position}]", "branch_taken", text)


def _share_fields(parts: Sequence[Node], vocabulary: Vocabulary) -> bool:
    """Whether two branches ask for the same field. Otherwise none of them can be within another."""
    seen: set[str] = set()
    for part in parts:
        names = {leaf.field for leaf in leaves(part)}
        names |= {leaf.field for name in names for leaf in vocabulary.derived.get(name, {}).values()}
        if not seen.isdisjoint(names):
            return True
        seen |= names
    return False


def _finding(each: _Step, path: str, code: str, text: str, value: str | None = None) -> Finding:
    return Finding(path, code, text, "warning", rule=each.step.name, value=value)


def _first_value(each: _Step) -> str | None:
    return show(each.condition.words[0].value) if each.condition.words else None


def _unreachable(each: _Step, earlier: Sequence[_Step]) -> str:
    places = " and ".join(before.place for before in earlier)
    if len(earlier) == 1 and earlier[0].step.condition is None:
        return (
            f"No lead reaches {each.label}, because {places} has no condition and takes every lead. "
            f"Move {each.label} up, or give {earlier[0].label} a condition."
        )
    if len(earlier) == 1 and _equal(each, earlier[0]):
        return (
            f"No lead reaches {each.label}, because {places} has the same condition{_why(each, earlier)} "
            "and takes every lead that matches it. Change one of the conditions, or remove one of the two."
        )
    verb = "takes" if len(earlier) == 1 else "together take"
    return (
        f"No lead reaches {each.label}, because {places} {verb} every lead that matches it"
        f"{_why(each, earlier)}. Move {each.label} up, or remove it."
    )


def _shadowed(each: _Step, earlier: Sequence[_Step]) -> str:
    places = " and ".join(before.place for before in earlier)
    start = f"{_capital(each.label)} is reached only when {_unable(earlier)}: {places}"
    remedy = f"Move {each.label} up, remove it, or list its target under else of {earlier[0].label}."
    if len(earlier) == 1 and earlier[0].step.condition is None:
        remedy = f"Move {earlier[0].label} to the end, or give it a condition."
        return f"{start} has no condition and comes first. {remedy}"
    if len(earlier) == 1 and _equal(each, earlier[0]):
        return f"{start} has the same condition{_why(each, earlier)} and comes first. {remedy}"
    verb = "comes first and matches" if len(earlier) == 1 else "come first and together match"
    return f"{start} {verb} every lead that it matches{_why(each, earlier)}. {remedy}"


def _many(earlier: _Step, count: int) -> Finding:
    kept = "no lead" if earlier.settles else f"a lead only when {_unable([earlier])}"
    text = (
        f"{count} more steps after {earlier.place} get {kept}, because it has no condition. "
        "Move it to the end, or give it a condition."
    )
    return _finding(earlier, earlier.path, "unreachable" if earlier.settles else "shadowed", text)


def _unable(earlier: Sequence[_Step]) -> str:
    """Who must be unable to take a lead before it is passed on."""
    targets = [target for before in earlier if not before.settles for target in before.targets]
    names = list(dict.fromkeys((target.kind, target.name) for target in targets))
    if len(names) == 1:
        kind, name = names[0]
        return f"{quote(name)} cannot take it" if kind == "owner" else f"nobody in {quote(name)} can take it"
    return f"none of {', '.join(quote(name) for _, name in names)} can take it"


def _equal(each: _Step, other: _Step) -> bool:
    forms = [{frozenset(cube.clauses) for cube in step.condition.cubes} for step in (each, other)]
    return forms[0] == forms[1]


def _why(each: _Step, earlier: Sequence[_Step]) -> str:
    """The comparison that shows it, and which one of the earlier step it is within."""
    words = each.condition.words
    if len(earlier) > 1 or not words:
        return ""
    theirs = {atom for word in earlier[0].condition.words for atom in word.atoms}
    wider = {word.field: word for word in reversed(earlier[0].condition.words)}
    own = [word for word in words if not word.atoms <= theirs and word.field in wider]
    if own:
        return f" ({described(own[0])} is within {described(wider[own[0].field])})"
    return f" ({described(next((word for word in words if word.atoms <= theirs), words[0]))})"


def _values(each: _Step, cover: Cover, steps: Sequence[_Step]) -> Iterator[Finding]:
    """Values that an earlier step with another target has already: one finding for each list."""
    lists: dict[tuple[str, int], list[Word]] = {}
    for word in each.condition.words:
        if word.atoms and all(atom in cover.atoms for atom in word.atoms):
            before = max(cover.atoms[atom] for atom in word.atoms)
            lists.setdefault((_list_of(word.path), before), []).append(word)
    for (_, at), words in lists.items():
        if each.first_target != steps[at].first_target:
            yield _taken(each, steps[at], words)


def _list_of(path: str) -> str:
    return path.rpartition("[")[0] if path.endswith("]") else path


def _taken(each: _Step, before: _Step, words: Sequence[Word]) -> Finding:
    named = ", ".join(show(word.value) for word in words[:MAX_LISTED])
    more = f" and {len(words) - MAX_LISTED} more" if len(words) > MAX_LISTED else ""
    it = "it" if len(words) == 1 else "them"
    gets = f"no lead with {it}"
    if not before.settles:
        gets = f"a lead with {it} only when {_unable([before])}"
    text = (
        f"{_branch(words[0].path)}{_capital(before.place)} comes first and also matches "
        f"{described(words[0], named)}{more}, so {each.label} gets {gets}. Remove {it} from one of the two."
    )
    return _finding(each, join(f"{each.path}.when", words[0].path), "value_taken", text, named)


def _branch(path: str) -> str:
    """The branch of an `any` that a value is in."""
    found = _BRANCH.findall(path)
    return f"Branch {int(found[-1]) + 1} of this any is taken. " if found else ""


def _lines(document: PlanDocument) -> Iterator[Finding]:
    """Lines of `sla_rules` and cases of derived fields, of which the first that is true counts."""
    lines = {"sla_rules": [each.when for each in document.sla_rules]}
    for derived in document.fields.derived:
        lines[f"fields.{quote(derived.name)}"] = [case.when for case in derived.cases]
    for path, conditions in lines.items():
        read = [alternatives(each, vocabulary_of(document.fields)) for each in conditions]
        for position, by in _covered(read):
            which = ("line " if len(by) == 1 else "lines ") + " and ".join(str(at + 1) for at in by)
            verb = "takes" if len(by) == 1 else "together take"
            text = (
                f"Line {position + 1} of {path} never counts, because {which} {verb} every lead that "
                "matches it. Move it up, or remove it."
            )
            yield Finding(f"{path}[{position}]", "unreachable", text, "warning")


def _covered(read: Sequence[Alternatives]) -> Iterator[tuple[int, tuple[int, ...]]]:
    shadows = Shadows(read)
    for position, each in enumerate(read):
        cover = shadows.cover(each)
        if cover.by:
            yield position, cover.by
        else:
            shadows.add(position, each)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
