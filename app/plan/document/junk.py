"""What a plan makes of leads that look like junk."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from app.plan.findings import fault
from app.plan.language.shapes import Duration, Name, Part

MAX_POINTS = 1000
MAX_WINDOW = timedelta(days=1)

JunkPart = Literal[
    "honeypot",
    "disposable_email",
    "implausible_phone",
    "unreachable",
    "gibberish_name",
    "placeholder_name",
    "platform_test",
    "velocity_ip",
    "velocity_identity",
    "velocity_domain",
]
Points = Annotated[int, Field(strict=True, ge=0, le=MAX_POINTS)]
Limit = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Threshold = Annotated[int, Field(strict=True, ge=1, le=10 * MAX_POINTS)]


def _window(within: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= within <= MAX_WINDOW:
        raise fault("out_of_range", "Must be from 1s to 1d.")
    return within


class PerSubject(Part):
    """How many leads may share something before the next one is flagged."""

    ip: Limit | None = Field(
        None, description="Leads with the same `ip`, the address of the visitor. IPv6 counts by network."
    )
    identity: Limit | None = Field(None, description="Leads with the same e-mail address, or else phone.")
    domain: Limit | None = Field(
        None,
        description="Leads with the same e-mail domain. Free mail, relays, and domains of named accounts do "
        "not count.",
    )

    @model_validator(mode="after")
    def _some(self) -> "PerSubject":
        if self.ip is None and self.identity is None and self.domain is None:
            raise fault("required", "At least one of ip, identity and domain is required.")
        return self


class Velocity(Part):
    """How fast leads may come that share something."""

    per: PerSubject = Field(description="How many leads are usual, by what they share.")
    within: Annotated[Duration, AfterValidator(_window)] = Field(
        timedelta(minutes=1), description="The time that is looked back, 1s to 1d."
    )


class JunkSettings(Part):
    """What follows when a lead looks like junk. What is not set does not happen."""

    block_at: Threshold | None = Field(
        None, description="The score from which a lead is blocked. The default is never."
    )
    review_at: Threshold | None = Field(
        None, description="The score from which a lead waits in `queue` for somebody to look at it."
    )
    queue: Name | None = Field(None, description="The queue of leads to look at.")
    points: dict[JunkPart, Points] = Field(
        default_factory=dict,
        description="The points of parts, where they differ from the usual ones. 0 turns a part off.",
    )
    velocity: Velocity | None = Field(
        None, description="How fast leads may come. The default is that nobody counts."
    )

    @model_validator(mode="after")
    def _together(self) -> "JunkSettings":
        if (self.review_at is None) != (self.queue is None):
            raise fault("required", "review_at and queue are required together.")
        if self.block_at is not None and self.review_at is not None and self.review_at >= self.block_at:
            # Named at the value that the other one does not need: without it the rest is checked on.
            raise fault("out_of_range", "Must be above review_at.", "block_at")
        return self
