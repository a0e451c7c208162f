"""Whose working time a clock has: the owner's, or for a lead without one that of all who may take it."""

from collections.abc import Iterator

from app.engine.life.clocks import Clock
from app.engine.life.terms import Terms
from app.engine.life.working_time import ALWAYS, WorkingTime, working_time_of, working_time_of_all
from app.engine.model.directory import Directory, Owner


def working_time_of_clock(clock: Clock, terms: Terms, directory: Directory) -> WorkingTime:
    """When a clock runs. In plain time for an owner who is gone, and where nobody may take the lead."""
    if clock.owner_id is not None:
        owner = directory.owners.get(clock.owner_id)
        return working_time_of(owner) if owner is not None else ALWAYS
    return working_time_of_all(_who_may(terms, directory))


def _who_may(terms: Terms, directory: Directory) -> Iterator[Owner]:
    who = terms.who or {}
    if "owner" in who:
        ids = [who["owner"]]
    elif "team" in who:
        team = directory.teams.get(who["team"])
        ids = [member.owner for member in team.members] if team is not None else []
    else:
        ids = list(directory.owners)
    owners = (directory.owners.get(id_) for id_ in ids)
    return (owner for owner in owners if owner is not None and owner.active)
