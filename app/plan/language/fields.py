"""The field catalogue: what a condition may ask of a lead, and of which type each field is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The type of a field, which says which operators fit."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    STRINGS = "string[]"
    OBJECTS = "object[]"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `personal` fields are named in traces and sentences, but their values are not shown.

    `choices` closes the set of values; `extensible` allows `x-…` beside them.
    """

    name: str
    kind: Kind
    description: str
    personal: bool = False
    choices: tuple[str, ...] = ()
    extensible: bool = False


@dataclass(frozen=True)
class Catalogue:
    """Fields by dotted name, and prefixes below which every name is a field (`attributes.`, `utm.`)."""

    fields: Mapping[str, Field]
    free: Mapping[str, Field] = field(default_factory=dict)

    def find(self, name: str) -> Field | None:
        """The field of this dotted name, or None."""
        known = self.fields.get(name)
        if known is not None:
            return known
        for prefix, free in self.free.items():
            if name.startswith(f"{prefix}.") and all(name.removeprefix(f"{prefix}.").split(".")):
                return Field(name, free.kind, free.description, free.personal)
        return None

    def below(self, prefix: str) -> list[str]:
        """The names of the fields one can reach below a name that is no field itself (`consent`)."""
        return sorted(name for name in self.fields if name.startswith(f"{prefix}."))

    def extended(self, more: Iterable[Field], free: Iterable[Field] = ()) -> "Catalogue":
        """This catalogue with more fields, and with more prefixes that are free."""
        return Catalogue(
            {**self.fields, **{each.name: each for each in more}},
            {**self.free, **{each.name: each for each in free}},
        )

    def personal(self, name: str) -> bool:
        """Whether a field's value must not be shown. A name nobody knows counts as personal."""
        known = self.find(name)
        return known is None or known.personal


TRIGGERS = (
    "form", "checkout_started", "webinar", "chat", "inbound_call", "referral", "reactivation", "page_visit",
    "usage", "churn_risk", "loyalty_milestone", "trial_started", "handoff", "list_upload", "manual", "crm",
)  # fmt: skip
CUSTOMER_STATUSES = ("prospect", "trial", "active", "lapsed", "churned")
OUTCOMES = ("assigned", "queued", "automated", "blocked")

_WHO = (
    Field("external_id", Kind.STRING, "The caller's own id of the lead.", personal=True),
    Field("email", Kind.STRING, "The e-mail address, in lower case.", personal=True),
    Field("email_domain", Kind.STRING, "What follows the @ of the e-mail address.", personal=True),
    Field("phone", Kind.STRING, "The telephone number in E.164 form.", personal=True),
    Field("first_name", Kind.STRING, "The first name.", personal=True),
    Field("last_name", Kind.STRING, "The last name.", personal=True),
    Field("title", Kind.STRING, "The job title.", personal=True),
    Field("company", Kind.STRING, "The company's name.", personal=True),
    Field("website", Kind.STRING, "The company's website.", personal=True),
    Field("website_domain", Kind.STRING, "The host of the website.", personal=True),
    Field("city", Kind.STRING, "The city.", personal=True),
    Field("postal_code", Kind.STRING, "The postal code, as text.", personal=True),
    Field("referrer", Kind.STRING, "The page the visitor came from.", personal=True),
    Field("crm.lead_id", Kind.STRING, "The CRM's id of the lead.", personal=True),
    Field("crm.account_id", Kind.STRING, "The CRM's id of the account.", personal=True),
    Field("crm.owner_id", Kind.STRING, "The CRM's id of the present owner.", personal=True),
)
_WHAT = (
    Field("country", Kind.STRING, "The ISO 3166 code of the country; names are understood."),
    Field("state", Kind.STRING, "The state or province."),
    Field("language", Kind.STRING, "The language, such as de."),
    Field("industry", Kind.STRING, "The industry."),
    Field("employees", Kind.INTEGER, "How many people the company employs."),
    Field("annual_revenue", Kind.NUMBER, "The company's revenue a year."),
    Field("lead_type", Kind.STRING, "What the lead asked for, such as demo_request."),
    Field("lifecycle_stage", Kind.STRING, "How far along the lead is, such as mql."),
    Field(
        "customer_status", Kind.STRING, "Where the person stands as a customer.", choices=CUSTOMER_STATUSES
    ),
    Field("tier", Kind.STRING, "The tier of the account."),
    Field("churn_risk", Kind.ANY, "How likely the customer is to leave: a number or a word."),
    Field("last_purchase_at", Kind.TIMESTAMP, "When the customer last bought."),
    Field("trial_ends_at", Kind.TIMESTAMP, "When the trial ends."),
    Field("lifetime_value", Kind.NUMBER, "What the customer has spent."),
    Field("score", Kind.NUMBER, "The caller's own score."),
    Field("product_interest", Kind.STRINGS, "The products the lead looks at."),
    Field("channel", Kind.STRING, "The marketing channel."),
    Field("source", Kind.STRING, "Where the lead came from."),
    Field("campaign", Kind.STRING, "The campaign."),
    Field("pages", Kind.STRINGS, "The pages visited."),
    Field("content", Kind.STRINGS, "The content read or watched."),
    Field("visits", Kind.INTEGER, "How often the person visited."),
    Field("last_seen_at", Kind.TIMESTAMP, "When the person was last seen."),
    Field("engagement", Kind.OBJECTS, "What the person did; `contains` looks at the names."),
    Field("consent.email", Kind.BOOLEAN, "Whether e-mail is allowed."),
    Field("consent.sms", Kind.BOOLEAN, "Whether text messages are allowed."),
    Field("consent.phone", Kind.BOOLEAN, "Whether calls are allowed."),
    Field("flags", Kind.STRINGS, "What intake noticed, such as email_malformed."),
)
_TRIGGER = Field(
    "trigger", Kind.STRING, "What happened, such as form or chat.", choices=TRIGGERS, extensible=True
)
_ACCOUNT = (
    Field("account.id", Kind.STRING, "The id of the account the lead belongs to."),
    Field("account.name", Kind.STRING, "The account's name.", personal=True),
    Field("account.tier", Kind.STRING, "The account's tier, such as named."),
    Field(
        "account.customer_status",
        Kind.STRING,
        "How the account stands as a customer.",
        choices=CUSTOMER_STATUSES,
    ),
    Field("account.owner", Kind.STRING, "The account's owner, by id."),
    Field("account.parent", Kind.STRING, "The account above it, by id."),
    Field("account.open_opportunity", Kind.ANY, "What says that an opportunity is open.", personal=True),
)
_BELOW_ACCOUNT = (
    Field("account.attributes", Kind.ANY, "The free place of the account.", personal=True),
    Field("account.roles", Kind.STRING, "The owner who has a role at the account, by id."),
    Field("account.crm", Kind.STRING, "The account's id in a CRM.", personal=True),
)
_SETTLED = (
    Field("outcome", Kind.STRING, "How the lead was settled.", choices=OUTCOMES),
    Field("step", Kind.STRING, "The name of the step that settled the lead."),
    Field("rule", Kind.STRING, "The name of the rule that settled the lead."),
    Field("team", Kind.STRING, "The team that got the lead."),
    Field("queue", Kind.STRING, "The queue the lead waits in."),
    Field("path", Kind.STRING, "The path the lead is on."),
)

LEAD = Catalogue(
    {each.name: each for each in (*_WHO, *_WHAT)},
    {
        "attributes": Field("attributes", Kind.ANY, "The free place of the workspace.", personal=True),
        "utm": Field("utm", Kind.STRING, "A UTM parameter."),
    },
)
"""What a lead itself has."""

ACCOUNT = Catalogue({}).extended(_ACCOUNT, _BELOW_ACCOUNT)
"""What the account of a lead has."""

PIPELINE = LEAD.extended([_TRIGGER, *_ACCOUNT], _BELOW_ACCOUNT)
"""What the condition of a step may ask."""

FOLLOW_UP = PIPELINE.extended(_SETTLED)
"""What the condition of a follow-up may ask: also how the lead was settled."""

LABELS = ("band", "scores")
"""Fields that a step of the pipeline adds to the lead: the steps after it may ask them."""


def labels(bands: Iterable[str], scores: Iterable[str]) -> tuple[Field, ...]:
    """The fields that the score steps of a plan add, with these names of bands and of scores."""
    points = (
        Field(f"scores.{name}", Kind.INTEGER, "Points given by a score step.")
        for name in dict.fromkeys((*scores, "total"))
    )
    band = Field("band", Kind.STRING, "The band a score step found.", choices=tuple(dict.fromkeys(bands)))
    return (band, *points)
