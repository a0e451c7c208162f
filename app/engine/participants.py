"""Who else has to do with the account of a lead, for the answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.engine.accounts import OWNER, Account, Match
from app.engine.model import Directory, Owner


def account_told(match: Match | None, owner: Owner | None) -> dict[str, Any] | None:
    """The account as the answer names it, with the role that the lead's new owner has there."""
    if match is None or match.account is None:
        return None
    account = match.account
    role = _role(owner.id, match) if owner is not None else None
    return {"id": account.id, "name": account.name, "matched_by": match.matched_by, "role": role}


def participants(match: Match | None, owner: Owner | None, directory: Directory) -> list[dict[str, str]]:
    """The active owners who have the account's other roles."""
    if match is None or match.account is None:
        return []
    chosen = owner.id if owner is not None else None
    found = []
    for role, id_ in roles_of(match.account).items():
        other = directory.owners.get(id_)
        if other is not None and other.active and other.id != chosen:
            found.append({"role": role, "id": other.id, "name": other.name})
    return found


def roles_of(account: Account) -> Mapping[str, str]:
    """Owners by role, the account's own owner first, then by the name of the role."""
    own = account.in_role(OWNER)
    return {**({OWNER: own} if own is not None else {}), **dict(sorted(account.roles.items()))}


def _role(owner: str, match: Match) -> str | None:
    """His role at the account, else the one he has above it."""
    return next((role for role, id_ in _line(match) if id_ == owner), None)


def _line(match: Match) -> Iterator[tuple[str, str]]:
    own: Sequence[Account] = () if match.account is None else (match.account,)
    for account in (*own, *match.parents):
        yield from roles_of(account).items()
