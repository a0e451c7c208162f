"""The account of a lead and the owners of its other roles, for the response."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.model.accounts import OWNER, Account, AccountMatch
from app.engine.model.directory import Directory, Owner


def account_summary(match: AccountMatch, owner: Owner | None, roles: Sequence[str]) -> dict[str, Any] | None:
    """The account for the response, with the role that the lead's owner has there.

    Of several roles it is the first in `roles`, the order in which the plan asks them.
    """
    account = match.account
    if account is None:
        return None
    role = _role(owner.id, match, roles) if owner is not None else None
    return {"id": account.id, "name": account.name, "matched_by": match.matched_by, "role": role}


def account_team_of(
    match: AccountMatch, owner: Owner | None, directory: Directory, *, inherit: bool
) -> dict[str, Owner]:
    """The active owners of the account's other roles, by role.

    With `inherit`, the roles of its parents count too. The nearest account that fills a role wins.
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
    """Owners by role: the account's own owner first, then by the name of the role."""
    own = account.in_role(OWNER)
    return {**({OWNER: own} if own is not None else {}), **dict(sorted(account.roles.items()))}


def _role(owner: str, match: AccountMatch, order: Sequence[str]) -> str | None:
    """The owner's role at the account, or at the nearest parent."""
    line = (match.account, *match.parents) if match.account is not None else ()
    for account in line:
        roles = roles_of(account)
        ordered = {role: roles[role] for role in order if role in roles}
        for role, id_ in {**ordered, **roles}.items():
            if id_ == owner:
                return role
    return None
