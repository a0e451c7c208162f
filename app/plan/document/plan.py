"""The plan document."""

from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator

from app.plan.document.accounts import Accounts
from app.plan.document.attribution import Attribution
from app.plan.document.contact import ConsentDefaults, FrequencyCap, QuietHoursConfig
from app.plan.document.enrichment import Enrichment
from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.junk import JunkSettings
from app.plan.document.life import CloseOn, Handoffs, OnEvent, SomeTime
from app.plan.document.own_fields import OwnFields, read_own_fields
from app.plan.document.plan_tests import PlanTest
from app.plan.document.products import Product
from app.plan.document.queues import Queue
from app.plan.document.rejects import RejectReason
from app.plan.document.same_company import CompanyWindow, ProbablePersons
from app.plan.document.scoring import PointsRow, ScoreConfig, ScoreName, missing_scores
from app.plan.document.slas import Sla, SlaRule
from app.plan.document.steps import PlanStep, read_steps
from app.plan.findings import Faults, fault, quote
from app.plan.language.event_types import CLOSING
from app.plan.language.shapes import (
    Duration,
    Name,
    Part,
    PlanContext,
    StepCondition,
    Words,
    hand_written,
    once,
)


class Accountable(Part):
    """The team or owner who is accountable for a path."""

    team: Name | None = Field(None, description="A team of the directory.")
    owner: Name | None = Field(None, description="An owner of the directory, by id.")

    @model_validator(mode="after")
    def _one(self) -> "Accountable":
        if (self.team is None) == (self.owner is None):
            raise fault("exactly_one", "Exactly one of team and owner is required.")
        return self


class Path(Part):
    """A path: an automated treatment instead of an owner."""

    accountable: Accountable | None = Field(
        None, description="The team or owner who is accountable for the leads on it."
    )
    sla: Name | None = Field(
        None, description="The SLA whose `claim` says until when somebody takes a lead from it."
    )


class RerouteWhen(Part):
    """Returning leads that are rerouted."""

    when: StepCondition = Field(description="The leads to reroute. Bands and points are not available here.")


def _known_fields(names: Words, info: ValidationInfo) -> Words:
    # Without a context the names come from a plan that was checked already.
    if isinstance(info.context, PlanContext):
        for position, name in enumerate(names):
            lead = info.context.pipeline
            if lead.find(name) is None and name not in lead.free and not lead.below(name):
                raise fault("unknown_field", f"Unknown field {quote(name)}.", f"[{position}]")
    return names


KeyName = Literal["external_id", "crm_lead_id", "email", "phone"]
MatchBy = Annotated[tuple[KeyName, ...], AfterValidator(once)]
NotNews = Annotated[Words, AfterValidator(_known_fields)]
Kept = Annotated[tuple[Literal["account_owner", "previous_owner"], ...], AfterValidator(once)]


class ReturningLeads(Part):
    """How to treat a lead that was here before."""

    window: Duration = Field(
        timedelta(days=90),
        description="How long a lead keeps its owner after a decision. 0 reroutes every lead.",
    )
    duplicate_window: Duration = Field(
        timedelta(minutes=10),
        description="The time within which a second submission is a duplicate, unless it says something new "
        "in a field that the plan reads. 0 turns this off.",
    )
    match_by: MatchBy = Field(
        get_args(KeyName),
        description="The keys that join a lead with an earlier one. The strongest comes first, whatever the "
        "order here.",
    )
    external_id_sources: dict[Name, Literal["person", "submission"]] = Field(
        default_factory=dict,
        description="What the external ids of a source stand for. Two ids of a `person` source are two "
        "people. Ids of a `submission` source join nobody. Without an entry, equal ids are one lead, and "
        "different ids say nothing. The source of a lead is its `external_id_source`, else the id of the API "
        "key.",
    )
    probable: ProbablePersons | None = Field(
        None, description="Whether new leads are compared by name. The default is that they are not."
    )
    not_news: NotNews = Field(
        (),
        description="Fields in which a change is not news. A repeat that brings nothing else is a duplicate. "
        "Ids of leads and submissions, times, click ids and UTM parameters are never news.",
    )
    keep_owner: Kept = Field(
        ("previous_owner",),
        description="Who gets a returning lead that had an owner: the first of these who is available. The "
        "account owner is found by the first `account` step. An empty list reroutes the lead. A duplicate "
        "always keeps its decision.",
    )
    reroute_when: tuple[RerouteWhen, ...] = Field(
        (),
        description="Returning leads that match one of these conditions are rerouted. A duplicate always "
        "keeps its decision; a lead that matches only since its last submission is none.",
    )


def _own_fields(value: object) -> OwnFields:
    return value if isinstance(value, OwnFields) else read_own_fields(value)


class PlanDocument(Part):
    """A routing plan: where each lead goes, and what happens next."""

    comment: Annotated[str, Field(strict=True, max_length=1000)] | None = Field(
        None, description="Why this version exists. It becomes the comment of the version."
    )
    queues: dict[Name, Queue] = Field(default_factory=dict, description="The queues of this plan, by name.")
    paths: dict[Name, Path] = Field(default_factory=dict, description="The paths of this plan, by name.")
    sequences: tuple[Name, ...] | None = Field(
        None, description="The sequences that exist. A follow-up that names another one is an error."
    )
    campaigns: tuple[Name, ...] | None = Field(
        None, description="The campaigns that exist. A follow-up that names another one is an error."
    )
    products: dict[Name, Product] = Field(
        default_factory=dict, description="The products of this plan, by name."
    )
    slas: dict[Name, Sla] = Field(
        default_factory=dict,
        description="The SLAs of this plan, by name.",
    )
    sla_rules: tuple[SlaRule, ...] = Field(
        (), description="The SLA of a lead whose step sets none. The first rule that matches counts."
    )
    reject_reasons: dict[Name, RejectReason] = Field(
        default_factory=dict,
        description="The reasons for which an owner may reject a lead, by name. There are no others.",
    )
    max_refunds_per_day: Annotated[int, Field(strict=True, ge=0, le=1000)] | None = Field(
        None,
        description="How many refunds an owner gets per day of their time zone. Beyond it a reject is "
        "accepted without a refund. The default is no limit.",
    )
    reject_after_touch: bool = Field(
        False, description="Whether an owner may still reject a lead after its first touch.", strict=True
    )
    refund_take_aways: bool = Field(
        False,
        description="Whether an owner gets their turn back when an SLA takes a lead away.",
        strict=True,
    )
    attribution: Attribution = Field(
        Attribution(), description="How tags, click ids and referrers become a channel."
    )
    returning_leads: ReturningLeads = Field(
        default_factory=ReturningLeads, description="How to treat a lead that was here before."
    )
    same_company: CompanyWindow = Field(
        None,
        description="The time in which colleagues get one owner: a new lead of a company that is no account "
        "goes to the owner of the newest lead of that company. The default is none.",
    )
    count: Literal["per_lead", "per_company"] | None = Field(
        None, description="The same as `count` of `same_company`."
    )
    accounts: Accounts | None = Field(None, description="How leads are matched to accounts.")
    junk: JunkSettings | None = Field(None, description="What follows when a lead looks like junk.")
    enrichment: Enrichment | None = Field(
        None, description="Who is asked for facts that a lead came without."
    )
    fields: Annotated[OwnFields, PlainValidator(_own_fields), hand_written("fields")] = Field(
        default_factory=OwnFields,
        description="Types of custom attributes, and derived fields, by name.",
    )
    scores: dict[ScoreName, Annotated[tuple[PointsRow, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="The scores of this plan, by name."
    )
    pipeline: Annotated[tuple[PlanStep, ...], PlainValidator(read_steps), hand_written("pipeline")] = Field(
        description="The steps, in order. The first step that can take the lead decides."
    )
    follow_up: tuple[FollowUpBlock, ...] = Field(
        (), description="The actions for the caller after a decision."
    )
    consent: ConsentDefaults = Field(
        default_factory=ConsentDefaults, description="What needs a consent, besides actions that name one."
    )
    quiet_hours: QuietHoursConfig | None = Field(
        None, description="When nobody is contacted, in the time zone of the person."
    )
    frequency: Annotated[tuple[FrequencyCap, ...], Field(max_length=20)] = Field(
        (), description="How often a person is contacted at most. All of them hold."
    )
    on_event: OnEvent = Field(
        default_factory=dict,
        description="The actions for the caller after an event, by the type of the event. The type idle "
        "stands for a lead that `close_idle` closed.",
    )
    handoffs: Handoffs = Field(
        (), description="Second assignments that an event makes, such as from an SDR to an AE."
    )
    close_on: CloseOn = Field(
        CLOSING, description="The facts that close an assignment. An event `closed` always does."
    )
    close_idle: SomeTime | None = Field(
        None,
        description="How long nobody works on an owner's lead before it is closed. The default is never.",
    )
    max_snooze: SomeTime = Field(
        timedelta(days=14), description="How far ahead an owner can put a lead off by an event `snoozed`."
    )
    signal_window: SomeTime = Field(
        timedelta(hours=4),
        description="The time in which an owner is told of signals of one lead, and in which signals make a "
        "lead decided again, at most once.",
    )
    tests: tuple[PlanTest, ...] = Field(
        (), description="Tests that must pass before this plan can be published."
    )

    @model_validator(mode="after")
    def _scored(self) -> "PlanDocument":
        findings = [
            finding.under(f"pipeline[{position}].{step.strategy}")
            for position, step in enumerate(self.pipeline)
            if isinstance(step.config, ScoreConfig)
            for finding in missing_scores(step.config, self.scores)
        ]
        if findings:
            raise Faults(*findings)
        return self
