"""`account`: who looks after the lead's account gets it.

Who is responsible for the leads of an account, and what is tried when he cannot take one.
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
from app.engine.selection.ladder import ladder
from app.plan.document.accounts import DELEGATE, AccountConfig, Hold
from app.plan.document.plan import PlanDocument

Owners = Mapping[str, Owner]


@dataclass(frozen=True, slots=True)
class AccountOwners:
    """Owners an account names, in the order of their roles; `first` is the active one who is responsible.

    `gone` come before him: nobody of that id, or not active any more.
    """

    gone: Sequence[str]
    first: str | None = None
    others: Sequence[str] = ()


def owners_named_by(
    match: AccountMatch, order: Sequence[str], owners: Owners, *, inherit: bool
) -> AccountOwners:
    """Whom the account names in these roles; where nobody active has any, whom those above it do."""
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
    """The settings of one step, ready to be asked for its targets."""

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
        self._rungs = [_rung_of(rung, config) for rung in config.if_unavailable]
        customers = config.for_customers()
        self._team = ladder([customers])[0] if customers is not None else None
        self._statuses = config.customers.statuses if config.customers is not None else ()
        self._team_first = config.customers is not None and config.customers.prefer == "team"

    def responsible(self, match: AccountMatch, values: Values, facts: Facts) -> str | None:
        """The owner who is responsible for a lead the step is for, whether he can take one now or not."""
        if self._when is not None and not self._when.holds(values, facts.now):
            return None
        return owners_named_by(match, self.roles, facts.directory.owners, inherit=self.inherits).first

    def targets(self, match: AccountMatch, owners: Owners) -> tuple[Target, ...]:
        """What is tried for a lead of this account, in order."""
        people = tuple(self._people(match, owners))
        if self._team is None or match.account is None or match.account.customer_status not in self._statuses:
            return people
        team = replace(self._team, code="customer_team")
        return (team, *people) if self._team_first else (*people, team)

    def _people(self, match: AccountMatch, owners: Owners) -> Iterator[Target]:
        """Those it names, and behind the one who is responsible what stands for him."""
        found = owners_named_by(match, self.roles, owners, inherit=self.inherits)
        yield from (self._owner(id_) for id_ in found.gone)
        if found.first is None:
            return
        yield self._owner(found.first)
        for rung in self._rungs:
            if isinstance(rung, Target):
                yield rung
            elif isinstance(rung, timedelta):
                yield replace(self._owner(found.first), hold=rung)
            elif (delegate := owners[found.first].delegate) is not None:
                yield replace(self._owner(delegate), ignore_caps=False, code="account_delegate")
        if self._waits:
            yield replace(self._owner(found.first), off_hours="hold")
        yield from (self._owner(id_) for id_ in found.others)

    def _owner(self, id_: str) -> Target:
        return replace(self._own, name=id_)


def _rung_of(rung: object, config: AccountConfig) -> Target | timedelta | str:
    """A target as the engine has it, the time to wait, or the word for the delegate."""
    if isinstance(rung, Hold):
        return rung.hold
    if rung == DELEGATE:
        return DELEGATE
    (target,) = ladder([config.handed(rung)])  # type: ignore[arg-type]
    return replace(target, code="account_team") if target.kind == "team" else target


class AccountStrategy:
    """Passes the leads of no account, and those of accounts that name nobody."""

    name = "account"
    Config = AccountConfig

    def ready(self, config: AccountConfig, document: PlanDocument) -> AccountStep:
        """The step compiled, once for a plan."""
        return AccountStep(config)

    def decide(self, values: Mapping[str, Any], facts: Facts, config: AccountStep) -> Verdict:
        """Whoever is responsible, then what the plan says for when he cannot take it."""
        if facts.account is None or facts.account.account is None:
            return Verdict("no_account")
        targets = config.targets(facts.account, facts.directory.owners)
        return Verdict("account" if targets else "no_account_owner", targets)
