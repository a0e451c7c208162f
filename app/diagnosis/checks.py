"""From counts to tests and facts: one function for each question of the diagnosis."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from app.diagnosis.clusters import WEEKDAYS, cluster_tests
from app.diagnosis.complexity import complexity_facts, complexity_figures
from app.diagnosis.drift import WINDOW_DAYS, Change, drift_tests
from app.diagnosis.findings import Fact, Hypothesis, Kind
from app.diagnosis.groups import Count
from app.diagnosis.material import Material
from app.diagnosis.measures import OF_GROUPS, OF_OWNERS
from app.diagnosis.owners import OwnerRow, owner_rows
from app.diagnosis.plan_structure import PlanStructure
from app.diagnosis.rates import Pool, rate_tests
from app.diagnosis.rules import PlanInUse, silent_rules
from app.diagnosis.scores import ScoredLeads
from app.diagnosis.statistics.separation import Outcomes
from app.store.diagnosis.group_counts import GroupCount

_HOURS = 4


def tests_of_groups(material: Material) -> Iterator[Hypothesis]:
    """Reassignment, contact, acceptance and promises, by rule or step, team, source and owner."""
    for measure in OF_GROUPS:
        pools = _pools(material.groups.get(measure, ()), with_owners=material.asked.owners == "on")
        yield from rate_tests(measure, pools, material.asked.outcome)


def tests_of_owners(material: Material) -> Iterator[Hypothesis]:
    """What only owners can do: reject what is good, accept and sit, snipe claims."""
    if material.asked.owners == "on":
        for measure in OF_OWNERS:
            pools = _pools(material.groups.get(measure, ()), with_owners=True)
            yield from rate_tests(measure, pools, material.asked.outcome)


def _pools(counts: Sequence[GroupCount], *, with_owners: bool) -> list[Pool]:
    groups: defaultdict[tuple[str, str], dict[str, dict[Hashable, Count]]] = defaultdict(dict)
    kinds: defaultdict[tuple[str, str], dict[str, Kind]] = defaultdict(dict)
    for each in counts:
        if (each.kind == "owner" and not with_owners) or (each.kind == "step" and each.strategy is None):
            continue
        pool = (each.kind, each.pool)
        strata = groups[pool].setdefault(each.name, {})
        known = strata.get(each.stratum, Count(0, 0))
        strata[each.stratum] = Count(known.leads + each.leads, known.hits + each.hits)
        kinds[pool][each.name] = Kind.RULE if each.strategy == "rule" else Kind(each.kind)
    return [Pool(pool[1], groups[pool], kinds[pool]) for pool in sorted(groups)]


def tests_of_times(material: Material) -> Iterator[Hypothesis]:
    """Promises that are broken at certain times of the day or week."""
    cells: defaultdict[tuple[str, str], dict[str, Count]] = defaultdict(dict)
    for each in material.times:
        if each.by_weekday:
            cells[each.team, "weekday"][WEEKDAYS[each.cell - 1]] = Count(each.leads, each.hits)
        else:
            start = each.cell * _HOURS
            cells[each.team, "hours"][f"{start:02d}:00 to {start + _HOURS:02d}:00"] = Count(
                each.leads, each.hits
            )
    return cluster_tests(cells)


def rows_of_owners(material: Material) -> list[OwnerRow]:
    """The conversion of each owner beside that of the others of the team."""
    if material.asked.owners != "on":
        return []
    teams: defaultdict[str, dict[str, dict[Hashable, Count]]] = defaultdict(dict)
    for each in material.conversions:
        teams[each.team].setdefault(each.owner, {})[each.stratum] = Count(each.leads, each.hits)
    return list(owner_rows(teams))


def scored_leads(material: Material) -> ScoredLeads:
    """The leads of the period by score."""
    halves: tuple[dict[float, Outcomes], dict[float, Outcomes]] = ({}, {})
    touched: dict[float, Outcomes] = {}
    for each in material.scores:
        halves[each.half][each.score] = Outcomes(each.won, each.lost)
        known = touched.get(each.score, Outcomes(0, 0))
        left = each.won + each.lost - each.touched
        touched[each.score] = Outcomes(known.won + each.touched, known.lost + left)
    return ScoredLeads(
        halves,
        touched,
        material.left_out.immature,
        material.left_out.unscored,
        any(each.routes_by_score for each in (material.plans or ())[-1:]),
    )


def tests_of_drift(material: Material) -> Iterator[Hypothesis]:
    """Rules and steps that decide more or less since a change."""
    plans = material.plans or ()
    if not plans:
        return iter(())
    versions = {each.version: each for each in plans}
    in_plan = [each for each in material.steps if each.plan_version in versions]
    totals = Counter[date]()
    fired: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for each in in_plan:
        if each.step in versions[each.plan_version].names:
            totals[each.day] += each.leads
            fired[each.step][each.day] += each.leads
    since = _first_days(plans, material)
    days = {
        name: {day: Count(leads, fired[name][day]) for day, leads in totals.items() if day >= since[name]}
        for name in plans[-1].names
        if name in fired
    }
    rules = {name for name, strategy in plans[-1].steps if strategy == "rule"}
    return drift_tests(days, _changes(material), rules)


def _first_days(plans: Sequence[PlanStructure], material: Material) -> Mapping[str, date]:
    """From which day on each step of the last plan was in every version: a new step cannot drift."""
    began = _began(material)
    since: dict[str, date] = {}
    for name in plans[-1].names:
        first = plans[-1].version
        for plan in reversed(plans):
            if name not in plan.names:
                break
            first = plan.version
        is_oldest = first == plans[0].version
        since[name] = date.min if is_oldest else began.get(first, date.min) + timedelta(days=1)
    return since


def _began(material: Material) -> dict[int, date]:
    """The first day on which each version decided a lead."""
    began: dict[int, date] = {}
    for each in material.steps:
        began[each.plan_version] = min(began.get(each.plan_version, each.day), each.day)
    return began


def _changes(material: Material) -> Iterator[Change]:
    """Changes of the period, and the days on which another version began to decide."""
    yield from (each for each in material.changes if material.asked.first <= each.day < material.asked.end)
    began = _began(material)
    for _, plan in pairwise(sorted(began)):
        if material.asked.first <= began[plan] < material.asked.end:
            yield Change(began[plan], "plan", str(plan))


def facts_of_plan(material: Material) -> tuple[dict[str, Any] | None, list[Fact]]:
    """The figures of the plan; rules that never fire, and what is complicated."""
    plans = material.plans
    if not plans:
        return None, []
    decided: defaultdict[int, Counter[str]] = defaultdict(Counter)
    first = material.asked.first
    for each in material.steps:
        if each.day >= first:
            decided[each.plan_version][each.step] += each.leads
    last = plans[-1]
    unreachable = {each.step: each.text for each in last.overlaps if each.code in ("unreachable", "shadowed")}
    used = [
        PlanInUse(
            each.version,
            each.names,
            dict(each.steps),
            decided[each.version],
            unreachable if each is last else {},
        )
        for each in plans
        if each is last or decided[each.version]
    ]
    total = Counter[str]()
    for version in decided.values():
        total += version
    total = Counter({name: total[name] for name in last.names})
    rules = [name for name, strategy in last.steps if strategy == "rule"]
    figures = complexity_figures(last.version, rules, last.overlaps, total)
    days = (material.asked.end - first).days
    return figures, [*silent_rules(used, days), *complexity_facts(figures, last.overlaps)]


def first_day_of_steps(material_first: date) -> date:
    """From which day on the steps of plans are counted, so that a change on the first day has a before."""
    return material_first - timedelta(days=WINDOW_DAYS)
