"""The full check of a plan: the document, the directory, and the tests in the plan."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.compile.plan import compile_plan
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.plan.document.plan import PlanDocument
from app.plan.findings import Finding, settles
from app.plan_check.check import KnownNames, check
from app.plan_check.parse import Strategies, parse_plan
from app.plans.test_runner import failed_tests, make_runner


@dataclass(frozen=True, slots=True)
class CheckedPlan:
    """A plan and its findings. `document` is None when the plan is not valid."""

    document: PlanDocument | None
    findings: list[Finding]


def check_plan(
    source: Mapping[str, object],
    facts: Facts,
    strategies: Strategies,
    tables: Mapping[str, TableContent] | None = None,
) -> CheckedPlan:
    """Check a plan against the current directory and the tables it uses.

    It takes seconds for the longest plans and tables.
    """
    document = parse_plan(source, strategies)
    if not isinstance(document, PlanDocument):
        return CheckedPlan(None, document)
    findings = known_names(document, facts.directory, tables)
    if document.tests and settles(findings):
        plan = compile_plan(document, 1, strategies)
        run = make_runner(document, plan, facts.directory, facts.now, strategies, tables)
        findings += failed_tests(document, run)
    return CheckedPlan(document, findings)


def known_names(
    document: PlanDocument, directory: Directory, tables: Mapping[str, TableContent] | None = None
) -> list[Finding]:
    """The findings without those of the plan's own tests."""
    owners = {id_: owner.active for id_, owner in directory.owners.items()}
    teams = {
        id_: {member.owner: member.weight for member in team.members} for id_, team in directory.teams.items()
    }
    return check(document, KnownNames(owners, teams, tables or {}))
