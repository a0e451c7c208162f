"""Whether a plan uses accounts. Without such a plan, no account is looked up."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel

from app.engine.model.accounts import MatchSettings
from app.plan.document.accounts import AccountConfig
from app.plan.document.plan import PlanDocument

_NOT_DECIDING = ("tests",)
_NEEDING = ("account.", "contact.email_flags")
"""Fields that need the account: a free mail domain of a named account is the company's."""


def needs_accounts(document: PlanDocument) -> bool:
    """Whether the plan uses accounts: it says how to match them, has an account step, keeps owners.

    So does any text that contains the name of a field that needs the account. At worst that costs a needless
    look-up.
    """
    if (
        document.accounts is not None
        or (document.enrichment is not None and document.enrichment.from_accounts)
        or any(account_steps(document))
        or document.same_company is not None
        or "account_owner" in document.returning_leads.keep_owner
    ):
        return True
    parts = (getattr(document, name) for name in type(document).model_fields if name not in _NOT_DECIDING)
    return any(name in text for part in parts for text in _texts(part) for name in _NEEDING)


def match_settings(document: PlanDocument) -> MatchSettings:
    """How the plan matches leads to accounts."""
    written = document.accounts
    if written is None:
        return MatchSettings()
    return MatchSettings(written.threshold, written.prefer == "parent", written.conflict, written.domain_only)


def account_steps(document: PlanDocument) -> Iterator[AccountConfig]:
    """The account steps of the plan, in order."""
    return (step.config for step in document.pipeline if isinstance(step.config, AccountConfig))


def _texts(part: object) -> Iterator[str]:
    """Every string in a part of a plan, including the keys of mappings."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for key, each in part.items():
            yield from _texts(key)
            yield from _texts(each)
    elif isinstance(part, (tuple, list)):
        for each in part:
            yield from _texts(each)
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _texts(getattr(part, name))
    elif is_dataclass(part):
        for field in fields(part):
            yield from _texts(getattr(part, field.name))
