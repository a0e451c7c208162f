"""What a plan may cost: to check it, to run its tests, and to decide one lead with it."""

from collections.abc import Iterator, Mapping
from math import prod

from app.engine.compile.costs import cost_of_lead
from app.engine.compile.plan import table_refs_of
from app.engine.lookup.tables import TableContent
from app.engine.model.effort import MAX_ACTIONS, MAX_EFFORT
from app.engine.selection.templated_teams import closed_fields, fields_of, is_templated
from app.plan.document.plan import PlanDocument
from app.plan.document.targets import Target
from app.plan.findings import Finding, quote
from app.plan.language.columns import MatchOn
from app.plan.language.conditions import leaves
from app.plan_check.places import handoff_targets, reject_targets

MAX_COMBINATIONS = 100_000
"""Teams that all templated names of a plan can stand for together."""
MAX_COST_OF_LEAD = MAX_EFFORT // 20
"""Comparisons for one lead. A decision may walk the pipeline several times."""
MAX_COST_OF_TESTS = 20_000_000
"""Comparisons and owners of all tests together."""

MAX_FIELDS_IN_A_ROW = 32
"""Derived fields of which each needs the next. What the first one means is found level by level."""

MAX_WAYS = 4
"""Ways in which rules compare the columns of one table. Each has an index of its own."""


def budget_findings(
    document: PlanDocument, tables: Mapping[str, TableContent], owners: int
) -> Iterator[Finding]:
    """What is over a limit. Such a plan is not checked any further, and is not stored."""
    yield from _combinations(document, tables)
    yield from _fields_in_a_row(document)
    yield from _ways(document)
    yield from _actions(document)
    cost = cost_of_lead(document)
    if cost > MAX_COST_OF_LEAD:
        place = "scores" if any(step.strategy == "score" for step in document.pipeline) else "pipeline"
        yield over(place, cost, "comparisons for one lead", MAX_COST_OF_LEAD)
    elif len(document.tests) * (cost + owners) > MAX_COST_OF_TESTS:
        cost = len(document.tests) * (cost + owners)
        yield over("tests", cost, "comparisons in its tests", MAX_COST_OF_TESTS)


def over(path: str, figure: int, what: str, most: int) -> Finding:
    """A plan has too much of something."""
    text = f"This plan has {figure:,} {what}; the limit is {most:,}. Split the plan, or simplify it."
    return Finding(path, "too_costly", text)


def _actions(document: PlanDocument) -> Iterator[Finding]:
    events = ((f"on_event.{quote(name)}", blocks) for name, blocks in document.on_event.items())
    for path, blocks in (("follow_up", document.follow_up), *events):
        always = sum(len(block.do) for block in blocks if block.when is None)
        longest = max((len(block.do) for block in blocks if block.when is not None), default=0)
        if always + longest > MAX_ACTIONS:
            yield over(path, always + longest, "actions for one lead", MAX_ACTIONS)


def _fields_in_a_row(document: PlanDocument) -> Iterator[Finding]:
    levels: dict[str, int] = {}
    for derived in document.fields.derived:  # each comes after those it needs
        needed = (leaf.field for case in derived.cases if case.when is not None for leaf in leaves(case.when))
        levels[derived.name] = 1 + max((levels.get(name, 0) for name in needed), default=0)
    name, most = max(levels.items(), key=lambda each: each[1], default=("", 0))
    if most > MAX_FIELDS_IN_A_ROW:
        what = "derived fields that need one another in a row"
        yield over(f"fields.{quote(name)}", most, what, MAX_FIELDS_IN_A_ROW)


def _ways(document: PlanDocument) -> Iterator[Finding]:
    found: dict[str, set[MatchOn]] = {}
    for ref in table_refs_of(document).values():
        found.setdefault(ref.table, set()).add(ref.match_on)
    for table, ways in found.items():
        if len(ways) > MAX_WAYS:
            what = f"different `match_on` of the table `{quote(table)}`"
            yield over("pipeline", len(ways), what, MAX_WAYS)


def _combinations(document: PlanDocument, tables: Mapping[str, TableContent]) -> Iterator[Finding]:
    words = {name: len(each) for name, each in closed_fields(document).items()}
    found: dict[str, int] = {}
    total = 0
    for path, target in _targets(document, tables):
        if target.kind == "team" and is_templated(target.name):
            count = prod(words.get(name, 0) for name in fields_of(target.name))
            found[path] = found.get(path, 0) + count
            total += count
    if total > MAX_COMBINATIONS:
        worst = max(found, key=lambda path: found[path])
        yield over(worst, total, "combinations of the words in names of teams", MAX_COMBINATIONS)


def _targets(document: PlanDocument, tables: Mapping[str, TableContent]) -> Iterator[tuple[str, Target]]:
    for position, step in enumerate(document.pipeline):
        yield from ((f"pipeline[{position}].{step.strategy}", each) for each in step.config.targets())
    for name, queue in document.queues.items():
        yield from ((f"queues.{quote(name)}.then", each) for each in queue.ladder)
    yield from handoff_targets(document)
    yield from reject_targets(document)
    for name, table in tables.items():
        for written in table.targets:
            target = Target.model_validate(written)
            yield from ((f"tables.{quote(name)}", each) for each in (target, *target.otherwise))
