"""Turns what a form says into a lead that can be decided like any other."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from app.contract.requests import LeadInput
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import IdempotencyKey
from app.forms.vendors.base import Delivery
from app.intake.arrival import IncomingLead, normalize

MAX_TEXT: Final = 8192
MAX_DEPTH: Final = 16
MAX_ID_BYTES: Final = 255
NO_IDENTITY: Final = "no_identity"


class Unmappable(Exception):
    """Nothing can be made of a delivery: `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def lead_of(delivery: Delivery, at: datetime | None = None) -> tuple[dict[str, Any], list[str]]:
    """The fields of the lead as `POST /assign` takes them, and flags about what is unusual.

    A field that holds what it cannot hold becomes an attribute. `at` is when the form was sent, and with that
    what the person agreed to has a time. Raises Unmappable.
    """
    flags = list(delivery.flags)
    lead = {name: value for name, value in delivery.lead.items() if value is not None}
    attributes = {**delivery.unmapped, **(lead.pop("attributes", None) or {})}
    form = next((each for name in ("form_name", "form_id") if (each := attributes.get(name))), None)
    if isinstance(form, str):
        lead.setdefault("form", form)
    if at is not None and lead.get("consent"):
        lead.setdefault("consent_record", {"at": at.isoformat(), "form": _short(lead.get("form"))})
    lead.setdefault("submission_id", _bounded(delivery.id))
    if delivery.at is not None:
        lead.setdefault("submitted_at", delivery.at.isoformat())
    for _ in range(len(lead)):
        try:
            checked = LeadInput.model_validate(lead)
        except ValidationError as refused:
            _take_out(refused, lead, attributes, flags)
            continue
        sent = checked.model_dump(exclude_none=True)
        if attributes:
            sent["attributes"] = _shortened(attributes, flags, 0)
        return sent, list(dict.fromkeys(flags))
    raise Unmappable(NO_IDENTITY)


def _take_out(
    refused: ValidationError, lead: dict[str, Any], attributes: dict[str, Any], flags: list[str]
) -> None:
    """Make attributes of the fields that are refused."""
    named = {str(each["loc"][0]) for each in refused.errors() if each["loc"]}
    if not named & lead.keys():
        raise Unmappable(NO_IDENTITY) from None
    for name in sorted(named & lead.keys()):
        attributes.setdefault(name, lead.pop(name))
        flags.append(f"{name}_unreadable")


def arrival_of(endpoint_id: str, delivery: Delivery, received_at: datetime | None = None) -> IncomingLead:
    """The lead after intake. Its external id is one of the endpoint. Raises Unmappable."""
    sent, flags = lead_of(delivery, delivery.at or received_at)
    sent.setdefault("form", endpoint_id)
    arrival = normalize(sent, endpoint_id)
    if not flags:
        return arrival
    together = list(dict.fromkeys((*arrival.flags, *flags)))
    return replace(
        arrival,
        flags=tuple(together),
        values={**arrival.values, "flags": together},
        normalized={**arrival.normalized, "flags": together},
    )


def job_of(endpoint_id: str, row_id: str, delivery: Delivery, received_at: datetime | None = None) -> Assign:
    """What decides the lead. The same row of the inbox is decided once. Raises Unmappable."""
    digest = hashlib.sha256(f"{endpoint_id}\x1f{row_id}".encode()).digest()
    key = IdempotencyKey(f"\x1fform\x1f{digest.hex()}", digest)
    arrival = arrival_of(endpoint_id, delivery, received_at)
    return Assign(
        key=key,
        bulk=True,
        unattended=True,
        arrival=arrival,
        trigger=delivery.trigger,
        host=delivery.host,
        updates=delivery.meaning == "update",
    )


def _short(name: Any) -> str | None:
    return name if isinstance(name, str) and len(name.encode()) <= MAX_ID_BYTES else None


def _bounded(id_: str) -> str:
    return id_ if len(id_.encode()) <= MAX_ID_BYTES else hashlib.sha256(id_.encode()).hexdigest()


def _shortened(value: Any, flags: list[str], depth: int) -> Any:
    """The value without texts and nesting that no lead may have."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        flags.append("text_shortened")
        return value[:MAX_TEXT]
    if isinstance(value, dict | list) and depth == MAX_DEPTH:
        flags.append("text_shortened")
        return None
    if isinstance(value, Mapping):
        return {str(name): _shortened(each, flags, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each, flags, depth + 1) for each in value]
    return value
