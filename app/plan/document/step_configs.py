"""The configs of a pipeline: what every step may have, and those of the strategies that only name targets."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from app.plan.document.targets import MATCHED, MatchedFields, OffHours, Pick, Rungs, Target
from app.plan.findings import fault
from app.plan.language.columns import ReadMatchOn
from app.plan.language.shapes import Name, Part, Priority, StepCondition, Words

HANDED_TO_ROWS = ("priority", "off_hours", "sla")
"""What a rule with a table may say for all its rows."""


class StepConfig(Part):
    """What every step may have. A strategy's config extends this."""

    name: Name | None = Field(
        None,
        description="How traces and reports call the step. Left out, it is the team's or queue's name, "
        "else the strategy and its position; a number is added when an earlier step bears it.",
    )
    when: StepCondition | None = Field(
        None, description="Which leads the step is for; every lead when left out."
    )

    def targets(self) -> tuple[Target, ...]:
        """Every target the config names, in the order they are tried."""
        return ()

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        """Its ladders, each with the place it is written at, relative to the config."""
        return [("", self.targets())]

    @property
    def settles(self) -> bool:
        """Whether the step takes every lead that meets its condition."""
        return False

    @property
    def default_name(self) -> str | None:
        """What the step is called when it has no name of its own; None for its strategy and position."""
        return None


class LadderConfig(StepConfig):
    """A step that tries its targets in order; it takes every lead when one of them does."""

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
    """Sends the leads that meet a condition to one target, or where the fitting row of a table says."""

    name: Name = Field(description="The rule's name, unique in the plan.")
    then: Target | None = Field(
        None, description="Where the leads that meet the condition go: this, or `table` and `match_on`."
    )
    table: Name | None = Field(
        None, description="A table of the directory: the row that fits the lead says where it goes."
    )
    match_on: ReadMatchOn | None = Field(
        None,
        description="Every column of the table, and how it is compared with the field of the same name. When "
        "several rows match, the first column decides which one wins, then the second, and so on.",
    )
    priority: Priority = Field(0, description="With a table: for rows that name none.")
    off_hours: OffHours | None = Field(None, description="With a table: for rows that name none.")
    sla: Name | None = Field(None, description="With a table: for rows that name none.")
    else_: Rungs = Field(
        (), alias="else", description="With a table: for rows that have none. Not for leads no row fits."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "RuleConfig":
        if self.then is not None and self.table is not None:
            raise fault("exactly_one", "Write either then, or table and match_on.", "table")
        if self.then is None and self.table is None:
            raise fault("required", "Write where the leads go: then, or table and match_on.", "then")
        if (self.table is None) != (self.match_on is None):
            raise fault(
                "required", "Write table and match_on together.", "match_on" if self.table else "table"
            )
        given = self.model_fields_set & {*HANDED_TO_ROWS, "else_"}
        if self.then is not None and given:
            name = sorted(given)[0].removesuffix("_")
            raise fault("misplaced_field", "Write this under then.", name)
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
        """Where a row of the table sends a lead; what the row leaves open is as the rule says."""
        given = {name: getattr(self, name) for name in HANDED_TO_ROWS if name in self.model_fields_set}
        if not ("team" in row or "owner" in row):
            given.pop("off_hours", None)
        return Target.model_validate({**given, **({"else": self.else_} if self.else_ else {}), **row})


class RoundRobinConfig(LadderConfig):
    """Shares leads among the members of a team, each according to his weight."""

    team: Name = Field(description="The team that shares the leads.")
    pick: Pick | None = Field(None, description="How a member is picked; the team's own way when left out.")
    skills: Words = Field((), description="Skills a member must have, all of them.")
    languages: Words = Field(
        (), description="Languages a member must speak, all of them; of `de-AT` the `de` counts."
    )
    match: MatchedFields = Field((), description=MATCHED)
    priority: Priority = Field(0, description="0 to 100; counts where the lead comes to wait in a queue.")
    off_hours: OffHours | None = Field(
        None,
        description="What happens while nobody of the team is on shift: assign (when left out), hold in the "
        "built-in queue until the next shift begins, or next.",
    )
    sla: Name | None = Field(None, description="The SLA of the owner who gets it.")
    else_: Rungs = Field(
        (), alias="else", description="Targets to try in order when nobody in the team can take the lead."
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
    """Lets leads wait in a queue of this plan. It takes every lead, so it may end the pipeline."""

    name: Name = Field(description="The queue, declared under `queues`.")
    priority: Priority = Field(0, description="0 to 100; what waits with a higher priority goes first.")

    @cached_property
    def ladder(self) -> tuple[Target, ...]:
        return (Target(queue=self.name, priority=self.priority),)

    @property
    def default_name(self) -> str:
        return self.name
