"""The plan document as a whole."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from app.plan.cases import PlanTest
from app.plan.findings import fault
from app.plan.follow_ups import FollowUpBlock
from app.plan.shapes import Duration, Name, Part
from app.plan.steps import Step, read_steps


class Queue(Part):
    """A place where leads without an owner wait."""

    claimable_by: Name | None = Field(
        None, description="The team whose members may claim from it; every owner when left out."
    )
    crm: dict[Name, Name] = Field(
        default_factory=dict, description="The queue's id in a CRM, by the CRM's name."
    )


class Answerable(Part):
    """Who answers for a path: a team or an owner."""

    team: Name | None = Field(None, description="A team of the directory.")
    owner: Name | None = Field(None, description="An owner of the directory, by id.")

    @model_validator(mode="after")
    def _one(self) -> "Answerable":
        if (self.team is None) == (self.owner is None):
            raise fault("one_target", "Name either a team or an owner.")
        return self


class Path(Part):
    """An automated way instead of a person."""

    answers_to: Answerable | None = Field(None, description="Who answers for what happens on it.")


class KnownPerson(Part):
    """How a person who was here before is recognised."""

    window: Duration = Field(
        timedelta(days=90), description="For how long a person stays with his owner; 0 decides everyone anew."
    )
    same_submission: Duration = Field(
        timedelta(minutes=10),
        description="Within this time a second submission counts as the same one; 0 for never.",
    )


class PlanDocument(Part):
    """A routing plan: which lead goes where, and what follows."""

    queues: dict[Name, Queue] = Field(default_factory=dict, description="The queues of this plan, by name.")
    paths: dict[Name, Path] = Field(default_factory=dict, description="The paths of this plan, by name.")
    sequences: tuple[Name, ...] | None = Field(
        None, description="The sequences there are; a follow-up that names another is refused."
    )
    campaigns: tuple[Name, ...] | None = Field(
        None, description="The campaigns there are; a follow-up that names another is refused."
    )
    known_person: KnownPerson = Field(
        default_factory=KnownPerson, description="How a person who was here before is recognised."
    )
    pipeline: Annotated[tuple[Step, ...], PlainValidator(read_steps), WithJsonSchema({"type": "array"})] = (
        Field(description="The steps, tried in order; the first that can take the lead settles it.")
    )
    follow_up: tuple[FollowUpBlock, ...] = Field(
        (), description="What the caller is asked to do once a lead is settled."
    )
    tests: tuple[PlanTest, ...] = Field(
        (), description="Cases this plan must decide as written, or it is not published."
    )
