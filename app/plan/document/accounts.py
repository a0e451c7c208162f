"""The `account` step: it gives a lead to the owner of its account."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationError, ValidationInfo

from app.plan.document.pydantic_errors import findings_of
from app.plan.document.step_configs import StepConfig
from app.plan.document.targets import OffHours, Target
from app.plan.findings import Faults, fault
from app.plan.language.fields import CUSTOMER_STATUSES
from app.plan.language.shapes import Duration, Name, Part, Priority, WrittenAsNumber, hand_written, once

Delegate = Literal["delegate"]
DELEGATE: Delegate = "delegate"


class Hold(Part):
    """Wait for the owner if they are back within this time."""

    hold: Duration = Field(description="The longest a lead waits.")


Rung = Delegate | Hold | Target


def _rung(value: object, info: ValidationInfo) -> Rung:
    if isinstance(value, (Hold, Target)):
        return value
    if value == DELEGATE:
        return DELEGATE
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "Must be delegate, {hold: 4h}, or a target such as {team: named}.")
    kind: type[Hold] | type[Target] = Hold if "hold" in value else Target
    try:
        rung = kind.model_validate(value, context=info.context)
    except ValidationError as refused:
        raise Faults(*findings_of(refused, model=kind)) from None
    if isinstance(rung, Target) and rung.else_:
        raise fault(
            "misplaced_field",
            "An entry of this list cannot have its own else. Add these targets to the list.",
            "else",
        )
    return rung


def _status(status: str) -> str:
    if status not in CUSTOMER_STATUSES:
        raise fault("not_allowed", f"Must be one of {', '.join(CUSTOMER_STATUSES)}.")
    return status


class Customers(Part):
    """How accounts that are customers are treated."""

    team: Name = Field(description="The team that serves customers.")
    prefer: Literal["owner", "team"] = Field(
        "owner",
        description="With owner, the account's owners come first, and the team when none of them can take "
        "the lead. With team, the team comes first.",
    )
    statuses: tuple[Annotated[Name, AfterValidator(_status)], ...] = Field(
        ("active",), description="The values of `customer_status` that make an account a customer."
    )


class Accounts(Part):
    """How leads are matched to accounts, beyond the ids of CRMs."""

    threshold: Annotated[float, WrittenAsNumber, Field(ge=0.6, le=1.0)] = Field(
        0.85,
        description="The score from which an account that was found by its name is the lead's. Below it, and "
        "from 0.6 on, the decision says `review`.",
    )
    prefer: Literal["parent"] | None = Field(
        None,
        description="Which of several accounts with equal scores is the lead's: with parent, the one that is "
        "above all the others. The default is none of them, and the decision says `review`.",
    )
    conflict: Literal["domain", "name"] | None = Field(
        None,
        description="Which one counts when the domain belongs to one account and the name to another, or to "
        "none. The default is neither, and the decision says `review`.",
    )
    domain_only: bool = Field(
        False,
        description="Whether names find no accounts. A name still decides between several accounts of one "
        "domain.",
        strict=True,
    )


class AccountConfig(StepConfig):
    """Gives a lead to the owner of its account. Leads without an account go to the next step."""

    roles: Annotated[tuple[Name, ...], AfterValidator(once)] = Field(
        ("owner",),
        min_length=1,
        description="The roles in order. The account owner is the first active owner of these.",
    )
    if_unavailable: tuple[
        Annotated[
            Rung,
            PlainValidator(_rung),
            hand_written("rung"),
        ],
        ...,
    ] = Field(
        (),
        description="What to try, in order, when the account owner cannot take the lead: delegate, "
        "{hold: 4h}, or a target.",
    )
    customers: Customers | None = Field(None, description="How customers are treated.")
    inherit_from_parent: bool = Field(
        False,
        description="Whether to use the roles of the parent account when no active owner has one here.",
        strict=True,
    )
    ignore_caps: bool = Field(
        False,
        description="Whether the account owner gets the lead even when they are at a cap.",
        strict=True,
    )
    off_hours: OffHours | None = Field(
        None,
        description="What to do while the account owner is off shift: assign (the default), next to go "
        "through if_unavailable, or hold to go through if_unavailable and then wait for their next shift.",
    )
    priority: Priority = Field(0, description="The priority of the lead in a queue, 0 to 100.")
    sla: Name | None = Field(None, description="The SLA of the owner who gets the lead.")

    def for_customers(self) -> Target | None:
        """The team for customers as a target."""
        return None if self.customers is None else Target(team=self.customers.team).inheriting(self)

    def targets(self) -> tuple[Target, ...]:
        return tuple(target for _, ladder in self.ladders() for target in ladder)

    def ladders(self) -> Iterable[tuple[str, tuple[Target, ...]]]:
        customers = self.for_customers()
        if customers is not None:
            yield ".customers", (customers,)
        for position, rung in enumerate(self.if_unavailable):
            if isinstance(rung, Target):
                yield f".if_unavailable[{position}]", (rung.inheriting(self),)

    @property
    def default_name(self) -> str:
        return "account"
