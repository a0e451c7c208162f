"""Suppression lists as callers edit and read them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, PrivateAttr, model_validator

from app.contract.faults import invalid
from app.contract.limits import KIB, BodyLimits
from app.contract.responses import ResponseModel
from app.contract.types import RecordId, RequestModel
from app.engine.model.lead_keys import SuppressionKey
from app.intake.suppressions import KINDS, EntryKind, EntryRefused, read_entry
from app.values.countries import country_code

MAX_ENTRIES = 1000
LIMITS = BodyLimits(size=1024 * KIB, items=MAX_ENTRIES + 10, seconds=30)
Value = Annotated[str, Field(min_length=1, max_length=1024)]
ListName = Annotated[RecordId, Field(description="The list, such as `do_not_contact` or `competitors`.")]
Reason = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Kind = Literal["email", "domain", "phone"]


class SuppressionInput(RequestModel):
    """What a list has to block, under one of four names. Also just the `value` as a string."""

    value: Value | None = Field(None, description="An address, a domain or a phone number; its form tells.")
    email: Value | None = Field(None, description="An e-mail address.")
    domain: Value | None = Field(None, description="A domain. It covers its subdomains.")
    phone: Value | None = Field(None, description="A phone number.")
    country: Value | None = Field(None, description="The country of a phone number that has no country code.")
    _key: SuppressionKey = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, sent: Any) -> Any:
        return {"value": sent} if isinstance(sent, str) else sent

    @model_validator(mode="after")
    def _read(self) -> "SuppressionInput":
        sent = {name: getattr(self, name) for name in ("value", *KINDS)}
        named = [(name, text) for name, text in sent.items() if text is not None]
        if len(named) != 1:
            raise invalid("exactly_one", f"must have exactly one of {', '.join(sent)}")
        country = country_code(self.country) if self.country is not None else None
        if self.country is not None and country is None:
            raise invalid("unknown_country", "must be an ISO 3166 country", "country")
        name, text = named[0]
        kind: EntryKind | None = name if name != "value" else None  # type: ignore[assignment]
        try:
            self._key = read_entry(text, kind, country)
        except EntryRefused as refused:
            raise invalid(refused.code, refused.message, name) from None
        return self

    @property
    def key(self) -> SuppressionKey:
        """The entry in its canonical form."""
        return self._key


class SuppressionLine(SuppressionInput):
    """One line of many: an entry, and its list."""

    list: ListName


Entries = Annotated[list[SuppressionInput], Field(min_length=1, max_length=MAX_ENTRIES)]


class SuppressionsInput(RequestModel):
    """Entries for one list."""

    list: ListName
    entries: Entries


class SuppressionsRemoval(SuppressionsInput):
    """Entries to take off one list, and why."""

    reason: Reason = Field(
        description="Why, as one word such as `customer_now`. It is kept in the log of changes, so no names."
    )


class SuppressionsAdded(ResponseModel):
    """What became of the entries. `updated` ones were there, and have the newest key now."""

    created: int
    updated: int
    unchanged: int


class SuppressionsRemoved(ResponseModel):
    """How many entries the list had. Those that it did not have are no error."""

    removed: int


class SuppressionEntry(ResponseModel):
    """One entry of a suppression list: later leads with this address, domain or phone number are blocked.

    The entry is a keyed hash, so nobody can read what it blocks; `key_id` names the key. `actor` is the id of
    the API key that added it. An entry of a reject names the assignment and the event; its `actor` rejected a
    lead: the owner if they are known. `code` says why it is the address although the plan asks for the
    domain.
    """

    id: UUID
    kind: Kind
    list: str
    actor: str
    at: datetime
    key_id: int
    assignment_id: UUID | None
    event_id: UUID | None
    code: Literal["free_mail", "customer_account"] | None


class SuppressionCount(ResponseModel):
    """How many entries a list has. `of_older_keys` were hashed with a key that is not the newest."""

    list: str
    email: int
    domain: int
    phone: int
    entries: int
    of_older_keys: int


class SuppressionCounts(ResponseModel):
    """All suppression lists, by name."""

    items: list[SuppressionCount]


class SuppressionKeys(ResponseModel):
    """The numbers of the keys in use, the newest first. Older ones go when no entry has them any more."""

    key_ids: list[int]
