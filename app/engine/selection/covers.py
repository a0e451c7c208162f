"""Who covers for an owner on leave."""

from datetime import datetime

from app.engine.model.directory import Absence, Cover, Directory, Owner

MAX_COVERS = 10
"""How many owners are asked, one after another, for one who is present."""


def absence_now(owner: Owner, now: datetime) -> Absence | None:
    """The absence that the owner is on; of several, the first that names a cover."""
    current = [each for each in owner.absences if each.start <= now < each.end]
    return next((each for each in current if each.cover is not None), current[0] if current else None)


def moving_absence(owner: Owner, now: datetime) -> Absence | None:
    """The absence that the owner is on and that moves their open leads."""
    return next((each for each in owner.absences if each.moves_leads and each.start <= now < each.end), None)


def cover_of(owner_id: str, directory: Directory, now: datetime) -> Cover | None:
    """Who covers for an absent owner: the first present one along the covers, or a team.

    None if nobody does: no cover is named, it is gone or inactive, or the covers lead back to an owner who
    was asked before.
    """
    seen = [owner_id]
    while len(seen) <= MAX_COVERS:
        owner = directory.owners.get(seen[-1])
        absence = absence_now(owner, now) if owner is not None else None
        cover = absence.cover if absence is not None else None
        if cover is None or cover.kind == "team":
            return cover
        named = directory.owners.get(cover.name)
        if named is None or not named.active or named.id in seen:
            return None
        if absence_now(named, now) is None:
            return cover
        seen.append(named.id)
    return None
