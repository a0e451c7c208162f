"""The CRM's own list of its users: for CRMs that send no events about them, and for events that got lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.directory import records
from app.directory.editing import edit_directory
from app.engine.model.directory import Directory, Owner
from app.pace import paced
from app.store.connection.pool import Pool, transaction
from app.store.crm import users as store
from app.store.crm.users import CrmUser
from app.store.path.current_state import read_current_state, read_current_state_on
from app.webhooks.mapping import EventTerms, UserChange, canonical_id
from app.webhooks.users import follow_user, owner_of

Result = Literal[
    "unchanged", "stale", "unknown", "proposed", "linked", "deactivated", "reactivated", "away", "back"
]


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user as the CRM lists them. What is None was not said."""

    id: str
    email: str | None = None
    active: bool | None = None
    away: bool | None = None
    away_from: datetime | None = None
    away_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FollowedUser:
    """What became of a user, and the owner that they are or may be."""

    id: str
    owner: str | None
    results: Sequence[Result]


async def follow_users(
    pool: Pool,
    workspace_id: int,
    actor: str,
    terms: EventTerms,
    listed: Sequence[ListedUser],
    as_of: datetime,
    *,
    link: bool = False,
) -> list[FollowedUser]:
    """Do what a list says of users, and return what became of each.

    A user that no owner is by id is matched by the exact e-mail address: only proposed, unless `link`.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        state = await read_current_state_on(connection, workspace_id)
        known = await store.find_users(connection, workspace_id, terms.system)
    directory, now = state.facts.directory, state.facts.now
    followed: list[FollowedUser] = []
    by_address = _by_address(directory)
    async for user in paced(listed):
        results: list[Result] = []
        owner = owner_of(directory, terms, user.id)
        if owner is None:
            owner = _same_address(by_address, terms.kind, user.email)
            if owner is None or not link:
                followed.append(
                    FollowedUser(user.id, owner.id if owner else None, ["proposed" if owner else "unknown"])
                )
                continue
            await _link(pool, workspace_id, actor, terms.kind, owner.id, user.id)
            results.append("linked")
        change = _change(terms.kind, user, as_of, now)
        if _says_something(change, owner, known.get(change.id)):
            results += await _follow(pool, workspace_id, terms, change, owner, known.get(change.id))
        followed.append(FollowedUser(user.id, owner.id, results or ["unchanged"]))
    return followed


def _change(kind: str, user: ListedUser, as_of: datetime, now: datetime) -> UserChange:
    over = user.away_until is not None and user.away_until <= now
    away = user.away if not over else False
    return UserChange(
        canonical_id(kind, user.id), as_of, user.active, away, user.away_until, away_from=user.away_from
    )


def _says_something(change: UserChange, owner: Owner, known: CrmUser | None) -> bool:
    """Whether anything may have to change. Most users of most lists are as they were."""
    if change.active is False and owner.active:
        return True
    if change.active is True and known is not None and known.state == "inactive":
        return True
    absent = known is not None and known.absence_id is not None
    return change.away is True or (change.away is False and absent)


async def _follow(
    pool: Pool, workspace_id: int, terms: EventTerms, change: UserChange, owner: Owner, known: CrmUser | None
) -> list[Result]:
    code = await follow_user(pool, workspace_id, terms, change)
    if code == "stale":
        return ["stale"]
    now = (await read_current_state(pool, workspace_id)).facts.directory.owners.get(owner.id)
    async with transaction(pool, workspace_id, read_only=True) as connection:
        after = await store.find_user(connection, workspace_id, terms.system, change.id)
    results: list[Result] = []
    if now is not None and now.active != owner.active:
        results.append("reactivated" if now.active else "deactivated")
    before, then = (each.absence_id if each is not None else None for each in (known, after))
    if before != then:
        results.append("away" if then is not None else "back")
    return results


def _by_address(directory: Directory) -> dict[str, list[Owner]]:
    found: dict[str, list[Owner]] = {}
    for owner in directory.owners.values():
        if owner.email:
            found.setdefault(owner.email.casefold(), []).append(owner)
    return found


def _same_address(by_address: Mapping[str, list[Owner]], kind: str, email: str | None) -> Owner | None:
    """The only owner with this address, unless they are another user already."""
    if not email:
        return None
    found = by_address.get(email.strip().casefold(), [])
    return found[0] if len(found) == 1 and kind not in found[0].crm else None


async def _link(pool: Pool, workspace_id: int, actor: str, kind: str, owner_id: str, user_id: str) -> None:
    async with edit_directory(pool, workspace_id, actor) as edit:
        record = await edit.find("owners", owner_id)
        if record is not None:
            crm = {**(record.body.get("crm") or {}), kind: user_id}
            await records.keep(edit, "owners", owner_id, {**record.body, "crm": crm}, record)
