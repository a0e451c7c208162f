"""Users of a CRM: who is deactivated there gets no lead here, and who is out of office is absent."""

from dataclasses import replace
from datetime import timedelta

from app.directory import absences, records
from app.directory.editing import DirectoryEdit, edit_directory
from app.engine.life.crm import MAPPING_OWNER_UNKNOWN
from app.engine.model.directory import Directory, Owner
from app.store.connection.pool import Pool
from app.store.crm import users
from app.store.crm.users import CrmUser
from app.webhooks.mapping import EventTerms, UserChange, named_by

ORIGIN = "crm"
OPEN_END = timedelta(days=90)
"""An absence whose end the CRM does not tell ends after this time, unless the CRM ends it before."""


async def follow_user(pool: Pool, workspace_id: int, terms: EventTerms, change: UserChange) -> str | None:
    """Do what a CRM says of a user. Returns a code if nothing was done.

    Of two events the newer one counts, by the CRM's clock. An owner is made active only if this CRM had made
    them inactive. Their open leads are moved later, after nobody has handed any over for a while.
    """
    async with edit_directory(pool, workspace_id, f"endpoint:{terms.endpoint_id}") as edit:
        owner = owner_of(edit.snapshot.directory, terms, change.id)
        if owner is None:
            mapped = named_by(terms.mapping.users, change.id) is not None
            return MAPPING_OWNER_UNKNOWN if mapped else "unknown_user"
        known = await users.find_user(edit.connection, workspace_id, terms.system, change.id)
        if known is not None and known.at is not None and change.at is not None and change.at < known.at:
            return "stale"
        user = known or CrmUser(terms.system, change.id, owner.id, "active", change.at)
        after = replace(user, owner_id=owner.id, at=change.at or user.at)
        if change.active is not None:
            after = await _follow_state(edit, owner, after, active=change.active)
        if change.away is not None:
            after = await _follow_absence(edit, owner, after, change)
        if after == known:
            return "nothing_new"
        await users.keep_user(edit.connection, workspace_id, after)
        return None


def owner_of(directory: Directory, terms: EventTerms, id_: str) -> Owner | None:
    """The owner that a user is: by the mapping of the endpoint, else by the only owner with this id."""
    mapped = named_by(terms.mapping.users, id_)
    if mapped is not None:
        return directory.owners.get(mapped)
    return directory.owner_by_crm_id(id_, terms.kind)


async def _follow_state(edit: DirectoryEdit, owner: Owner, user: CrmUser, *, active: bool) -> CrmUser:
    record = await edit.find("owners", owner.id)
    if record is None:
        return user
    if not active:
        if not owner.active:
            return user  # who was deactivated here is not the CRM's to make active again
        await records.keep(edit, "owners", owner.id, {**record.body, "active": False}, record)
        return replace(user, state="inactive", leaves_since=edit.now)
    if user.state == "inactive" and not owner.active:
        await records.keep(edit, "owners", owner.id, {**record.body, "active": True}, record)
    return replace(user, state="active", leaves_since=None)


async def _follow_absence(edit: DirectoryEdit, owner: Owner, user: CrmUser, change: UserChange) -> CrmUser:
    before = await edit.find(absences.RESOURCE_TYPE, user.absence_id) if user.absence_id is not None else None
    if not change.away:
        if before is not None:
            await _end(edit, before.id)
        return replace(user, absence_id=None)
    begins = max(change.away_from or edit.now, edit.now)
    until = change.away_until or begins + OPEN_END
    if until <= edit.now:
        return user
    if before is not None:
        if change.away_until is not None:
            shown = until.isoformat().replace("+00:00", "Z")
            await edit.put(absences.RESOURCE_TYPE, before.id, {**before.body, "to": shown}, before)
        return user
    body = {
        "from": begins.isoformat(),
        "to": until.isoformat(),
        "kind": "out_of_office",
        "origin": ORIGIN,
        "open_leads": "stay",
    }
    added = await absences.add(edit, owner.id, body)
    return replace(user, absence_id=added.id)


async def _end(edit: DirectoryEdit, absence_id: str) -> None:
    """The owner is back: the absence ends now."""
    record = await edit.find(absences.RESOURCE_TYPE, absence_id)
    if record is None:
        return
    now = edit.now.isoformat().replace("+00:00", "Z")
    if record.body["from"] >= now:
        await edit.delete(record)
    elif record.body["to"] > now:
        await edit.put(absences.RESOURCE_TYPE, absence_id, {**record.body, "to": now}, record)
