"""Targets as callers send and get them, and the messages to them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, field_validator

from app.contract.faults import invalid, problem_document
from app.contract.responses import Int64, ProblemDetails, ResponseModel
from app.contract.types import RecordModel, RequestModel, RequiredId
from app.errors import Problem
from app.outbox.feed import DECISION
from app.outbox.safe_http import MAX_URL_LENGTH
from app.outbox.targets import ShownTarget
from app.plan.document.follow_ups import ACTION_TYPES
from app.plan.language.operands import EXTENSION
from app.store.life.target_messages import StoredMessage

DeliveryState = Literal["waiting", "ready", "leased", "delivered", "dead", "expired", "withdrawn"]
STATES: tuple[DeliveryState, ...] = (
    "waiting", "ready", "leased", "delivered", "dead", "expired", "withdrawn",
)  # fmt: skip
READ_RECORD = "read_record"
"""The type of actions that ask for a record of the CRM. No plan makes them."""
Secret = Annotated[str, Field(max_length=128)]
MessageType = Annotated[str, Field(min_length=1, max_length=64)]


def check_action_type(text: str) -> str:
    """An action type, or `*` for all. Raises what a validator raises."""
    if text not in ("*", READ_RECORD, *ACTION_TYPES) and not EXTENSION.fullmatch(text):
        raise invalid("not_allowed", "must be an action type or *")
    return text


class TargetSettings(RecordModel):
    """Where messages go, and which ones."""

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH)] = Field(
        description="An https URL that leads to a public address."
    )
    types: Annotated[list[MessageType], Field(min_length=1, max_length=50)] = Field(
        default_factory=lambda: ["*"],
        description="Action types, `decision.made`, or `*` for all. Of actions, those whose type has the"
        " delivery `push` are sent.",
    )
    active: bool = Field(True, description="Whether messages are sent. Those of an inactive target wait.")
    max_parallel: Annotated[int, Field(ge=1, le=20)] = Field(4, description="How many calls may run at once.")

    @field_validator("types")
    @classmethod
    def _known_types(cls, types: list[str]) -> list[str]:
        return [each if each == DECISION else check_action_type(each) for each in dict.fromkeys(types)]


class TargetInput(TargetSettings):
    """A target. Leave `secret` out to get one, which the answer shows once."""

    secret: Secret | None = Field(
        None, description="`whsec_` and 24 to 64 bytes in Base64. Only for a target that is new."
    )


class SecretInput(RequestModel):
    """A further secret. Leave it out to get one, which the answer shows once."""

    secret: Secret | None = None


class TargetSecretInfo(ResponseModel):
    """A secret, without what it is. `fingerprint` is the start of its SHA-256."""

    id: UUID
    fingerprint: str
    created_at: datetime
    last_used_at: datetime | None


class Breaker(ResponseModel):
    """Whether messages are sent: not while it is `open`, and one at a time while it is `half_open`."""

    state: Literal["closed", "open", "half_open"]
    failures: int = Field(description="Temporary failures since the last success.")
    opened_at: datetime | None
    open_until: datetime | None


class Target(ResponseModel):
    """A target."""

    id: str
    url: str
    types: list[str]
    active: bool
    max_parallel: int
    secrets: list[TargetSecretInfo]
    breaker: Breaker
    revision: Int64
    updated_at: datetime
    secret: str | None = Field(None, description="A secret that was made now. It is not shown again.")


class Delivery(ResponseModel):
    """A message to a target. Its id is that of the action or the decision, and the header `webhook-id`.

    `code` says why the last attempt failed, `status` is the status of its answer.
    """

    id: str
    number: Int64
    type: str
    lead_id: UUID
    assignment_id: UUID | None
    state: DeliveryState
    attempts: int
    status: int | None
    code: str | None
    created_at: datetime
    next_at: datetime | None = Field(description="When it is tried next. Null when it is not.")
    ended_at: datetime | None


class DeliveryResendRequest(RequestModel):
    """The dead messages to send again."""

    ids: Annotated[list[RequiredId], Field(min_length=1, max_length=1000)]


class DeliveryResult(ResponseModel):
    """What became of one message, or its problem."""

    id: str
    status: int
    problem: ProblemDetails | None = None


class DeliveryResults(ResponseModel):
    """The results in the order the messages were sent."""

    items: list[DeliveryResult]


def target_to_json(shown: ShownTarget) -> dict[str, Any]:
    """A target as it is returned."""
    target = shown.target
    document = {
        "id": target.id,
        "url": target.url,
        "types": list(target.types),
        "active": target.active,
        "max_parallel": target.max_parallel,
        "secrets": [
            {name: getattr(each, name) for name in TargetSecretInfo.model_fields} for each in shown.secrets
        ],
        "breaker": {
            "state": _state(target.open_until),
            "failures": target.failures,
            "opened_at": target.opened_at,
            "open_until": target.open_until,
        },
        "revision": target.revision,
        "updated_at": target.updated_at,
    }
    return document if shown.secret is None else {**document, "secret": shown.secret}


def delivery_to_json(message: StoredMessage) -> dict[str, Any]:
    """A message as it is returned."""
    names = ("id", "type", "lead_id", "assignment_id", "state", "attempts", "status", "code")
    return {
        **{name: getattr(message, name) for name in names},
        "number": message.sequence,
        "created_at": message.created_at,
        "next_at": message.next_at if message.state == "ready" else None,
        "ended_at": message.ended_at,
    }


def results_to_json(ids: Sequence[str], outcomes: Sequence[StoredMessage | Problem]) -> dict[str, Any]:
    """What became of messages that were to be sent again."""
    return {"items": [_result(id_, outcome) for id_, outcome in zip(ids, outcomes, strict=True)]}


def _result(id_: str, outcome: StoredMessage | Problem) -> dict[str, Any]:
    if isinstance(outcome, Problem):
        return {"id": id_, "status": outcome.status, "problem": problem_document(outcome)}
    return {"id": id_, "status": 200}


def _state(open_until: datetime | None) -> str:
    """Breakers go by the clock of the system."""
    if open_until is None:
        return "closed"
    return "open" if open_until > datetime.now(UTC) else "half_open"
