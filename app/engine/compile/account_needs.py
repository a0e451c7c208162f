"""What a plan needs to be read before a lead is decided: nothing is looked up that no plan asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel

from app.plan.document.accounts import AccountConfig
from app.plan.document.plan import PlanDocument

_NOT_DECIDING = ("tests",)


def needs_accounts(document: PlanDocument) -> bool:
    """Whether the plan has a step for accounts, keeps their owners, or asks a field of theirs anywhere.

    A text that only looks like it is counted too: that costs a look-up, and nothing else.
    """
    if any(account_steps(document)) or "account_owner" in document.returning_leads.keep_owner:
        return True
    parts = (getattr(document, name) for name in type(document).model_fields if name not in _NOT_DECIDING)
    return any("account." in text for part in parts for text in _texts(part))


def account_steps(document: PlanDocument) -> Iterator[AccountConfig]:
    """The plan's steps for accounts, in order."""
    return (step.config for step in document.pipeline if isinstance(step.config, AccountConfig))


def _texts(part: object) -> Iterator[str]:
    """Every text in a part of a plan, the keys of mappings among them."""
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
