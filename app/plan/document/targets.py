"""Targets: where a step sends a lead."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from app.plan.findings import fault, quote
from app.plan.language.fields import Kind
from app.plan.language.shapes import Name, Part, PlanContext, Priority, Words

TargetKind = Literal["team", "owner", "current_owner", "queue", "path", "block"]
Pick = Literal["round_robin", "least_loaded", "longest_idle"]
OffHours = Literal["assign", "hold", "next"]

KINDS: tuple[TargetKind, ...] = ("team", "owner", "current_owner", "queue", "path", "block")
CURRENT_OWNER: TargetKind = "current_owner"
_INHERITED = ("priority", "sla")
ALWAYS_SETTLES = frozenset(("queue", "path", "block"))
"""Kinds of target that take every lead. A team or an owner may be unavailable."""


def _flat(rungs: tuple["Target", ...]) -> tuple["Target", ...]:
    for position, rung in enumerate(rungs):
        if rung.else_:
            text = "A target under else cannot have its own else. Add these targets to the list."
            raise fault("misplaced_field", text, f"[{position}].else")
    return rungs


def _matched(names: Words, info: ValidationInfo) -> Words:
    # Without a context the names come from a step that checked them already.
    if isinstance(info.context, PlanContext):
        for position, name in enumerate(names):
            field = info.context.pipeline.find(name)
            if field is None or field.kind is not Kind.STRING:
                text = f"Cannot match by {quote(name)}. Use a field of type string, such as language."
                raise fault("unknown_field", text, f"[{position}]")
    return names


MATCHED = (
    "Fields in which a member must match the lead. The member must speak its `language`, and have the value "
    "of any other field as a skill. A field the lead does not have is ignored."
)
MatchedFields = Annotated[Words, AfterValidator(_matched)]


class Target(Part):
    """Where a lead goes: exactly one of `team`, `owner`, `current_owner`, `queue`, `path` and `block`."""

    team: Name | None = Field(
        None, description="A team of the directory. One of its eligible members gets the lead."
    )
    owner: Name | None = Field(None, description="An owner of the directory, by id.")
    current_owner: Literal[True] | None = Field(
        None,
        description="The owner who has the lead, or had it last. For a new lead, the owner whose id or CRM "
        "id the caller sends as `crm.owner_id`. Caps and pauses do not count. Without such an owner, or if "
        "they are absent or inactive, the next target is tried.",
    )
    queue: Name | None = Field(None, description="A queue of this plan, where the lead waits to be claimed.")
    path: Name | None = Field(
        None, description="A path of this plan: an automated treatment instead of an owner."
    )
    block: Name | None = Field(None, description="The blocking list that stops this lead. Nobody gets it.")
    pick: Pick | None = Field(
        None, description="How a member is picked. The default is the team's own setting."
    )
    priority: Priority = Field(
        0,
        description="The priority of the lead in a queue, 0 to 100. Higher goes first. "
        "A target under else inherits it unless it sets its own.",
    )
    skills: Words = Field((), description="Skills a member must have. All of them are required.")
    languages: Words = Field(
        (), description="Languages a member must speak. All of them are required. `de-AT` counts as `de`."
    )
    match: MatchedFields = Field((), description=MATCHED)
    off_hours: OffHours | None = Field(
        None,
        description="What to do while nobody there is on shift: assign (the default), hold in the built-in "
        "queue until the next shift begins, or next. For a named owner only hold and next look at the shift.",
    )
    sla: Name | None = Field(
        None,
        description="The SLA of the owner who gets the lead. A target under else inherits it unless it sets "
        "its own.",
    )
    else_: Annotated[tuple["Target", ...], AfterValidator(_flat)] = Field(
        (),
        alias="else",
        description="The targets to try, in order, when nobody in the previous one can take the lead.",
    )

    @model_validator(mode="after")
    def _one(self) -> "Target":
        named = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(named) != 1:
            raise fault("exactly_one", f"Exactly one of {', '.join(KINDS[:-1])} and {KINDS[-1]} is required.")
        if named[0] != "team" and (self.pick or self.skills or self.languages or self.match):
            raise fault("misplaced_field", "Remove pick, skills, languages and match. They need a team.")
        if self.off_hours and named[0] not in ("team", "owner"):
            raise fault("misplaced_field", "Remove off_hours. It needs a team or an owner.")
        return self

    @cached_property
    def kind(self) -> TargetKind:
        """The kind of the target."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def name(self) -> str:
        """The name of the team, queue, path or blocking list, or the id of the owner.

        The current owner has no name before a lead is decided.
        """
        return self.kind if self.kind == CURRENT_OWNER else str(getattr(self, self.kind))

    @cached_property
    def otherwise(self) -> tuple["Target", ...]:
        """The targets under `else`, with the priority and SLA they inherit from this one."""
        return tuple(rung.inheriting(self) for rung in self.else_)

    def inheriting(self, parent: Part) -> "Target":
        """This target with the priority and SLA of `parent`, as far as it does not set its own."""
        inherited = {name: getattr(parent, name) for name in _INHERITED if name not in self.model_fields_set}
        return self.model_copy(update=inherited) if inherited else self

    @property
    def settles(self) -> bool:
        """Whether the target itself takes every lead."""
        return self.kind in ALWAYS_SETTLES


Rungs = Annotated[tuple[Target, ...], AfterValidator(_flat)]
"""The targets under `else`."""
