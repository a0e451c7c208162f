"""The account that a lead belongs to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.dispatch.decision_session import DecisionSession
from app.dispatch.prepared import Prepared
from app.engine.model.accounts import Account, AccountKey, AccountMatch
from app.intake.account_match import match_account, needs_names


def find_account(
    session: DecisionSession,
    values: Mapping[str, Any],
    keys: Callable[[], Sequence[AccountKey]],
    prepared: Prepared | None = None,
) -> AccountMatch | None:
    """The account that a lead with these fields and keys belongs to; None when the plan does not ask.

    Raises PreparationMissing when its keys leave open which one, and names were not `prepared`.
    """
    accounts, settings = session.found.accounts, session.plan.account_match
    if not session.plan.wants_accounts or accounts is None:
        return None
    found = keys()
    if prepared is not None and prepared.accounts is None and needs_names(values, found, accounts, settings):
        prepared.ask_for_accounts()
    return match_account(values, found, accounts, settings)


def accounts_by_name(session: DecisionSession, lead_id: str | None) -> tuple[str, ...]:
    """The accounts that were found by the name of a stored lead when it was decided."""
    if lead_id is None or not session.plan.wants_accounts:
        return ()
    lead = session.find_lead(lead_id) or session.found.known.get(lead_id)
    return lead.account_ids if lead is not None else ()


def accounts_of_domain(session: DecisionSession, domain: str) -> Sequence[Account]:
    """The accounts that have this domain, as far as they were read."""
    accounts = session.found.accounts
    return accounts.of_key.get(("domain", domain), ()) if accounts is not None else ()
