"""The keys that tell whether two leads are one person."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

EXTERNAL_ID, CRM_LEAD, EMAIL, PHONE = RANKED = ("external_id", "crm_lead", "email", "phone")
"""The kinds of keys, the strongest first."""
KEYS_BY_NAME = {"external_id": EXTERNAL_ID, "crm_lead_id": CRM_LEAD, "email": EMAIL, "phone": PHONE}
"""The kinds of keys as plans name them."""
EMAIL_ALIAS = "email_alias"
"""An address without its tag, and without dots where they do not count. It joins nobody."""

COMPANY = "company"
"""The domain that colleagues share. Its source is a hash of the company's name. It joins nobody."""
PERSON = "person"
"""A person's name and the domain of their company. It joins nobody."""


class LeadKey(NamedTuple):
    """A key of a lead. `source` is where an external id comes from; other keys have none.

    The external ids of a file have none either, unless a column says it. They may be those of any source.
    """

    kind: str
    value: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class MatchRules:
    """Which kinds of keys join leads, and what external ids stand for, by source: `person` or `submission`.

    `ids_are_people` says that sources without an entry name people, as the lines of a file do.
    """

    kinds: Collection[str] = RANKED
    sources: Mapping[str, str] = field(default_factory=dict)
    ids_are_people: bool = False

    def names_people(self, source: str) -> bool:
        """Whether two external ids of this source are two people."""
        return self.sources.get(source, "person" if self.ids_are_people else None) == "person"

    def joins(self, key: LeadKey) -> bool:
        """Whether leads with this key can be one person."""
        return key.kind in self.kinds and self.sources.get(key.source) != "submission"


class SuppressionKey(NamedTuple):
    """What a suppression list can hold of a lead, in its canonical form.

    That is its address (`email`), the domain of it or one above (`domain`), or its number (`phone`).
    """

    kind: Literal["email", "domain", "phone"]
    value: str
