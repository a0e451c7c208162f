"""The full check of a plan: the document, the directory, and the tests in the plan."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from app.engine.compile.plan import compile_plan
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.enrichment.registry import findings_in, installed
from app.plan.document.plan import PlanDocument
from app.plan.findings import MAX_FINDINGS, Finding, most_severe, settles
from app.plan.reader.lines import located
from app.plan.reader.read import load_plan
from app.plan_check.budgets import budget_findings
from app.plan_check.capabilities import Capabilities
from app.plan_check.check import KnownNames, check
from app.plan_check.parse import Strategies, parse_plan, parse_rest
from app.plan_check.references import tables_in, teams_in
from app.plans.limited import MAX_CPU_SECONDS, MAX_MEMORY_BYTES
from app.plans.test_runner import failed_tests, make_runner

HIDDEN_CODES = frozenset(
    (
        *("unknown_owner", "unknown_team", "unknown_queue", "unknown_path", "unknown_sla", "unknown_table"),
        *("unknown_column", "missing_column", "invalid_cell", "duplicate_row", "contradiction"),
        *("inactive_owner", "inactive_team", "empty_team", "zero_weights", "conflicting_rows"),
        *("wrong_operator", "unknown_language", "unknown_state", "unknown_flag", "duplicate_value"),
    )
)
"""Findings that are also true when other parts of the plan cannot be read."""


@dataclass(frozen=True, slots=True)
class PlanNames:
    """The steps, the teams and the reject reasons of a plan, in its order."""

    steps: tuple[str, ...]
    teams: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedPlan:
    """A plan and its findings.

    `document` is None when the plan is not valid, and `tests_run` when its tests did not run. `named` is set
    for a stored plan that is valid.
    """

    document: PlanDocument | None
    findings: list[Finding]
    tests_run: int | None = None
    named: PlanNames | None = None


@dataclass(frozen=True, slots=True)
class ReadText:
    """The text of a plan as it is stored, in JSON, and the names of the tables in it."""

    written: str
    tables: set[str]


def read_text(raw: bytes) -> ReadText | list[Finding]:
    """What a text says, or the findings when it cannot be read."""
    data = load_plan(raw)
    if isinstance(data, list):
        return located(data, raw)
    return ReadText(orjson.dumps(data).decode(), tables_in(data))


def check_text(
    written: str,
    facts: Facts,
    capabilities: Capabilities,
    tables: Mapping[str, TableContent],
    raw: bytes,
    attributes: Collection[str] | None,
) -> CheckedPlan:
    """Like `check_stored`, for a plan that `read_text` has read."""
    return check_stored(orjson.loads(written), facts, capabilities, tables, raw, attributes)


def check_stored(
    source: Mapping[str, object],
    facts: Facts,
    capabilities: Capabilities,
    tables: Mapping[str, TableContent],
    text: str | bytes,
    attributes: Collection[str] | None,
) -> CheckedPlan:
    """Like `check_plan`, with a document that has no more than the settings of the whole plan.

    The document of a long plan takes seconds to hand from one process to another.
    """
    found = check_plan(source, facts, capabilities, tables, text, attributes)
    if found.document is None:
        return found
    whole = PlanDocument.model_construct(
        pipeline=(),
        queues=found.document.queues,
        comment=found.document.comment,
        close_idle=found.document.close_idle,
    )
    named = PlanNames(
        tuple(step.name for step in found.document.pipeline),
        tuple(teams_in(found.document, tables)),
        tuple(found.document.reject_reasons),
    )
    return replace(found, document=whole, named=named)


def check_names(
    source: Mapping[str, object],
    text: str | bytes,
    capabilities: Capabilities,
    directory: Directory,
    now: datetime,
    tables: Mapping[str, TableContent],
    attributes: Collection[str] | None,
) -> list[Finding]:
    """The findings without those of the plan's own tests, for a plan that is valid."""
    document = parse_plan(source, capabilities.strategies)
    if not isinstance(document, PlanDocument):
        return located(document, text)
    return located(known_names(document, directory, now, tables, attributes, capabilities.no_links), text)


def too_costly() -> Finding:
    """The finding about a plan whose check was broken off."""
    text = (
        f"Checking this plan takes more than {MAX_CPU_SECONDS} seconds or {MAX_MEMORY_BYTES >> 30} GiB of "
        "memory, which is the limit. Use fewer conditions that overlap, and tables instead of rules."
    )
    return Finding("", "too_costly", text)


def check_plan(
    source: Mapping[str, object],
    facts: Facts,
    capabilities: Capabilities,
    tables: Mapping[str, TableContent] | None = None,
    text: str | bytes | None = None,
    attributes: Collection[str] | None = None,
) -> CheckedPlan:
    """Check a plan against the current directory and the tables it uses.

    With the text of the plan, each finding says its line. `attributes` are the names of custom attributes
    that leads were sent with lately. It takes seconds for the longest plans and tables.
    """
    found = _checked(source, facts, capabilities, tables or {}, attributes)
    return found if text is None else replace(found, findings=located(found.findings, text))


def _checked(
    source: Mapping[str, object],
    facts: Facts,
    capabilities: Capabilities,
    tables: Mapping[str, TableContent],
    attributes: Collection[str] | None,
) -> CheckedPlan:
    strategies = capabilities.strategies
    document = parse_plan(source, strategies)
    if not isinstance(document, PlanDocument):
        return CheckedPlan(None, [*document, *hidden_findings(source, document, facts, strategies, tables)])
    if document.enrichment is not None and (wrong := list(findings_in(document.enrichment, installed()))):
        return CheckedPlan(None, wrong)
    costly = list(budget_findings(document, tables, len(facts.directory.owners)))
    if costly:
        return CheckedPlan(None, costly)
    findings = known_names(document, facts.directory, facts.now, tables, attributes, capabilities.no_links)
    if not settles(findings):
        return CheckedPlan(document, findings)
    if document.tests:
        plan = compile_plan(document, 1, strategies)
        run = make_runner(document, plan, facts.directory, facts.now, strategies, tables)
        findings = most_severe([*findings, *failed_tests(document, run)])
    return CheckedPlan(document, findings, len(document.tests))


def hidden_findings(
    source: Mapping[str, object],
    found: list[Finding],
    facts: Facts,
    strategies: Strategies,
    tables: Mapping[str, TableContent],
) -> list[Finding]:
    """The findings about the sound parts of a plan that is not valid, so that one round shows them all."""
    rest, hidden = parse_rest(source, found, strategies)
    if rest is not None and not any(budget_findings(rest, tables, len(facts.directory.owners))):
        paths = tuple({each.path for each in (*found, *hidden)})
        names = known_names(rest, facts.directory, facts.now, tables)
        hidden += [each for each in names if each.code in HIDDEN_CODES and not each.path.startswith(paths)]
    return hidden[: max(MAX_FINDINGS - len(found), 0)]


def known_names(
    document: PlanDocument,
    directory: Directory,
    now: datetime,
    tables: Mapping[str, TableContent] | None = None,
    attributes: Collection[str] | None = None,
    no_links: str | None = None,
) -> list[Finding]:
    """The findings without those of the plan's own tests."""
    owners = {id_: owner.active for id_, owner in directory.owners.items()}
    teams = {
        id_: {member.owner: member.weight for member in team.members} for id_, team in directory.teams.items()
    }
    calendars = list(dict.fromkeys(owner.hours for owner in directory.owners.values() if owner.active))
    return check(document, KnownNames(owners, teams, tables or {}, attributes, calendars, now, no_links))
