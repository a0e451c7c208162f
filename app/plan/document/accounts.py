"""The step that gives a lead to whoever looks after its account."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema

from app.plan.document.pydantic_errors import findings_of
from app.plan.document.step_configs import StepConfig
from app.plan.document.targets import OffHours, Target
from app.plan.findings import Faults, fault
from app.plan.language.fields import CUSTOMER_STATUSES
from app.plan.language.shapes import Duration, Name, Part, Priority, once

Delegate = Literal["delegate"]
DELEGATE: Delegate = "delegate"


class Hold(Part):
    """Wait for him, if he is back within this time."""

    hold: Duration = Field(description="How long a lead waits at most.")


Rung = Delegate | Hold | Target


def _rung(value: object, info: ValidationInfo) -> Rung:
    if isinstance(value, (Hold, Target)):
        return value
    if value == DELEGATE:
        return DELEGATE
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "Write delegate, {hold: 4h}, or a target such as {team: named}.")
    kind: type[Hold] | type[Target] = Hold if "hold" in value else Target
    try:
        rung = kind.model_validate(value, context=info.context)
    except ValidationError as refused:
        raise Faults(*findings_of(refused)) from None
    if isinstance(rung, Target) and rung.else_:
        raise fault(
            "misplaced_field", "Put these targets next in the list: a rung has no else of its own.", "else"
        )
    return rung


def _status(status: str) -> str:
    if status not in CUSTOMER_STATUSES:
        raise fault("not_allowed", f"Write one of {', '.join(CUSTOMER_STATUSES)}.")
    return status


class Customers(Part):
    """What is special about accounts that are customers."""

    team: Name = Field(description="The team that looks after customers.")
    prefer: Literal["owner", "team"] = Field(
        "owner",
        description="Who comes first: those the account names, and the team when none of them can take the "
        "lead; or the team.",
    )
    statuses: tuple[Annotated[Name, AfterValidator(_status)], ...] = Field(
        ("active",), description="Which accounts count as customers, by `customer_status`."
    )


class AccountConfig(StepConfig):
    """Gives a lead to whoever looks after its account. It passes the leads of no account."""

    roles: Annotated[tuple[Name, ...], AfterValidator(once)] = Field(
        ("owner",),
        min_length=1,
        description="The roles in the order they are asked; who has the first of them, and is active, is "
        "responsible.",
    )
    if_unavailable: tuple[
        Annotated[
            Rung,
            PlainValidator(_rung),
            WithJsonSchema(
                {"anyOf": [{"const": DELEGATE}, {"$ref": "#/$defs/Hold"}, {"$ref": "#/$defs/Target"}]}
            ),
        ],
        ...,
    ] = Field(
        (),
        description="What is tried in this order when he cannot take it: delegate, {hold: 4h}, or a target.",
    )
    customers: Customers | None = Field(None, description="What is special about customers.")
    inherit_from_parent: bool = Field(
        False,
        description="Whether the roles of the parent account count when no active owner has one here.",
        strict=True,
    )
    ignore_caps: bool = Field(
        False,
        description="Whether whoever looks after the account gets the lead over his caps too.",
        strict=True,
    )
    off_hours: OffHours | None = Field(
        None,
        description="What happens when he is off shift: assign (when left out), next to go through "
        "if_unavailable, and hold to wait for his shift after that.",
    )
    priority: Priority = Field(0, description="0 to 100; counts where the lead comes to wait.")
    sla: Name | None = Field(None, description="The SLA of the owner who gets it.")

    def handed(self, target: Target) -> Target:
        """A target of the step with the priority and the SLA it takes over."""
        kept = {
            name: getattr(self, name) for name in ("priority", "sla") if name not in target.model_fields_set
        }
        return target.model_copy(update=kept) if kept else target

    def for_customers(self) -> Target | None:
        """The customers' team as a target."""
        return None if self.customers is None else self.handed(Target(team=self.customers.team))

    def targets(self) -> tuple[Target, ...]:
        return tuple(target for _, ladder in self.ladders() for target in ladder)

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        customers = self.for_customers()
        if customers is not None:
            yield ".customers", (customers,)
        for position, rung in enumerate(self.if_unavailable):
            if isinstance(rung, Target):
                yield f".if_unavailable[{position}]", (self.handed(rung),)

    @property
    def default_name(self) -> str:
        return "account"
