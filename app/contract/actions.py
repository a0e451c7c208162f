"""Actions as they come out of the service, and what callers say about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, Strict, model_validator

from app.contract.faults import invalid, problem_document
from app.contract.responses import Int64, ProblemDetails, ResponseModel
from app.contract.types import RequestModel, RequiredId
from app.errors import Problem
from app.store.life.deliveries import StoredAction

ActionState = Literal[
    "waiting", "available", "leased", "pushed", "acknowledged", "dead", "expired", "withdrawn"
]
TakenBack = Literal["withdrawn", "complained", "suppressed"]
FailedState = Literal["dead", "expired"]
Token = Annotated[UUID, Strict(False)]
ActionIds = Annotated[list[RequiredId], Field(max_length=1000)]
MAX_LEASE_SECONDS = 12 * 3600
MAX_RETRY_SECONDS = 24 * 3600


class LoggedAction(ResponseModel):
    """An action in the log. Its id is the one in the answer of the decision.

    `number` is its place in the log: it gets one when it becomes available.
    """

    id: str
    number: Int64 | None
    type: str
    params: dict[str, Any]
    due_at: datetime | None
    lead_id: UUID
    assignment_id: UUID
    created_at: datetime
    state: ActionState
    deliveries: int = Field(description="How often it was leased when its turn had come.")
    cause: TakenBack | None = Field(
        None, description="Why it was taken back: what the person withdrew, or that a list has them."
    )


class LeasedAction(LoggedAction):
    """A leased action. Acknowledge it with `token` before `leased_until`."""

    token: UUID
    leased_until: datetime


class LeasedActions(ResponseModel):
    """The leased actions in the order of their numbers. Execute those of one lead in this order."""

    items: list[LeasedAction]


class LeaseRequest(RequestModel):
    """How many actions to lease, and for how long."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    seconds: Annotated[float, Field(ge=1, le=MAX_LEASE_SECONDS, allow_inf_nan=False)] = 60


class AckRequest(RequestModel):
    """The token of the lease. Leave it out for an action of an answer, which nobody has leased."""

    token: Token | None = None


class NackRequest(RequestModel):
    """The token of the lease, and when the action may be tried again."""

    token: Token
    retry_after: Annotated[float, Field(ge=0, le=MAX_RETRY_SECONDS, allow_inf_nan=False)] = Field(
        0, description="Seconds until the action is offered again."
    )


class AckItem(AckRequest):
    """One executed action."""

    id: RequiredId


class NackItem(NackRequest):
    """One action that could not be executed."""

    id: RequiredId


class AckBatch(RequestModel):
    """Executed actions: `items` with the token of their lease, `ids` of answers without one."""

    items: Annotated[list[AckItem], Field(max_length=1000)] = Field(default_factory=list)
    ids: ActionIds = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_some(self) -> "AckBatch":
        if not self.items and not self.ids:
            raise invalid("required", "must have `items` or `ids`")
        return self


class NackBatch(RequestModel):
    """Actions that could not be executed."""

    items: Annotated[list[NackItem], Field(min_length=1, max_length=1000)]


class ResendRequest(RequestModel):
    """The dead actions to send again."""

    ids: Annotated[ActionIds, Field(min_length=1)]


class ActionResult(ResponseModel):
    """What became of an action."""

    id: str
    state: ActionState


class ActionBatchItem(ResponseModel):
    """What became of one action, or its problem."""

    id: str
    status: int
    state: ActionState | None = None
    problem: ProblemDetails | None = None


class ActionBatchResult(ResponseModel):
    """The items in the order they were sent, those of `items` first."""

    items: list[ActionBatchItem]


def action_to_json(action: StoredAction) -> dict[str, Any]:
    """An action as the log shows it."""
    return {name: getattr(action, name) for name in LoggedAction.model_fields}


def leased_to_json(action: StoredAction) -> dict[str, Any]:
    """An action as its new holder gets it."""
    return {**action_to_json(action), "token": action.lease_token, "leased_until": action.leased_until}


def batch_to_json(ids: Sequence[str], outcomes: Sequence[StoredAction | Problem]) -> dict[str, Any]:
    """What became of the actions of a batch."""
    return {"items": [_item(id_, outcome) for id_, outcome in zip(ids, outcomes, strict=True)]}


def _item(id_: str, outcome: StoredAction | Problem) -> dict[str, Any]:
    if isinstance(outcome, Problem):
        return {"id": id_, "status": outcome.status, "problem": problem_document(outcome)}
    return {"id": id_, "status": 200, "state": outcome.state}
