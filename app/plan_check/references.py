"""Where a plan names teams, owners and tables, so that none the active plan needs can be removed."""

from collections.abc import Iterator, Mapping

from app.engine.lookup.tables import TableContent
from app.engine.selection.templated_teams import closed_fields, combinations, is_templated
from app.plan.document.plan import PlanDocument
from app.plan.document.plan_tests import PlanTest
from app.plan.document.step_configs import RuleConfig
from app.plan.document.targets import Target
from app.plan.findings import join, quote
from app.plan.language.conditions import leaves
from app.plan_check.check import placed
from app.plan_check.places import action_blocks, handoff_targets, reject_targets
from app.plan_check.slas import escalations
from app.plan_check.tables import first_rows

Reference = tuple[str, str, str]
"""The path in the plan, the kind (`team`, `owner` or `table`), and the name."""


def find_references(
    document: PlanDocument, kind: str, name: str, tables: Mapping[str, TableContent] | None = None
) -> list[str]:
    """The paths where the plan names this team, owner or table.

    The names in the rows of `tables` count as names of the plan.
    """
    wanted = name.casefold() if kind == "team" else name
    found = [
        *_steps(document),
        *_rejects(document),
        *_declared(document),
        *_tests(document),
        *_table_rows(document, tables or {}),
    ]
    paths = [path for path, of, each in found if (of, each) == (kind, name)]
    paths += [path for path, of, each in _follow_up(document) if (of, each.casefold()) == (kind, wanted)]
    return list(dict.fromkeys(paths))


def teams_in(document: PlanDocument, tables: Mapping[str, TableContent]) -> list[str]:
    """The teams to which the plan sends leads, each once, in the order of the plan."""
    found = (
        *_steps(document),
        *_table_rows(document, tables),
        *_rejects(document),
        *_declared(document),
    )
    return list(dict.fromkeys(name for _, kind, name in found if kind == "team"))


def _steps(document: PlanDocument) -> Iterator[Reference]:
    words = closed_fields(document)
    for position, step in enumerate(document.pipeline):
        for place, target in placed(step):
            path = f"pipeline[{position}].{step.strategy}{place}"
            templated = target.kind == "team" and is_templated(target.name)
            for name in combinations(target.name, words) if templated else (target.name,):
                yield path, target.kind, name


def _rejects(document: PlanDocument) -> Iterator[Reference]:
    words = closed_fields(document)
    for path, target in reject_targets(document):
        templated = target.kind == "team" and is_templated(target.name)
        for name in combinations(target.name, words) if templated else (target.name,):
            yield f"{path}.{target.kind}", target.kind, name


def _table_rows(document: PlanDocument, tables: Mapping[str, TableContent]) -> Iterator[Reference]:
    words = closed_fields(document)
    for position, step in enumerate(document.pipeline):
        rule = step.config
        if not isinstance(rule, RuleConfig) or rule.table is None:
            continue
        yield f"pipeline[{position}].rule.table", "table", rule.table
        table = tables.get(rule.table)
        for row, written in first_rows(table) if table is not None else ():
            target = Target.model_validate(written)
            path = f"tables.{quote(rule.table)}.rows[{row - 1}]"
            for rung, each in enumerate((target, *target.otherwise)):
                place = f"{path}.{each.kind}" if rung == 0 else f"{path}.else[{rung - 1}].{each.kind}"
                templated = each.kind == "team" and is_templated(each.name)
                for name in combinations(each.name, words) if templated else (each.name,):
                    yield place, each.kind, name


def _declared(document: PlanDocument) -> Iterator[Reference]:
    words = closed_fields(document)
    for name, queue in document.queues.items():
        if queue.claimable_by is not None:
            yield f"queues.{quote(name)}.claimable_by", "team", queue.claimable_by
        for rung, target in enumerate(queue.ladder):
            place = f"then.{target.kind}" if rung == 0 else f"then.else[{rung - 1}].{target.kind}"
            templated = target.kind == "team" and is_templated(target.name)
            for each in combinations(target.name, words) if templated else (target.name,):
                yield f"queues.{quote(name)}.{place}", target.kind, each
    for path, target in (*handoff_targets(document), *escalations(document)):
        yield f"{path}.{target.kind}", target.kind, target.name
    for name, product in document.products.items():
        yield f"products.{quote(name)}.team", "team", product.team
    for name, plan_path in document.paths.items():
        accountable = plan_path.accountable
        if accountable is not None:
            kind = "team" if accountable.team is not None else "owner"
            yield f"paths.{quote(name)}.accountable.{kind}", kind, str(getattr(accountable, kind))


def _follow_up(document: PlanDocument) -> Iterator[Reference]:
    for path, block in action_blocks(document):
        for leaf in leaves(block.when) if block.when is not None else ():
            if leaf.field == "team":
                operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
                yield from ((f"{path}.when.team", "team", str(each)) for each in operands)


def _tests(document: PlanDocument) -> Iterator[Reference]:
    for position, case in enumerate(document.tests):
        yield from ((join(f"tests[{position}]", path), kind, name) for path, kind, name in _of_test(case))


def _of_test(case: PlanTest) -> Iterator[Reference]:
    for place, owner in enumerate(case.given.absent):
        yield f"given.absent[{place}]", "owner", owner
    if case.given.account is not None:
        for where, owner in case.given.account.named():
            yield f"given.account.{where}", "owner", owner
    for where, named in (("given.existing", case.given.existing), ("expect", case.expect)):
        if named is not None:
            for kind in ("team", "owner"):
                name = getattr(named, kind)
                if name is not None:
                    yield f"{where}.{kind}", kind, name


def tables_in(plan: Mapping[str, object]) -> set[str]:
    """The names of the tables in the plain data of a plan, valid or not."""
    pipeline = plan.get("pipeline")
    steps = pipeline if isinstance(pipeline, (list, tuple)) else ()
    rules = (step.get("rule") for step in steps if isinstance(step, Mapping))
    named = (rule.get("table") for rule in rules if isinstance(rule, Mapping))
    return {name for name in named if isinstance(name, str)}
