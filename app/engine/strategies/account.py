"""`account`: the owner of the lead's account gets it.

If the account's owner cannot take the lead, the step tries the targets of `if_unavailable`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app.engine.conditions.comparisons import Values
from app.engine.conditions.condition import compile_condition
from app.engine.model.accounts import Account, AccountMatch
from app.engine.model.decision import Target, Verdict
from app.engine.model.directory import Owner
from app.engine.model.state import Facts
from app.engine.selection.covers import cover_of
from app.engine.selection.ladder import ladder
from app.plan.document.accounts import DELEGATE, AccountConfig, Hold, Rung
from app.plan.document.plan import PlanDocument

Owners = Mapping[str, Owner]
MAX_DELEGATES = 5
"""How many delegates are asked, one after another."""


@dataclass(frozen=True, slots=True)
class AccountOwners:
    """The owners that an account names, in the order of their roles.

    `first` is the first active one, who is responsible. `gone` are those before: unknown or inactive.
    """

    gone: Sequence[str]
    first: str | None = None
    others: Sequence[str] = ()


def owners_named_by(
    match: AccountMatch, order: Sequence[str], owners: Owners, *, inherit: bool
) -> AccountOwners:
    """The owners in these roles. With `inherit`, a parent's owners if the account has no active one."""
    gone: list[str] = []
    if match.account is None:
        return AccountOwners(gone)
    for account in (match.account, *(match.parents if inherit else ())):
        ids = _in_roles(account, order)
        first = next((id_ for id_ in ids if id_ in owners and owners[id_].active), None)
        if first is not None:
            at = ids.index(first)
            return AccountOwners([*gone, *ids[:at]], first, ids[at + 1 :])
        gone += ids
    return AccountOwners(gone)


def _in_roles(account: Account, order: Sequence[str]) -> list[str]:
    found = (account.in_role(role) for role in order)
    return list(dict.fromkeys(id_ for id_ in found if id_ is not None))


class AccountStep:
    """The compiled settings of one step."""

    def __init__(self, config: AccountConfig) -> None:
        self.roles, self.inherits = config.roles, config.inherit_from_parent
        self._when = compile_condition(config.when) if config.when is not None else None
        self._waits = config.off_hours == "hold"
        self._own = Target(
            kind="owner",
            name="",
            priority=config.priority,
            off_hours="next" if self._waits else config.off_hours,
            sla=config.sla,
            ignore_caps=config.ignore_caps,
            code="account_owner",
        )
        self._fallbacks = [_fallback_of(fallback, config) for fallback in config.if_unavailable]
        customers = config.for_customers()
        self._team = ladder([customers])[0] if customers is not None else None
        self._statuses = config.customers.statuses if config.customers is not None else ()
        self._team_first = config.customers is not None and config.customers.prefer == "team"

    def responsible(self, match: AccountMatch, values: Values, facts: Facts) -> str | None:
        """The responsible owner, free or not. None if the step is not for this lead."""
        if self._when is not None and not self._when.holds(values, facts.now):
            return None
        return owners_named_by(match, self.roles, facts.directory.owners, inherit=self.inherits).first

    def targets(self, match: AccountMatch, facts: Facts) -> tuple[Target, ...]:
        """The targets for a lead of this account, in order."""
        owners_named = tuple(self._owners(match, facts))
        if self._team is None or match.account is None or match.account.customer_status not in self._statuses:
            return owners_named
        team = replace(self._team, code="customer_team")
        return (team, *owners_named) if self._team_first else (*owners_named, team)

    def _owners(self, match: AccountMatch, facts: Facts) -> Iterator[Target]:
        """The owners it names. The cover and the targets of `if_unavailable` follow the responsible one."""
        owners = facts.directory.owners
        found = owners_named_by(match, self.roles, owners, inherit=self.inherits)
        yield from (self._owner(id_) for id_ in found.gone)
        if found.first is None:
            return
        yield self._owner(found.first)
        yield from self._cover(found.first, facts)
        for fallback in self._fallbacks:
            if isinstance(fallback, Target):
                yield fallback
            elif isinstance(fallback, timedelta):
                yield replace(self._owner(found.first), hold=fallback)
            else:
                for delegate in delegates_of(found.first, owners):
                    yield replace(self._owner(delegate), ignore_caps=False, code="account_delegate")
        if self._waits:
            yield replace(self._owner(found.first), off_hours="hold")
        yield from (self._owner(id_) for id_ in found.others)

    def _cover(self, id_: str, facts: Facts) -> Iterator[Target]:
        """The cover of an owner on leave, who takes no turn for it."""
        cover = cover_of(id_, facts.directory, facts.now)
        if cover is not None and cover.kind == "owner":
            yield replace(self._owner(cover.name), ignore_caps=False, code="account_cover", covers_for=id_)
        elif cover is not None:
            yield replace(
                self._owner(cover.name),
                kind="team",
                pick="least_loaded",
                ignore_caps=False,
                code="account_cover",
                covers_for=id_,
            )

    def _owner(self, id_: str) -> Target:
        return replace(self._own, name=id_)


def delegates_of(owner: str, owners: Owners) -> Iterator[str]:
    """The owner's delegate, that one's delegate and so on, none of them twice."""
    seen = [owner]
    while len(seen) <= MAX_DELEGATES and seen[-1] in owners:
        delegate = owners[seen[-1]].delegate
        if delegate is None or delegate in seen:
            return
        yield delegate
        seen.append(delegate)


def _fallback_of(fallback: Rung, config: AccountConfig) -> Target | timedelta | str:
    """A target, the time to wait, or the word for the delegate."""
    if isinstance(fallback, Hold):
        return fallback.hold
    if fallback == DELEGATE:
        return DELEGATE
    (target,) = ladder([fallback.inheriting(config)])
    return replace(target, code="account_team") if target.kind == "team" else target


class AccountStrategy:
    """Passes leads without an account, and those of accounts without an owner."""

    name = "account"
    Config = AccountConfig

    def compile(self, config: AccountConfig, document: PlanDocument) -> AccountStep:
        """The compiled step."""
        return AccountStep(config)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: AccountStep) -> Verdict:
        """The responsible owner, then the targets of `if_unavailable`."""
        if facts.account is None or facts.account.account is None:
            return Verdict("no_account")
        targets = config.targets(facts.account, facts)
        return Verdict("account" if targets else "no_account_owner", targets)
