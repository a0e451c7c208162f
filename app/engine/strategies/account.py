"""`account`: who looks after the lead's account gets it."""

from collections.abc import Mapping
from typing import Any

from app.engine.model import Verdict
from app.engine.responsible import AccountStep
from app.engine.state import Facts
from app.plan.accounts import AccountConfig
from app.plan.schema import PlanDocument


class Account:
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
        return Verdict("account" if targets else "unattended", targets)
