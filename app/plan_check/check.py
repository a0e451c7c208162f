"""All checks of a parsed plan: names, unreachable steps, a missing catch-all step."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice

from app.engine.lookup.tables import TableContent
from app.engine.selection.shifts import HELD
from app.engine.selection.templated_teams import closed_fields, combinations, faults, fields_of, is_templated
from app.plan.document.plan import PlanDocument
from app.plan.document.queues import Queue
from app.plan.document.steps import PlanStep
from app.plan.document.targets import Target
from app.plan.findings import MAX_FINDINGS, Finding, most_severe, quote
from app.plan.language.conditions import leaves
from app.plan.language.hours import Hours
from app.plan.language.spelling import spelling_or
from app.plan_check.attributes import unseen_attributes
from app.plan_check.contradictions import contradictions
from app.plan_check.declarations import action_findings, link_findings, product_findings, sla_findings
from app.plan_check.label_order import labels_used_early
from app.plan_check.places import action_blocks, handoff_targets, reject_targets
from app.plan_check.queues import endless_waits
from app.plan_check.rule_order import order_findings
from app.plan_check.slas import (
    bound_findings,
    escalations,
    named_sla_findings,
    never_due_findings,
    reminder_findings,
)
from app.plan_check.tables import table_findings
from app.plan_check.value_findings import value_findings

_REMEDIES = {
    "team": "add the team to the directory",
    "owner": "add the owner to the directory",
    "queue": "declare it under queues",
    "path": "declare it under paths",
    "rule": "add the rule to the pipeline",
    "step": "add the step to the pipeline",
}


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of the directory that a plan may use.

    `owners` says whether each owner is active. `teams` has the weight of each member, by owner. `tables` are
    those the plan uses, as far as they exist. `attributes` are the names of custom attributes that leads were
    sent with lately, or None when that is not known. `no_links` is the code that says why the service makes
    no sign-in links, if so.
    """

    owners: Mapping[str, bool] = field(default_factory=dict)
    teams: Mapping[str, Mapping[str, int | float | Decimal]] = field(default_factory=dict)
    tables: Mapping[str, TableContent] = field(default_factory=dict)
    attributes: Collection[str] | None = None
    calendars: Collection[Hours | None] = ()
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    no_links: str | None = None


def check(document: PlanDocument, names: KnownNames) -> list[Finding]:
    """Every finding about a plan, except those of its own tests."""
    return most_severe(chain.from_iterable(_findings(document, names)))


def _findings(document: PlanDocument, names: KnownNames) -> Iterator[Iterable[Finding]]:
    """The findings in the order in which they are shown, each group only when it is asked for."""
    yield _pipeline(document, names)
    yield _tables(document, names)
    yield _declarations(document, names)
    yield _other_targets(document, names)
    yield _follow_up(document, names)
    yield product_findings(document)
    yield sla_findings(document)
    yield named_sla_findings(document)
    yield reminder_findings(document)
    yield bound_findings(document)
    yield never_due_findings(document, names.calendars, names.now)
    yield _escalations(document, names)
    yield action_findings(document)
    yield link_findings(document, names.no_links)
    yield _givens(document, names)
    yield contradictions(document)
    yield value_findings(document)
    yield labels_used_early(document)
    yield _catch_all(document)
    # All of them are warnings, so no more than these could be kept.
    yield islice(order_findings(document), MAX_FINDINGS)
    yield unseen_attributes(document, names.attributes or ())


def _pipeline(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    words = closed_fields(document)
    scored = False
    for position, step in enumerate(document.pipeline):
        scored = scored or step.strategy == "score"
        for place, target in placed(step):
            path = f"pipeline[{position}].{step.strategy}{place}"
            if target.kind == "team" and not scored and "band" in fields_of(target.name):
                text = "Move this step after the score step. No lead has a band before it."
                yield Finding(path, "used_before_defined", text)
            else:
                yield from _anywhere(target, path, document, words, names)


def _tables(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    words = closed_fields(document)

    def of_target(target: Target, path: str) -> Iterator[Finding]:
        for rung in (target, *target.otherwise):
            yield from _anywhere(rung, path, document, words, names)

    return table_findings(document, names.tables, of_target)


def placed(step: PlanStep) -> Iterator[tuple[str, Target]]:
    """Each target of a step with its path in the step's config."""
    for start, ladder in step.config.ladders():
        for rung, target in enumerate(ladder):
            last = "name" if step.strategy == "queue" else target.kind
            yield f"{start}.{last}" if rung == 0 else f"{start}.else[{rung - 1}].{target.kind}", target


def _anywhere(
    target: Target, path: str, document: PlanDocument, words: Mapping[str, tuple[str, ...]], names: KnownNames
) -> Iterator[Finding]:
    if target.kind == "team" and is_templated(target.name):
        yield from _templated(target.name, path, words, names)
    else:
        yield from _target(target, path, document, names)


def _target(target: Target, path: str, document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    match target.kind:
        case "team":
            yield from _team(target.name, path, names)
        case "owner":
            yield from _owner(target.name, path, names)
        case "queue" if target.name not in document.queues:
            yield _unknown("queue", target.name, path, document.queues)
        case "path" if target.name not in document.paths:
            yield _unknown("path", target.name, path, document.paths)


def _templated(
    name: str, path: str, words: Mapping[str, tuple[str, ...]], names: KnownNames
) -> Iterator[Finding]:
    wrong = faults(name, words, path)
    yield from wrong or (
        finding for team in combinations(name, words) for finding in _team(team, path, names)
    )


def _team(name: str, path: str, names: KnownNames) -> Iterator[Finding]:
    members = names.teams.get(name)
    if members is None:
        yield _unknown("team", name, path, names.teams)
    elif not members:
        yield Finding(path, "empty_team", f"Team `{quote(name)}` has no members. Add some.")
    elif not any(members.values()):
        text = f"Every member of team `{quote(name)}` has weight 0. Set a weight above 0."
        yield Finding(path, "zero_weights", text)
    elif not any(names.owners.get(owner, False) for owner, weight in members.items() if weight):
        text = f"Team `{quote(name)}` has no active member with a weight. Its leads go to the next target."
        yield Finding(path, "inactive_team", text, "warning")


def _owner(name: str, path: str, names: KnownNames) -> Iterator[Finding]:
    if name not in names.owners:
        yield _unknown("owner", name, path, names.owners)
    elif not names.owners[name]:
        text = f"Owner `{quote(name)}` is not active. Their leads go to the next target."
        yield Finding(path, "inactive_owner", text, "warning")


def _unknown(kind: str, name: str, path: str, known: Iterable[str]) -> Finding:
    remedy = spelling_or(name, known, _REMEDIES[kind])
    return Finding(path, f"unknown_{kind}", f"Unknown {kind} `{quote(name)}`.{remedy}", value=name)


def _escalations(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    for path, target in escalations(document):
        yield from _target(target, f"{path}.{target.kind}", document, names)


def _declarations(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    for name, queue in document.queues.items():
        if name == HELD:
            text = f"Rename this queue. `{HELD}` is the built-in queue of leads that wait for a shift."
            yield Finding(f"queues.{quote(name)}", "reserved_name", text)
        path = f"queues.{quote(name)}"
        if queue.claimable_by is not None and queue.claimable_by not in names.teams:
            yield _unknown("team", queue.claimable_by, f"{path}.claimable_by", names.teams)
        yield from _waited_too_long(queue, path, document, names)
    yield from endless_waits(document)
    yield from _junk_queue(document)
    for name, product in document.products.items():
        yield from _team(product.team, f"products.{quote(name)}.team", names)
    for name, way in document.paths.items():
        path = f"paths.{quote(name)}"
        if way.accountable is None:
            text = "Nobody is accountable for this path. Set accountable to a team or an owner."
            yield Finding(path, "unowned_path", text, "warning")
        elif way.accountable.team is not None:
            if way.accountable.team not in names.teams:
                yield _unknown("team", way.accountable.team, f"{path}.accountable.team", names.teams)
        elif way.accountable.owner is not None:
            yield from _owner(way.accountable.owner, f"{path}.accountable.owner", names)


def _junk_queue(document: PlanDocument) -> Iterator[Finding]:
    queue = document.junk.queue if document.junk is not None else None
    if queue is not None and queue not in document.queues:
        yield _unknown("queue", queue, "junk.queue", document.queues)


def _waited_too_long(queue: Queue, path: str, document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    words = closed_fields(document)
    for rung, target in enumerate(queue.ladder):
        place = f"then.{target.kind}" if rung == 0 else f"then.else[{rung - 1}].{target.kind}"
        yield from _anywhere(target, f"{path}.{place}", document, words, names)


def _other_targets(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    words = closed_fields(document)
    for path, target in (*handoff_targets(document), *reject_targets(document)):
        yield from _anywhere(target, f"{path}.{target.kind}", document, words, names)


def _follow_up(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    """Unknown names in the conditions of the follow-up. A typo would make them false forever."""
    known: dict[str, set[str]] = {
        "team": {name.casefold() for name in names.teams},
        "queue": {name.casefold() for name in document.queues} | {HELD},
        "path": {name.casefold() for name in document.paths},
        "rule": {step.name.casefold() for step in document.pipeline if step.strategy == "rule"},
        "step": {step.name.casefold() for step in document.pipeline}
        | {"returning_lead", "manual", "claimed", "taken_away", "escalated"}
        | {"given_back", "lease_ended", "max_wait", "rejected", "suppressed", "junk", "release"}
        | {each.name.casefold() for each in document.handoffs},
    }
    for block_path, block in action_blocks(document):
        for leaf in leaves(block.when) if block.when is not None else ():
            if leaf.field not in known or leaf.operator not in ("eq", "ne", "in", "not_in"):
                continue
            for name in leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,):
                if str(name).casefold() not in known[leaf.field]:
                    path = f"{block_path}.when.{leaf.field}"
                    yield _unknown(leaf.field, str(name), path, known[leaf.field])


def _givens(document: PlanDocument, names: KnownNames) -> Iterator[Finding]:
    for position, case in enumerate(document.tests):
        path = f"tests[{position}].given"
        for place, owner in enumerate(case.given.absent):
            if owner not in names.owners:
                yield _unknown("owner", owner, f"{path}.absent[{place}]", names.owners)
        account = case.given.account
        for where, owner in account.named() if account is not None else ():
            if owner not in names.owners:
                yield _unknown("owner", owner, f"{path}.account.{where}", names.owners)
        existing = case.given.existing
        if existing is not None and existing.owner is not None and existing.owner not in names.owners:
            yield _unknown("owner", existing.owner, f"{path}.existing.owner", names.owners)
        if existing is not None and existing.team is not None and existing.team not in names.teams:
            yield _unknown("team", existing.team, f"{path}.existing.team", names.teams)
        if existing is not None and existing.queue is not None and existing.queue not in document.queues:
            yield _unknown("queue", existing.queue, f"{path}.existing.queue", document.queues)


def _catch_all(document: PlanDocument) -> Iterator[Finding]:
    last = document.pipeline[-1]
    if last.condition is not None or not last.settles:
        text = "The last step must take every lead. End with a step without a condition, such as a queue."
        yield Finding(f"pipeline[{len(document.pipeline) - 1}]", "no_catch_all", text)
