"""Where the plan and the directory name an owner. When an owner leaves, each place is a loose end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.directory.removal import named_by_plan
from app.engine.lookup.tables import TableContent
from app.engine.model.directory import Cover, Directory
from app.places import TABLES
from app.plan_check.parse import Strategies
from app.plan_check.tables import first_rows
from app.store.connection.pool import Pool, transaction
from app.store.directory import accounts, tables
from app.store.path.current_state import read_current_state_on

MAX_ACCOUNTS = 1000


@dataclass(frozen=True, slots=True)
class Mention:
    """One place that names an owner: a path in a record, or in the active plan."""

    resource_type: str
    resource_id: str
    path: str


async def find_mentions(
    pool: Pool, workspace_id: int, strategies: Strategies, owner_id: str
) -> list[Mention]:
    """Every place that names an owner: the active plan, tables, teams, accounts, delegates and covers.

    Of accounts and of each table's targets only the first ones are named.
    """
    state, paths = await named_by_plan(pool, workspace_id, strategies, "owners", owner_id)
    async with transaction(pool, workspace_id, read_only=True) as connection:
        directory = (await read_current_state_on(connection, workspace_id)).facts.directory
        content = await tables.read_named_tables(connection, workspace_id, sorted(directory.tables))
        of_accounts = await accounts.find_accounts_of_owner(connection, workspace_id, owner_id, MAX_ACCOUNTS)
    version = str(state.plan_version) if state is not None else ""
    return [
        *(Mention("plans", version, path) for path in paths if not path.startswith("tables.")),
        *(await TABLES.run(workspace_id, lambda: list(_in_tables(content, owner_id)))),
        *_in_directory(directory, owner_id),
        *(Mention("accounts", id_, path) for id_, path in of_accounts),
    ]


def _in_tables(content: Mapping[str, TableContent], owner_id: str) -> Iterator[Mention]:
    for id_, table in sorted(content.items()):
        for row, target in first_rows(table):
            for rung, each in enumerate((target, *(target.get("else") or ()))):
                if each.get("owner") == owner_id:
                    place = "owner" if rung == 0 else f"else[{rung - 1}].owner"
                    yield Mention("tables", id_, f"rows[{row - 1}].{place}")


def _in_directory(directory: Directory, owner_id: str) -> Iterator[Mention]:
    for team in directory.teams.values():
        for position, member in enumerate(team.members):
            if member.owner == owner_id:
                yield Mention("teams", team.id, f"members[{position}]")
    for owner in directory.owners.values():
        if owner.delegate == owner_id:
            yield Mention("owners", owner.id, "delegate")
        for absence in owner.absences:
            if absence.cover == Cover("owner", owner_id):
                yield Mention("absences", absence.id, "cover.owner")
