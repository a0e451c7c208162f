"""`lead-assignment explain`: why a lead went where it went."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from app.audit.explain import explain_decision
from app.audit.replay import inputs_of
from app.cli.context import CommandError, with_pool, workspace_chosen
from app.engine.compile.plan import Plan, empty_plan, plan_from
from app.registry import strategies
from app.store import plans
from app.store.connection.pool import Pool, transaction
from app.store.directory.history import read_directory_at
from app.store.leads import decisions


def explain(
    assignment: Annotated[UUID, typer.Argument(help="The id of the assignment.")],
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """Compute a decision again from its stored inputs, and print the result of every step."""

    async def work(pool: Pool) -> Mapping[str, Any]:
        id_ = (await workspace_chosen(pool, workspace)).id
        async with transaction(pool, id_, read_only=True) as connection:
            decided = await decisions.find_decision(connection, id_, str(assignment))
            if decided is None:
                raise CommandError("No assignment with this id.")
            stored = decided.read_inputs()
            directory = await read_directory_at(connection, id_, stored["directory"])
        basis = inputs_of(stored, directory)
        return explain_decision(decided, basis, await _plan(pool, id_, basis.plan_version))

    typer.echo("\n".join(_lines(with_pool(work))))


async def _plan(pool: Pool, workspace_id: int, version: int) -> Plan:
    if version == 0:
        return empty_plan()
    try:
        return plan_from(await plans.read_document(pool, workspace_id, version), version, strategies())
    except LookupError:
        raise CommandError("The plan version of this decision can no longer be read.") from None


def _lines(whole: Mapping[str, Any]) -> Iterator[str]:
    inputs, settled = whole["inputs"], whole["stored"]
    where = next((f"{kind} {settled[kind]}" for kind in _PLACES if settled[kind] is not None), "nowhere")
    yield whole["reason"]["text"]
    yield f"{settled['outcome']} ({settled['code']}): {where}"
    when = f"{inputs['now']:%Y-%m-%d %H:%M:%SZ}"
    yield f"plan version {inputs['plan_version']}, {when}, engine {inputs['engine']}"
    if not whole["reproduced"]:
        yield "This engine decides differently now."
    for step in whole["steps"]:
        yield f"  {step['step']}\t{step['strategy']}\t{step['code']}"
        for attempt in step.get("targets", ()):
            for one in attempt.get("candidates", ()):
                yield f"    {one['owner']}\t{one['code']}"


_PLACES = ("owner", "queue", "path", "block")
