"""Runs the tests in a plan through the real engine. Every owner is eligible and idle, except as given."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.engine.compile.plan import Plan, Strategy
from app.engine.lookup.tables import PreparedTables, TableContent, Tables, compile_table
from app.engine.model.accounts import MAX_PARENTS, AccountMatch, account_from
from app.engine.model.decision import Decision, DecisionRequest, PriorAssignment
from app.engine.model.directory import Absence, Directory, Owner, Team
from app.engine.model.plugin_replies import PluginResults
from app.engine.model.state import Facts, State
from app.engine.pipeline.decide import decide, with_derived_fields
from app.engine.pipeline.news import news_in
from app.engine.selection.targets import required_by_lead
from app.intake.arrival import normalize, with_declared
from app.intake.merging import merged
from app.plan.document.plan import PlanDocument
from app.plan.document.plan_tests import PlanTest
from app.plan.document.steps import Target
from app.plan.findings import MAX_FINDINGS, Finding, quote
from app.plugins.runner import PluginLead, call_plugins
from app.plugins.supervisor import PluginSnapshot
from app.values.languages import spoken

_ALWAYS = Absence(datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
_LEAD, _ASSIGNMENT = "lead", "assignment"

DecisionFields = Mapping[str, str | tuple[str, ...] | None]
"""A decision by the fields of an expectation. None does not apply."""
Run = Callable[[PlanTest], DecisionFields]
"""Decides the lead of a test."""

_ORDER = ("outcome", "block", "path", "queue", "team", "owner", "rule", "step", "band")
_IF_ASKED = ("reason", "sla", "actions")
"""Shown only when the test expects them."""


def failed_tests(document: PlanDocument, run: Run) -> list[Finding]:
    """One finding for every test whose decision differs from the expected one, for MAX_FINDINGS at most."""
    findings = []
    for position, case in enumerate(document.tests):
        expected = case.expect.expected()
        got = run(case)
        wrong = [name for name, value in expected.items() if got.get(name) != value]
        if wrong:
            names = [*_ORDER, *(name for name in _IF_ASKED if name in expected)]
            text = (
                f"The test expected {_described(expected, names)}, "
                f"but the plan decided {_described(got, names)}."
            )
            findings.append(Finding(f"tests[{position}].expect.{wrong[0]}", "test_failed", text))
            if len(findings) == MAX_FINDINGS:
                break
    return findings


def make_runner(
    document: PlanDocument,
    plan: Plan,
    directory: Directory,
    now: datetime,
    strategies: Mapping[str, Strategy],
    tables: Mapping[str, TableContent] | None = None,
) -> Run:
    """A runner that decides the lead of a test with this plan, at `now` unless the test gives another time.

    `plan` is the compiled document. Every owner has the skills and languages that the plan requires, so that
    the result of a test does not depend on today's directory.
    """
    tables = tables or {}
    prepared = _prepare_tables(plan, tables)
    targets = _targets(document, tables)
    (skills, languages), fields = _required(targets), _matched_fields(targets)
    available = Directory(
        directory.version,
        {id_: _available(owner, skills, languages) for id_, owner in directory.owners.items()},
        {id_: _uncapped(team) for id_, team in directory.teams.items()},
    )

    def given(case: PlanTest) -> tuple[DecisionRequest, Facts]:
        at = case.given.now or now
        owners = {**available.owners}
        for id_ in case.given.absent:
            if id_ in owners:
                owners[id_] = replace(owners[id_], absences=(_ALWAYS,))
        question = _question(case, plan, at)
        facts = Facts(at, replace(available, owners=owners), State(), tables=prepared)
        if case.given.existing is not None and case.given.existing.lead is not None:
            question = _with_earlier_fields(question, case.given.existing.lead, plan, facts)
        if fields:
            more_skills, more_languages = required_by_lead(
                fields, with_derived_fields(question, plan, at).values
            )
            owners = {
                id_: _with_abilities(owner, more_skills, more_languages) for id_, owner in owners.items()
            }
        return question, replace(facts, directory=replace(available, owners=owners))

    advice = _advice(plan, [given(case) for case in document.tests], strategies) if plan.plugin_steps else ()
    replies = {id(case): each.by_step for case, each in zip(document.tests, advice, strict=False)}

    def run(case: PlanTest) -> DecisionFields:
        question, facts = given(case)
        return _fields_of(decide(replace(question, plugin_replies=replies.get(id(case), {})), plan, facts))

    return run


def _prepare_tables(plan: Plan, tables: Mapping[str, TableContent]) -> Tables:
    columns = {
        name: [look.match_on for look in plan.table_refs.values() if look.table == name] for name in tables
    }
    return PreparedTables(
        plan.table_refs, {name: compile_table(each, 0, columns[name]) for name, each in tables.items()}
    )


def _advice(
    plan: Plan, cases: Sequence[tuple[DecisionRequest, Facts]], strategies: Mapping[str, Strategy]
) -> Sequence[PluginResults]:
    """The results of the plan's plug-ins for the lead of each test."""
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
    """Every target of the plan and of its tables."""
    targets = [target for step in document.pipeline for target in step.config.targets()]
    rows = (Target.model_validate(target) for table in tables.values() for target in table.targets)
    return [*targets, *(target for row in rows for target in (row, *row.otherwise))]


def _required(targets: Sequence[Target]) -> tuple[frozenset[str], frozenset[str]]:
    """Every skill and every language that a target requires."""
    skills = frozenset(word.casefold() for target in targets for word in target.skills)
    return skills, frozenset(spoken(word for target in targets for word in target.languages))


def _matched_fields(targets: Sequence[Target]) -> list[str]:
    """Every field in which owners must match the lead."""
    return list(dict.fromkeys(name for target in targets for name in target.match))


def _with_abilities(owner: Owner, skills: Set[str], languages: Set[str]) -> Owner:
    return replace(owner, skills=owner.skills | skills, languages=owner.languages | languages)


def _available(owner: Owner, skills: Set[str], languages: Set[str]) -> Owner:
    return replace(
        _with_abilities(owner, skills, languages),
        active=True,
        paused_until=None,
        caps=None,
        absences=(),
        hours=None,
    )


def _uncapped(team: Team) -> Team:
    return replace(team, members=tuple(replace(member, caps=None) for member in team.members))


def _question(case: PlanTest, plan: Plan, now: datetime) -> DecisionRequest:
    values = with_declared(normalize(case.lead), plan.declared).values
    return DecisionRequest(
        kind="assign",
        assignment_id=_ASSIGNMENT,
        lead_id=_LEAD,
        values={**values, "trigger": case.trigger},
        prior=_prior(case, plan, now),
        account=_match(case),
    )


def _with_earlier_fields(
    question: DecisionRequest, fields: Mapping[str, Any], plan: Plan, facts: Facts
) -> DecisionRequest:
    """The question of a lead that had these fields before."""
    earlier = with_declared(normalize(fields), plan.declared).values
    stored = {**earlier, "trigger": question.values["trigger"]}
    question = replace(question, values=merged(stored, question.values, plan.declared))
    if question.prior is None:
        return question
    return replace(question, news=news_in(replace(question, values=stored), question, plan, facts))


def _match(case: PlanTest) -> AccountMatch | None:
    """The account of the test, as if it had been matched by its CRM id."""
    if case.given.account is None:
        return None
    line = [
        account_from(each.id, {**each.model_dump(), "parent": each.parent and each.parent.id})
        for each in case.given.account.line()
    ]
    return AccountMatch(line[0], "crm", tuple(line[1 : MAX_PARENTS + 1]))


def _prior(case: PlanTest, plan: Plan, now: datetime) -> PriorAssignment | None:
    """The earlier decision, if it is within the plan's window."""
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


def _fields_of(decision: Decision) -> DecisionFields:
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


def _described(decision: DecisionFields, names: Iterable[str]) -> str:
    parts = [f"{name} {_word(value)}" for name in names if (value := decision.get(name)) is not None]
    return ", ".join(parts) or "nothing"


def _word(value: str | tuple[str, ...]) -> str:
    return quote(value) if isinstance(value, str) else f"[{', '.join(map(quote, value))}]"
