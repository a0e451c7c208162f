"""Who else has to do with the account of a lead, for the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.model.accounts import OWNER, Account, AccountMatch
from app.engine.model.directory import Directory, Owner


def account_summary(match: AccountMatch, owner: Owner | None, order: Sequence[str]) -> dict[str, Any] | None:
    """The account as the answer names it, with the role that the lead's new owner has there.

    Of several roles it is the first by `order`, in which the plan asks them.
    """
    account = match.account
    if account is None:
        return None
    role = _role(owner.id, match, order) if owner is not None else None
    return {"id": account.id, "name": account.name, "matched_by": match.matched_by, "role": role}


def account_team_of(
    match: AccountMatch, owner: Owner | None, directory: Directory, *, inherit: bool
) -> dict[str, Owner]:
    """The active owners who have the account's other roles, by role; with `inherit` those above it too.

    Of a role that several have, as of the one by which the lead found its owner, the nearest counts.
    """
    if match.account is None:
        return {}
    nearest: dict[str, Owner] = {}
    for account in (match.account, *(match.parents if inherit else ())):
        for role, id_ in roles_of(account).items():
            other = directory.owners.get(id_)
            if other is not None and other.active:
                nearest.setdefault(role, other)
    return {role: other for role, other in nearest.items() if owner is None or other.id != owner.id}


def roles_of(account: Account) -> Mapping[str, str]:
    """Owners by role, the account's own owner first, then by the name of the role."""
    own = account.in_role(OWNER)
    return {**({OWNER: own} if own is not None else {}), **dict(sorted(account.roles.items()))}


def _role(owner: str, match: AccountMatch, order: Sequence[str]) -> str | None:
    """His role at the account, else the one he has above it."""
    line = (match.account, *match.parents) if match.account is not None else ()
    for account in line:
        roles = roles_of(account)
        wanted = {role: roles[role] for role in order if role in roles}
        for role, id_ in {**wanted, **roles}.items():
            if id_ == owner:
                return role
    return None
