"""The plan document as a whole."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator

from app.plan.document.follow_ups import FollowUpBlock
from app.plan.document.own_fields import TYPES, OwnFields, read_own_fields
from app.plan.document.plan_tests import PlanTest
from app.plan.document.products import Product
from app.plan.document.scoring import PointsRow, ScoreConfig, ScoreName, missing_scores
from app.plan.document.slas import Sla, SlaRule
from app.plan.document.steps import PlanStep, read_steps
from app.plan.findings import Faults, fault
from app.plan.language.shapes import CONDITION_MARK, Duration, Name, Part, StepCondition, once


class Queue(Part):
    """A place where leads without an owner wait."""

    claimable_by: Name | None = Field(
        None, description="The team whose members may claim from it; every owner when left out."
    )
    crm: dict[Name, Name] = Field(
        default_factory=dict, description="The queue's id in a CRM, by the CRM's name."
    )


class Accountable(Part):
    """Who answers for a path: a team or an owner."""

    team: Name | None = Field(None, description="A team of the directory.")
    owner: Name | None = Field(None, description="An owner of the directory, by id.")

    @model_validator(mode="after")
    def _one(self) -> "Accountable":
        if (self.team is None) == (self.owner is None):
            raise fault("exactly_one", "Name either a team or an owner.")
        return self


class Path(Part):
    """An automated way instead of a person."""

    accountable: Accountable | None = Field(None, description="Who answers for what happens on it.")


class RerouteWhen(Part):
    """Leads that are decided anew though the person is known."""

    when: StepCondition = Field(description="Which leads; before the pipeline no lead has a band or points.")


Kept = Annotated[tuple[Literal["account_owner", "previous_owner"], ...], AfterValidator(once)]


class ReturningLeads(Part):
    """How a person who was here before is matched."""

    window: Duration = Field(
        timedelta(days=90), description="For how long a person stays with his owner; 0 decides everyone anew."
    )
    duplicate_window: Duration = Field(
        timedelta(minutes=10),
        description="Within this time a second submission counts as the same one; 0 for never.",
    )
    keep_owner: Kept = Field(
        ("previous_owner",),
        description="Who gets a known person that had an owner: the first of these who is there. The "
        "account's owner is who the plan's first step for accounts makes responsible. Empty, he is decided "
        "anew. A second submission of the same one stays what it is.",
    )
    reroute_when: tuple[RerouteWhen, ...] = Field(
        (),
        description="Known persons whose lead meets one of these conditions are decided anew. A second "
        "submission of the same one stays what it is.",
    )


def _own_fields(value: object) -> OwnFields:
    return value if isinstance(value, OwnFields) else read_own_fields(value)


_WORDS_OF_A_FIELD = {"type": "string", "minLength": 1, "maxLength": 255}
_ONE_VALUE = {"type": ["string", "number", "boolean"]}
_FIELDS_SCHEMA = {
    "type": "object",
    "patternProperties": {
        r"^attributes(\..+)$": {
            "type": "object",
            "properties": {"type": {"enum": list(TYPES), "description": "The type of the attribute."}},
            "required": ["type"],
            "additionalProperties": False,
        },
        "^[A-Za-z][A-Za-z0-9_]*$": {
            "anyOf": [
                {
                    "type": "object",
                    "description": "Words, each with the values of another field that lead to it.",
                    "properties": {
                        "from": {"type": "string", "description": "The field it is derived from."}
                    },
                    "required": ["from"],
                    "additionalProperties": {
                        "anyOf": [_ONE_VALUE, {"type": "array", "minItems": 1, "items": _ONE_VALUE}]
                    },
                },
                {
                    "type": "array",
                    "description": "Cases; the first that holds gives the word.",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "when": {"$comment": CONDITION_MARK, "description": "Every lead when left out."},
                            "value": {**_WORDS_OF_A_FIELD, "description": "The word."},
                        },
                        "required": ["value"],
                        "additionalProperties": False,
                    },
                },
            ]
        },
    },
    "additionalProperties": False,
}


class PlanDocument(Part):
    """A routing plan: which lead goes where, and what follows."""

    comment: Annotated[str, Field(strict=True, max_length=1000)] | None = Field(
        None, description="Why this version exists. It becomes the comment of the version."
    )
    queues: dict[Name, Queue] = Field(default_factory=dict, description="The queues of this plan, by name.")
    paths: dict[Name, Path] = Field(default_factory=dict, description="The paths of this plan, by name.")
    sequences: tuple[Name, ...] | None = Field(
        None, description="The sequences there are; a follow-up that names another is refused."
    )
    campaigns: tuple[Name, ...] | None = Field(
        None, description="The campaigns there are; a follow-up that names another is refused."
    )
    products: dict[Name, Product] = Field(
        default_factory=dict, description="The products that attract the same people, by name."
    )
    slas: dict[Name, Sla] = Field(
        default_factory=dict,
        description="How much of his working time an owner has to accept and to touch a lead, by name.",
    )
    sla_rules: tuple[SlaRule, ...] = Field(
        (), description="Which SLA holds where the step names none; the first that fits counts."
    )
    returning_leads: ReturningLeads = Field(
        default_factory=ReturningLeads, description="How a person who was here before is matched."
    )
    fields: Annotated[OwnFields, PlainValidator(_own_fields), WithJsonSchema(_FIELDS_SCHEMA)] = Field(
        default_factory=OwnFields,
        description="Types of custom attributes, and fields derived from others, by name.",
    )
    scores: dict[ScoreName, Annotated[tuple[PointsRow, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="What gives points, by the name of the score."
    )
    pipeline: Annotated[
        tuple[PlanStep, ...], PlainValidator(read_steps), WithJsonSchema({"type": "array"})
    ] = Field(description="The steps, tried in order; the first that can take the lead settles it.")
    follow_up: tuple[FollowUpBlock, ...] = Field(
        (), description="What the caller is asked to do once a lead is settled."
    )
    tests: tuple[PlanTest, ...] = Field(
        (), description="Cases this plan must decide as written, or it is not published."
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
