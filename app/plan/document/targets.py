"""Where a step sends a lead."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from app.plan.findings import fault, quote
from app.plan.language.fields import Kind
from app.plan.language.shapes import Name, Parser, Part, Priority, Words

TargetKind = Literal["team", "owner", "queue", "path", "block"]
Pick = Literal["round_robin", "least_loaded", "longest_idle"]
OffHours = Literal["assign", "hold", "next"]

KINDS: tuple[TargetKind, ...] = ("team", "owner", "queue", "path", "block")
_HANDED_ON = ("priority", "sla")
ALWAYS_SETTLES = frozenset(("queue", "path", "block"))
"""Kinds of target that take every lead. A team or an owner passes when nobody is free."""


def _flat(rungs: tuple["Target", ...]) -> tuple["Target", ...]:
    for position, rung in enumerate(rungs):
        if rung.else_:
            text = "Put these targets next in the list: a target under else has no else of its own."
            raise fault("misplaced_field", text, f"[{position}].else")
    return rungs


def _matched(names: Words, info: ValidationInfo) -> Words:
    # Without surroundings the names were read before, in the step they come from.
    if isinstance(info.context, Parser):
        for position, name in enumerate(names):
            field = info.context.pipeline.find(name)
            if field is None or field.kind is not Kind.STRING:
                text = f"Match by a field that holds one text, such as language, not by {quote(name)}."
                raise fault("unknown_field", text, f"[{position}]")
    return names


MATCHED = (
    "Fields in which the member must match the lead: he must speak its `language`, and have the value of any "
    "other field as a skill. A lead without the field asks for nothing."
)
MatchedFields = Annotated[Words, AfterValidator(_matched)]


class Target(Part):
    """Where a lead goes: exactly one of `team`, `owner`, `queue`, `path` and `block`."""

    team: Name | None = Field(
        None, description="A team of the directory; one of its eligible members is picked."
    )
    owner: Name | None = Field(None, description="An owner of the directory, by id.")
    queue: Name | None = Field(None, description="A queue of this plan, where the lead waits to be claimed.")
    path: Name | None = Field(None, description="A path of this plan: an automated way instead of a person.")
    block: Name | None = Field(None, description="The list this lead is blocked by; nobody gets it.")
    pick: Pick | None = Field(None, description="How a member is picked; the team's own way when left out.")
    priority: Priority = Field(
        0,
        description="0 to 100; what waits with a higher priority goes first. "
        "A target under else has the priority of the first unless it names its own.",
    )
    skills: Words = Field((), description="Skills a member must have, all of them.")
    languages: Words = Field(
        (), description="Languages a member must speak, all of them; of `de-AT` the `de` counts."
    )
    match: MatchedFields = Field((), description=MATCHED)
    off_hours: OffHours | None = Field(
        None,
        description="What happens while nobody there is on shift: assign (when left out), hold in the "
        "built-in queue until the next shift begins, or next. An owner who is named is asked only if "
        "this is hold or next.",
    )
    sla: Name | None = Field(
        None,
        description="The SLA of the owner who gets it. A target under else has that of the first unless it "
        "names its own.",
    )
    else_: Annotated[tuple["Target", ...], AfterValidator(_flat)] = Field(
        (),
        alias="else",
        description="Targets to try in order when nobody in the one before can take the lead.",
    )

    @model_validator(mode="after")
    def _one(self) -> "Target":
        named = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(named) != 1:
            raise fault("exactly_one", "Name exactly one of team, owner, queue, path and block.")
        if named[0] != "team" and (self.pick or self.skills or self.languages or self.match):
            raise fault(
                "misplaced_field", "Write pick, skills, languages and match only where a team is named."
            )
        if self.off_hours and named[0] not in ("team", "owner"):
            raise fault("misplaced_field", "Write off_hours only where a team or an owner is named.")
        return self

    @cached_property
    def kind(self) -> TargetKind:
        """Which of the five it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def name(self) -> str:
        """The name of the team, queue or path, the id of the owner, or the name of the blocking list."""
        return str(getattr(self, self.kind))

    @cached_property
    def otherwise(self) -> tuple["Target", ...]:
        """The targets under `else`, with the priority and the SLA they take over from this one."""
        return tuple(self._handed(rung) for rung in self.else_)

    def _handed(self, rung: "Target") -> "Target":
        kept = {name: getattr(self, name) for name in _HANDED_ON if name not in rung.model_fields_set}
        return rung.model_copy(update=kept) if kept else rung

    @property
    def settles(self) -> bool:
        """Whether it takes every lead, its `else` left aside."""
        return self.kind in ALWAYS_SETTLES


Rungs = Annotated[tuple[Target, ...], AfterValidator(_flat)]
"""What stands under `else`."""
