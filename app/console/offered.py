"""The owners, teams and queues that a field offers, so that people pick a name and not an id."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.console.viewer import Viewer
from app.dispatch.dispatcher import Dispatcher
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.directory.records import Record
from app.store.path.journal import read_plan_version

MAX_OFFERED = 200
"""Of each kind. Others can be typed."""
Names = Sequence[tuple[str, str]]
"""Ids, each with its name."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Owners, teams and queues by name."""

    owners: Names = ()
    teams: Names = ()
    queues: Names = ()


NOTHING = Offered()


async def people_offered(pool: Pool, viewer: Viewer, *, inactive: bool = False) -> Offered:
    """Owners and teams. Owners who are not active come only with `inactive`.

    A key of one owner learns of no others.
    """
    if viewer.owner_id is not None:
        return NOTHING
    workspace_id = viewer.caller.workspace_id
    async with transaction(pool, workspace_id, read_only=True) as connection:
        owners = await records.list_records(connection, workspace_id, "owners", "", MAX_OFFERED)
        teams = await records.list_records(connection, workspace_id, "teams", "", MAX_OFFERED)
    return Offered(
        [_named(each) for each in owners if inactive or each.body.get("active", True)],
        [_named(each) for each in teams],
    )


async def targets_offered(
    pool: Pool, dispatch: Dispatcher, viewer: Viewer, *, inactive: bool = False
) -> Offered:
    """The same, and the queues of the active plan."""
    if viewer.owner_id is not None:
        return NOTHING
    people = await people_offered(pool, viewer, inactive=inactive)
    workspace_id = viewer.caller.workspace_id
    async with transaction(pool, workspace_id, read_only=True) as connection:
        version = await read_plan_version(connection, workspace_id)
    plan = await dispatch.plans.fetch(workspace_id, version)
    return Offered(people.owners, people.teams, [(name, name) for name in list(plan.queues)[:MAX_OFFERED]])


def _named(record: Record) -> tuple[str, str]:
    return record.id, record.body.get("name") or record.id
