"""The field catalog: the fields a condition may test, with their types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The type of a field. It determines the operators."""

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
    """One field. Traces and sentences name `personal` fields, but do not show their values.

    `choices` is the closed set of values. `extensible` also allows values that start with `x-`.
    """

    name: str
    kind: Kind
    description: str
    personal: bool = False
    choices: tuple[str, ...] = ()
    extensible: bool = False


@dataclass(frozen=True)
class Catalog:
    """Fields by dotted name, and prefixes below which every name is a field (`attributes.`, `utm.`)."""

    fields: Mapping[str, Field]
    free: Mapping[str, Field] = field(default_factory=dict)

    def find(self, name: str) -> Field | None:
        """The field of this dotted name, or None."""
        known = self.fields.get(name)
        if known is not None:
            return known
        for prefix, free in self.free.items():
            rest = name.removeprefix(f"{prefix}.")
            if rest != name and rest and not rest.startswith("."):
                return Field(name, free.kind, free.description, free.personal)
        return None

    def below(self, prefix: str) -> list[str]:
        """The names of the fields below a name that is not a field itself (`consent`)."""
        return sorted(name for name in self.fields if name.startswith(f"{prefix}."))

    def extended(self, more: Iterable[Field], free: Iterable[Field] = ()) -> "Catalog":
        """This catalog with more fields and more free prefixes."""
        return Catalog(
            {**self.fields, **{each.name: each for each in more}},
            {**self.free, **{each.name: each for each in free}},
        )

    def personal(self, name: str) -> bool:
        """Whether the value of a field must not be shown. Unknown fields are personal."""
        known = self.find(name)
        return known is None or known.personal


FLAGS = (
    "email_malformed", "phone_malformed", "phone_implausible", "website_malformed", "country_unknown",
    "state_unknown", "postal_code_invalid", "language_unknown", "number_unreadable", "number_ambiguous",
    "boolean_unreadable", "consent_unreadable", "date_unreadable", "date_ambiguous", "honeypot_filled",
    "submitted_in_future",
)  # fmt: skip
"""Everything that intake can say about a value it could not read or does not trust."""
EMAIL_FLAGS = ("role", "free", "disposable", "relay", "list_conflict", "misspelled")
"""What the local part and the domain of an e-mail address say."""
SENIORITIES = (
    "intern", "assistant", "owner", "c_level", "vp", "partner", "head", "director", "manager", "senior",
    "junior",
)  # fmt: skip
"""What a job title says of rank. Of several the first one counts."""
FUNCTIONS = (
    "sales", "marketing", "engineering", "it", "product", "data", "design", "finance", "hr", "legal",
    "operations", "procurement", "customer_success", "consulting", "research", "education", "medical",
    "project_management", "administration", "general_management",
)  # fmt: skip
"""What a job title says of the work."""
CHANNELS = (
    "Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video", "Display",
    "Paid Other", "AI Assistants", "Organic Shopping", "Organic Social", "Organic Video", "Organic Search",
    "Referral", "Email", "Affiliates", "Audio", "SMS", "Mobile Push Notifications", "Unassigned",
)  # fmt: skip
"""Every channel that intake finds."""
TRIGGERS = (
    "form", "checkout_started", "webinar", "chat", "inbound_call", "referral", "reactivation", "page_visit",
    "usage", "churn_risk", "loyalty_milestone", "trial_started", "handoff", "list_upload", "manual", "crm",
    "crm_created",
)  # fmt: skip
CUSTOMER_STATUSES = ("prospect", "trial", "active", "lapsed", "churned")
STATES = ("granted", "withdrawn", "complained")
OUTCOMES = ("assigned", "queued", "automated", "blocked")

_WHO = (
    Field("external_id", Kind.STRING, "The caller's id of the lead.", personal=True),
    Field("external_id_source", Kind.STRING, "The system that the external id comes from."),
    Field("submission_id", Kind.STRING, "The id of the newest form submission.", personal=True),
    Field("email", Kind.STRING, "The e-mail address, in lower case.", personal=True),
    Field("ip", Kind.STRING, "The address from which the visitor sent the form.", personal=True),
    Field("email_domain", Kind.STRING, "The part of the e-mail address after the @.", personal=True),
    Field("phone", Kind.STRING, "The phone number in E.164 format.", personal=True),
    Field("first_name", Kind.STRING, "The first name.", personal=True),
    Field("last_name", Kind.STRING, "The last name.", personal=True),
    Field("title", Kind.STRING, "The job title.", personal=True),
    Field("company", Kind.STRING, "The name of the company.", personal=True),
    Field("website", Kind.STRING, "The website of the company.", personal=True),
    Field("website_domain", Kind.STRING, "The host name of the website.", personal=True),
    Field("city", Kind.STRING, "The city.", personal=True),
    Field("postal_code", Kind.STRING, "The postal code, in the form of its country.", personal=True),
    Field("referrer", Kind.STRING, "The page the visitor came from.", personal=True),
    Field("landing_page", Kind.STRING, "The page where the visit began, with its parameters.", personal=True),
    Field("crm.lead_id", Kind.STRING, "The CRM's id of the lead.", personal=True),
    Field("crm.account_id", Kind.STRING, "The CRM's id of the account.", personal=True),
    Field("crm.owner_id", Kind.STRING, "The CRM's id of the current owner.", personal=True),
)
_WHAT = (
    Field("country", Kind.STRING, "The ISO 3166 code of the country. Names are converted."),
    Field("state", Kind.STRING, "The state or province, by ISO 3166-2. Names are converted."),
    Field(
        "language",
        Kind.STRING,
        "The language, such as de. Names are converted. A list, if the lead names several.",
    ),
    Field("industry", Kind.STRING, "The industry. Conditions compare the names of one list."),
    Field("employees", Kind.INTEGER, "The number of employees of the company."),
    Field("annual_revenue", Kind.NUMBER, "The annual revenue of the company."),
    Field("lead_type", Kind.STRING, "What the lead asked for, such as demo_request."),
    Field("lifecycle_stage", Kind.STRING, "The lifecycle stage, such as mql."),
    Field("customer_status", Kind.STRING, "The status of the lead as a customer.", choices=CUSTOMER_STATUSES),
    Field("tier", Kind.STRING, "The tier of the account."),
    Field("churn_risk", Kind.ANY, "The risk that the customer leaves: a number or a word."),
    Field("last_purchase_at", Kind.TIMESTAMP, "The time of the last purchase."),
    Field("trial_ends_at", Kind.TIMESTAMP, "The end of the trial."),
    Field("lifetime_value", Kind.NUMBER, "The total the customer has spent."),
    Field("score", Kind.NUMBER, "The score the caller sends."),
    Field("product_interest", Kind.STRINGS, "The products the lead is interested in."),
    Field("channel", Kind.STRING, "The marketing channel."),
    Field("source", Kind.STRING, "Where the lead came from."),
    Field("campaign", Kind.STRING, "The campaign."),
    Field("form", Kind.STRING, "The form that was sent, by its id or name."),
    Field("pages", Kind.STRINGS, "The pages the lead visited."),
    Field("content", Kind.STRINGS, "The content the lead read or watched."),
    Field("visits", Kind.INTEGER, "The number of visits."),
    Field("last_seen_at", Kind.TIMESTAMP, "The time of the last visit."),
    Field("submitted_at", Kind.TIMESTAMP, "When the person sent the form, if the sender says so."),
    Field("engagement", Kind.OBJECTS, "What the lead did. `contains` compares the names."),
    Field("consent.email", Kind.BOOLEAN, "Whether e-mail is allowed."),
    Field("consent.sms", Kind.BOOLEAN, "Whether text messages are allowed."),
    Field("consent.phone", Kind.BOOLEAN, "Whether calls are allowed."),
    Field("preferences.email", Kind.STRING, "What the person said last about e-mail.", choices=STATES),
    Field("preferences.sms", Kind.STRING, "What they said last about text messages.", choices=STATES),
    Field("preferences.phone", Kind.STRING, "What they said last about calls.", choices=STATES),
    Field("preferences.chat", Kind.STRING, "What they said last about chat.", choices=STATES),
    Field("preferences.withdrawn", Kind.STRINGS, "The channels and topics that are closed."),
    Field("timezone", Kind.STRING, "The IANA time zone of the person."),
    Field("flags", Kind.STRINGS, "Findings of intake, such as email_malformed."),
)
_QUALITY = (
    Field(
        "contact.email",
        Kind.STRING,
        "Whether the e-mail address can receive mail, by its form.",
        choices=("valid", "invalid", "missing"),
    ),
    Field("contact.email_flags", Kind.STRINGS, "What the address is: " + ", ".join(EMAIL_FLAGS) + "."),
    Field(
        "contact.phone",
        Kind.STRING,
        "Whether the phone number can be somebody's.",
        choices=("valid", "invalid", "implausible", "missing"),
    ),
    Field("geo_conflict", Kind.BOOLEAN, "Whether the fields about the place contradict one another."),
    Field(
        "geo_conflict_parts",
        Kind.STRINGS,
        "The fields that contradict the country: state, postal_code, phone.",
    ),
)
_JOB = (
    Field("seniority", Kind.STRING, "The rank that the job title says.", choices=SENIORITIES),
    Field("function", Kind.STRING, "The kind of work that the job title says.", choices=FUNCTIONS),
)
_ATTRIBUTION = (
    Field("attribution.source", Kind.STRING, "The source by tags, click ids and referrer, such as google."),
    Field("attribution.medium", Kind.STRING, "The medium, such as cpc."),
    Field(
        "attribution.channel", Kind.STRING, "The channel, such as Paid Search; Unassigned if no rule fits."
    ),
    Field("attribution.campaign", Kind.STRING, "The campaign."),
    Field(
        "attribution.by",
        Kind.STRING,
        "What decided.",
        choices=("channel", "utm", "click_id", "referrer", "landing_page"),
    ),
    Field("attribution.conflicts", Kind.STRINGS, "What was sent and says something else, such as click_id."),
)
_JUNK = (
    Field("junk_score", Kind.INTEGER, "How likely the lead is junk, in points."),
    Field(
        "junk_parts", Kind.STRINGS, "The signs that the lead is junk, such as honeypot or disposable_email."
    ),
    Field("junk_cleared", Kind.BOOLEAN, "Whether a person said that the lead is no junk, by unblocking it."),
)
DERIVED = (
    "attribution",
    "contact",
    "geo_conflict",
    "geo_conflict_parts",
    "junk_parts",
    "seniority",
    "function",
)
"""Fields of a lead that intake makes of others. They are made again when the others change."""
_TRIGGER = Field(
    "trigger",
    Kind.STRING,
    "The event that brought the lead, such as form or chat.",
    choices=TRIGGERS,
    extensible=True,
)
_ACCOUNT = (
    Field("account.id", Kind.STRING, "The id of the account of the lead."),
    Field("account.name", Kind.STRING, "The name of the account.", personal=True),
    Field("account.tier", Kind.STRING, "The tier of the account, such as named."),
    Field(
        "account.customer_status",
        Kind.STRING,
        "The status of the account as a customer.",
        choices=CUSTOMER_STATUSES,
    ),
    Field("account.owner", Kind.STRING, "The owner of the account, by id."),
    Field("account.parent", Kind.STRING, "The parent account, by id."),
    Field("account.country", Kind.STRING, "The country of the account, by ISO 3166."),
    Field("account.city", Kind.STRING, "The city of the account.", personal=True),
    Field("account.postal_code", Kind.STRING, "The postal code of the account.", personal=True),
    Field("account.agency", Kind.BOOLEAN, "Whether the people of the account work for other companies."),
    Field("account.open_opportunity", Kind.ANY, "A value says that an opportunity is open.", personal=True),
)
_BELOW_ACCOUNT = (
    Field("account.attributes", Kind.ANY, "A custom attribute of the account.", personal=True),
    Field("account.roles", Kind.STRING, "The owner with a role at the account, by id."),
    Field("account.crm", Kind.STRING, "The id of the account in a CRM.", personal=True),
)
_SETTLED = (
    Field("outcome", Kind.STRING, "The outcome of the decision.", choices=OUTCOMES),
    Field("step", Kind.STRING, "The name of the step that decided."),
    Field("rule", Kind.STRING, "The name of the rule that decided."),
    Field("team", Kind.STRING, "The team that got the lead."),
    Field("queue", Kind.STRING, "The queue the lead waits in."),
    Field("path", Kind.STRING, "The path the lead is on."),
)

LEAD = Catalog(
    {each.name: each for each in (*_WHO, *_WHAT, *_QUALITY, *_JOB, *_ATTRIBUTION, *_JUNK)},
    {
        "attributes": Field("attributes", Kind.ANY, "A custom attribute.", personal=True),
        "utm": Field("utm", Kind.STRING, "A UTM parameter."),
        "click_ids": Field("click_ids", Kind.STRING, "A click id, such as gclid.", personal=True),
    },
)
"""The fields of a lead."""

ACCOUNT = Catalog({}).extended(_ACCOUNT, _BELOW_ACCOUNT)
"""The fields of the account of a lead."""

_REVIEW = Field("review", Kind.BOOLEAN, "Whether it is in doubt who the lead is, such as which account.")
PIPELINE = LEAD.extended([_TRIGGER, _REVIEW, *_ACCOUNT], _BELOW_ACCOUNT)
"""The fields the condition of a step may test."""

FOLLOW_UP = PIPELINE.extended(_SETTLED)
"""The fields the condition of a follow-up may test: also the decision."""

LABELS = ("band", "scores")
"""Fields that a score step adds to the lead, for the steps after it."""


def labels(bands: Iterable[str], scores: Iterable[str]) -> tuple[Field, ...]:
    """The fields that the score steps of a plan add, for these bands and scores."""
    points = (
        Field(f"scores.{name}", Kind.INTEGER, "Points given by a score step.")
        for name in dict.fromkeys((*scores, "total"))
    )
    band = Field("band", Kind.STRING, "The band of the lead.", choices=tuple(dict.fromkeys(bands)))
    return (band, *points)
