"""The tables that a plan looks something up in."""

import asyncio
from collections.abc import Mapping

from app.engine.tables import Table
from app.store import tables
from app.store.database import Connection


def tables_in(plan: Mapping[str, object]) -> set[str]:
    """The names of the tables, told before the plan is read: what is wrong with it is told elsewhere."""
    pipeline = plan.get("pipeline")
    steps = pipeline if isinstance(pipeline, (list, tuple)) else ()
    rules = (step.get("rule") for step in steps if isinstance(step, Mapping))
    named = (rule.get("table") for rule in rules if isinstance(rule, Mapping))
    return {name for name in named if isinstance(name, str)}


async def named_tables(
    connection: Connection, workspace_id: int, plan: Mapping[str, object]
) -> dict[str, Table]:
    """The tables by name, as far as there are any."""
    names = tables_in(plan)
    if not names:
        return {}
    found = await tables.read(connection, workspace_id, names)
    return {id_: await asyncio.to_thread(whole.table) for id_, whole in found.items()}
