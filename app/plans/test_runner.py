"""A plan's own tests, run through the real engine: all are eligible and idle unless a test says otherwise."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.engine.compile.plan import Plan, Strategy
from app.engine.lookup.tables import PreparedTables, TableContent, Tables, compile_table
from app.engine.model.accounts import MAX_PARENTS, AccountMatch, account_from
from app.engine.model.advice import PluginResults
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.model.directory import Absence, Directory, Owner, Team
from app.engine.model.state import Facts, State
from app.engine.pipeline.decide import decide, with_derived_fields
from app.engine.selection.targets import required_by_lead
from app.intake.arrival import normalize
from app.plan.document.plan import PlanDocument
from app.plan.document.plan_tests import PlanTest
from app.plan.document.steps import Target
from app.plan.language.durations import parse_iso
from app.plan.language.fields import LEAD, Kind
from app.plan.language.languages import primary
from app.plans.expectations import Run, TestFailure
from app.plugins.runner import PluginLead, call_plugins
from app.plugins.supervisor import PluginSnapshot

_INSTANTS = tuple(name for name, field in LEAD.fields.items() if field.kind is Kind.TIMESTAMP)
_ALWAYS = Absence(datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
_LEAD, _ASSIGNMENT = "lead", "assignment"


def run_plan_tests(
    document: PlanDocument,
    plan: Plan,
    directory: Directory,
    now: datetime,
    strategies: Mapping[str, Strategy],
    tables: Mapping[str, TableContent] | None = None,
) -> Run:
    """Decides the lead of a test as this plan would, at `now` unless the test gives another time.

    `plan` is the document made ready. Everyone has what it asks for, so that a test holds whoever is there.
    """
    there = tables or {}
    looked_up = _at_hand(plan, there)
    targets = _targets(document, there)
    (skills, languages), fields = _asked(targets), _matched(targets)
    rested = Directory(
        directory.version,
        {id_: _ready(owner, skills, languages) for id_, owner in directory.owners.items()},
        {id_: _uncapped(team) for id_, team in directory.teams.items()},
    )

    def given(case: PlanTest) -> tuple[DecisionRequest, Facts]:
        at = case.given.now or now
        owners = {**rested.owners}
        for id_ in case.given.absent:
            if id_ in owners:
                owners[id_] = replace(owners[id_], absences=(_ALWAYS,))
        question = _question(case, plan, at)
        if fields:
            more_skills, more_languages = required_by_lead(
                fields, with_derived_fields(question, plan, at).values
            )
            owners = {id_: _able(owner, more_skills, more_languages) for id_, owner in owners.items()}
        return question, Facts(at, replace(rested, owners=owners), State(), tables=looked_up)

    advice = _advice(plan, [given(case) for case in document.tests], strategies) if plan.plugin_steps else ()
    said = {id(case): each.by_step for case, each in zip(document.tests, advice, strict=False)}

    def run(case: PlanTest) -> TestFailure:
        question, facts = given(case)
        return _told(decide(replace(question, advice=said.get(id(case), {})), plan, facts))

    return run


def _at_hand(plan: Plan, tables: Mapping[str, TableContent]) -> Tables:
    ons = {
        name: [look.match_on for look in plan.table_refs.values() if look.table == name] for name in tables
    }
    return PreparedTables(
        plan.table_refs, {name: compile_table(each, 0, ons[name]) for name, each in tables.items()}
    )


def _advice(
    plan: Plan, cases: Sequence[tuple[DecisionRequest, Facts]], strategies: Mapping[str, Strategy]
) -> Sequence[PluginResults]:
    """What the plan's plugins say about the lead of each test."""
    leads = [
        PluginLead(
            with_derived_fields(question, plan, facts.now).values,
            facts.now,
            PluginSnapshot(0, facts.directory, facts.state, stamp=object()),
        )
        for question, facts in cases
    ]
    return call_plugins(strategies, plan, leads)


def _targets(document: PlanDocument, tables: Mapping[str, TableContent]) -> list[Target]:
    """Every target of the plan, and of the tables it looks into."""
    targets = [target for step in document.pipeline for target in step.config.targets()]
    rows = (Target.model_validate(target) for table in tables.values() for target in table.targets)
    return [*targets, *(target for row in rows for target in (row, *row.otherwise))]


def _asked(targets: Sequence[Target]) -> tuple[frozenset[str], frozenset[str]]:
    """Every skill and every language that is asked for."""
    skills = frozenset(word.casefold() for target in targets for word in target.skills)
    return skills, frozenset(primary(word) for target in targets for word in target.languages)


def _matched(targets: Sequence[Target]) -> list[str]:
    """Every field by which owners are matched with leads."""
    return list(dict.fromkeys(name for target in targets for name in target.match))


def _able(owner: Owner, skills: Set[str], languages: Set[str]) -> Owner:
    return replace(owner, skills=owner.skills | skills, languages=owner.languages | languages)


def _ready(owner: Owner, skills: Set[str], languages: Set[str]) -> Owner:
    return replace(
        _able(owner, skills, languages), active=True, paused_until=None, caps=None, absences=(), hours=None
    )


def _uncapped(team: Team) -> Team:
    return replace(team, members=tuple(replace(member, caps=None) for member in team.members))


def _question(case: PlanTest, plan: Plan, now: datetime) -> DecisionRequest:
    values = normalize(_typed(case.lead)).values
    return DecisionRequest(
        kind="assign",
        assignment_id=_ASSIGNMENT,
        lead_id=_LEAD,
        values={**values, "trigger": case.trigger},
        prior=_prior(case, plan, now),
        account=_match(case),
    )


def _match(case: PlanTest) -> AccountMatch | None:
    """The account a test gives, as if it had been found by the CRM's id."""
    if case.given.account is None:
        return None
    line = [
        account_from(each.id, {**each.model_dump(), "parent": each.parent and each.parent.id})
        for each in case.given.account.line()
    ]
    return AccountMatch(line[0], "crm", tuple(line[1 : MAX_PARENTS + 1]))


def _typed(lead: Mapping[str, Any]) -> dict[str, Any]:
    """The lead with instants where the text of a plan can only hold them as text."""
    typed = dict(lead)
    for name in _INSTANTS:
        if typed.get(name) is not None:
            typed[name] = parse_iso(typed[name])
    if typed.get("engagement"):
        typed["engagement"] = [_dated(item) for item in typed["engagement"]]
    return typed


def _dated(item: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {**item, "at": parse_iso(item["at"])}
    except (KeyError, TypeError, ValueError):
        return {name: value for name, value in item.items() if name != "at"}


def _prior(case: PlanTest, plan: Plan, now: datetime) -> PriorAssignment | None:
    """The existing person, if he was here within the plan's window."""
    existing, at = case.given.existing, case.given.existing_at(now)
    if existing is None or at is None or not plan.window or now - at > plan.window:
        return None
    return PriorAssignment(
        lead_id=_LEAD,
        assignment_id=_ASSIGNMENT,
        matched_by="email",
        state="assigned" if existing.owner is not None else "queued",
        owner=existing.owner,
        team=existing.team,
        queue=existing.queue,
        path=None,
        block=None,
        priority=0,
        decided_at=at,
    )


def _told(decision: Decision) -> TestFailure:
    return {
        "outcome": decision.outcome,
        "owner": decision.owner.id if decision.owner else None,
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
        "block": decision.block,
        "rule": decision.step if decision.strategy == "rule" else None,
        "step": decision.step,
        "band": decision.labels.get("band"),
        "reason": decision.code,
        "sla": decision.sla.name if decision.sla else None,
        "actions": tuple(action["type"] for action in decision.actions),
    }
