"""The settings of steps: those every step has, and those of `rule`, `round_robin` and `queue`."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from app.plan.document.targets import MATCHED, MatchedFields, OffHours, Pick, Rungs, Target
from app.plan.findings import fault
from app.plan.language.columns import ReadMatchOn
from app.plan.language.shapes import Name, Part, Priority, StepCondition, Words

HANDED_TO_ROWS = ("priority", "off_hours", "sla")
"""What a rule with a table may set for all its rows."""


class StepConfig(Part):
    """Settings that every step has. The config of a strategy extends this class."""

    name: Name | None = Field(
        None,
        description="The name of the step in traces and reports. The default is the name of its team or "
        "queue, else the strategy and the position. A number is added when an earlier step has the name.",
    )
    when: StepCondition | None = Field(
        None, description="The leads the step is for. The default is every lead."
    )

    def targets(self) -> tuple[Target, ...]:
        """Every target of the step, in the order they are tried."""
        return ()

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        """The ladders of the step, each with its path in the config."""
        return [("", self.targets())]

    @property
    def settles(self) -> bool:
        """Whether the step takes every lead that matches its condition."""
        return False

    @property
    def default_name(self) -> str | None:
        """The name of a step that sets none. None stands for the strategy and the position."""
        return None


class LadderConfig(StepConfig):
    """A step that tries its targets in order. It takes every lead when one of them does."""

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        """The targets in the order they are tried."""
        raise NotImplementedError

    def targets(self) -> tuple[Target, ...]:
        return self.ladder

    @property
    def settles(self) -> bool:
        return any(target.settles for target in self.ladder)


class RuleConfig(LadderConfig):
    """Sends the leads that match a condition to one target, or to the target of a row of a table."""

    name: Name = Field(description="The name of the rule, unique in the plan.")
    then: Target | None = Field(
        None, description="Where the leads go. Either this, or `table` and `match_on`."
    )
    table: Name | None = Field(
        None, description="A table of the directory. The row that matches the lead has the target."
    )
    match_on: ReadMatchOn | None = Field(
        None,
        description="Every column of the table, and how it is compared with the field of the same name. When "
        "several rows match, the first column decides which one wins, then the second, and so on.",
    )
    priority: Priority = Field(0, description="With a table: the default for rows that set none.")
    off_hours: OffHours | None = Field(None, description="With a table: the default for rows that set none.")
    sla: Name | None = Field(None, description="With a table: the default for rows that set none.")
    else_: Rungs = Field(
        (),
        alias="else",
        description="With a table: the default for rows that set none. Leads that match no row go on.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "RuleConfig":
        if self.then is not None and self.table is not None:
            raise fault(
                "exactly_one",
                "Remove one of the two: a rule has either then, or table and match_on.",
                "table",
            )
        if self.then is None and self.table is None:
            raise fault(
                "required", "Say where the leads go: either then, or table and match_on is required.", "then"
            )
        if (self.table is None) != (self.match_on is None):
            raise fault(
                "required",
                "table and match_on go together. Add the missing one.",
                "match_on" if self.table else "table",
            )
        given = self.model_fields_set & {*HANDED_TO_ROWS, "else_"}
        if self.then is not None and given:
            name = sorted(given)[0].removesuffix("_")
            raise fault("misplaced_field", "Move this field under then.", name)
        return self

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        return (self.then, *self.then.otherwise) if self.then is not None else self.else_

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        if self.then is not None:
            return [(".then", self.ladder)]
        return [(f".else[{position}]", (target,)) for position, target in enumerate(self.else_)]

    @property
    def settles(self) -> bool:
        return self.then is not None and super().settles

    def target_of(self, row: Mapping[str, Any]) -> Target:
        """The target of a row of the table, with the defaults of the rule."""
        given = {name: getattr(self, name) for name in HANDED_TO_ROWS if name in self.model_fields_set}
        if not ("team" in row or "owner" in row):
            given.pop("off_hours", None)
        return Target.model_validate({**given, **({"else": self.else_} if self.else_ else {}), **row})


class RoundRobinConfig(LadderConfig):
    """Shares leads among the members of a team by their weights."""

    team: Name = Field(description="The team that shares the leads.")
    pick: Pick | None = Field(
        None, description="How a member is picked. The default is the team's own setting."
    )
    skills: Words = Field((), description="Skills a member must have. All of them are required.")
    languages: Words = Field(
        (), description="Languages a member must speak. All of them are required. `de-AT` counts as `de`."
    )
    match: MatchedFields = Field((), description=MATCHED)
    priority: Priority = Field(0, description="The priority of the lead in a queue, 0 to 100.")
    off_hours: OffHours | None = Field(
        None,
        description="What to do while nobody in the team is on shift: assign (the default), hold in the "
        "built-in queue until the next shift begins, or next.",
    )
    sla: Name | None = Field(None, description="The SLA of the owner who gets the lead.")
    else_: Rungs = Field(
        (),
        alias="else",
        description="The targets to try, in order, when nobody in the team can take the lead.",
    )

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        own = {
            name: getattr(self, name)
            for name in ("team", "pick", "priority", "skills", "languages", "match", "off_hours", "sla")
        }
        team = Target.model_validate({**own, "else": self.else_})
        return (team, *team.otherwise)

    @property
    def default_name(self) -> str:
        return self.team


class QueueConfig(LadderConfig):
    """Puts leads into a queue of this plan. It takes every lead, so it may end the pipeline."""

    name: Name = Field(description="The queue, declared under `queues`.")
    priority: Priority = Field(
        0, description="The priority of the lead in the queue, 0 to 100. Higher goes first."
    )

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        return (Target(queue=self.name, priority=self.priority),)

    @property
    def default_name(self) -> str:
        return self.name
