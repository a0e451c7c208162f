"""Reject reasons: what follows when an owner gives a lead back."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, ValidationError, ValidationInfo

from app.plan.document.pydantic_errors import findings_of
from app.plan.document.targets import CURRENT_OWNER, Target
from app.plan.findings import Faults, fault
from app.plan.language.shapes import Part, hand_written

Reroute = Literal["reroute"]
REROUTE: Reroute = "reroute"
Suppress = Literal["email", "domain"]
Next = Reroute | Target


def _next(value: object, info: ValidationInfo) -> Next:
    if isinstance(value, Target):
        return value
    if value == REROUTE:
        return REROUTE
    if not isinstance(value, Mapping):
        raise fault("wrong_type", "Must be reroute, or a target such as {path: newsletter}.")
    try:
        target = Target.model_validate(value, context=info.context)
    except ValidationError as refused:
        raise Faults(*findings_of(refused, model=Target)) from None
    if target.kind == CURRENT_OWNER:
        raise fault("not_allowed", "The owner who rejects a lead cannot keep it.", CURRENT_OWNER)
    if target.else_:
        raise fault(
            "misplaced_field",
            "This target cannot have its own else. If nobody there can take the lead, the pipeline decides.",
            "else",
        )
    return target


class RejectReason(Part):
    """A reason for which an owner may give a lead back, and what follows."""

    refund: bool = Field(
        False,
        description="Whether the owner gets their turn back, and the lead no longer counts toward their caps "
        "per day, per week and in rolling windows.",
        strict=True,
    )
    then: Annotated[Next, PlainValidator(_next), hand_written("next")] = Field(
        REROUTE,
        description="Where the lead goes: reroute sends it through the pipeline again, without the owner who "
        "rejected it. A target, such as {path: newsletter} or {block: students}, comes before the pipeline.",
    )
    suppress: Suppress | None = Field(
        None,
        description="Block later leads with the same e-mail address, or with the same e-mail domain. The "
        "domain of a free mail provider or of a customer is never blocked; the address is instead.",
    )
