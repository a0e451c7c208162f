"""The names of owners and teams, for pages that have only their ids."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from app.console.viewer import Viewer
from app.store.connection.pool import Pool, transaction
from app.store.directory import records


@dataclass(frozen=True, slots=True)
class Names:
    """Names by id. An id without a name stands for itself."""

    owners: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)

    def owner(self, id_: str) -> str:
        """The name of an owner."""
        return self.owners.get(id_, id_)

    def team(self, id_: str) -> str:
        """The name of a team."""
        return self.teams.get(id_, id_)


NO_NAMES = Names()


async def names_of(
    pool: Pool, viewer: Viewer, owners: Iterable[str | None] = (), teams: Iterable[str | None] = ()
) -> Names:
    """The names of these owners and teams. A key of one owner learns the name of no other."""
    wanted = {each for each in owners if each and viewer.owner_id in (None, each)}
    shared = {each for each in teams if each}
    if not wanted and not shared:
        return NO_NAMES
    async with transaction(pool, viewer.caller.workspace_id, read_only=True) as connection:

        async def named(resource_type: str, ids: Iterable[str]) -> dict[str, str]:
            found = await records.find_records(
                connection, viewer.caller.workspace_id, resource_type, sorted(ids)
            )
            return {id_: name for id_, each in found.items() if (name := each.body.get("name"))}

        return Names(await named("owners", wanted), await named("teams", shared))


async def names_of_findings(pool: Pool, viewer: Viewer, found: Mapping[str, Any]) -> Names:
    """The names of the owners and teams in findings and in the comparison of owners."""
    subjects = [each["subject"] for each in found["findings"]]
    compared = ((found.get("figures") or {}).get("owners") or {}).get("rows", [])
    shown = [each for each in compared if isinstance(each, Mapping)]
    named: dict[str, list[Any]] = {kind: [] for kind in ("owner", "team")}
    for each in subjects:
        named.setdefault(each["kind"], []).append(each["id"])
        named["team"].append(each.get("team"))
    named["owner"] += [row["owner_id"] for row in shown]
    named["team"] += [row["team_id"] for row in shown]
    return await names_of(pool, viewer, named["owner"], named["team"])


@pass_context
def owner_name(context: Context, id_: str) -> str:
    """The name of an owner, where the page has names."""
    return _names(context).owner(id_)


@pass_context
def team_name(context: Context, id_: str) -> str:
    """The name of a team, where the page has names."""
    return _names(context).team(id_)


def _names(context: Context) -> Names:
    names = context.get("names")
    return names if isinstance(names, Names) else NO_NAMES


FILTERS: Mapping[str, Callable[..., str]] = {"owner_name": owner_name, "team_name": team_name}
"""The filters of templates by name."""
