"""Dynamics 365 and Dataverse: a step registered for a webhook posts its execution context.

Dataverse signs nothing: it sends a key, which is the endpoint's secret, as `?code=` (WebhookKey), or as a
header or query parameter with a name that the admin chose. So each value of the query and of the headers is
compared with the secret, which is too long to be met by chance. The organization of the context must be the
endpoint's.

A save may run several messages with one CorrelationId, and one message may be delivered several times, so
events are told apart by the operation with its message, its depth and what it changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from app.webhooks.crm_events import (
    CrmEvent,
    CrmEventKind,
    CrmRecord,
    EndpointTerms,
    Refused,
    Unreadable,
    Verified,
    WebhookRequest,
)
from app.webhooks.vendors.base import PlainAnswers, equal, fitting_secret
from app.webhooks.vendors.payloads import (
    dedupe_key,
    identifier,
    items_of,
    listed,
    mapping,
    moment,
    object_name,
    read_json,
    text,
    whole_number,
)

_OBJECTS: Final = {
    "account": "company", "opportunity": "deal", "systemuser": "user", "phonecall": "call",
    "appointment": "meeting", "annotation": "note",
}  # fmt: skip
_KINDS: Final[Mapping[str, CrmEventKind]] = {
    **dict.fromkeys(("create", "createmultiple"), "created"),
    **dict.fromkeys(("update", "updatemultiple", "upsert", "assign", "win", "lose"), "updated"),
    **dict.fromkeys(("setstate", "setstatedynamicentity"), "updated"),
    **dict.fromkeys(("delete", "deletemultiple"), "deleted"),
    "merge": "merged",
    "qualifylead": "converted",
    "restore": "restored",
}
_TARGETS: Final = ("Target", "EntityMoniker", "LeadId")
_CLOSED: Final = {"win": 1, "lose": 2}
"""The state of an opportunity after these messages."""
_BECAME: Final = ("contact", "deal", "company")
_CLOSING: Final = {"actualrevenue": "actualvalue", "actualend": "actualclosedate"}
"""What Dataverse copies from the record of a closing into the opportunity, and its names there."""
_TELL_FIELDS: Final = ("created", "updated", "restored")
_EXCEEDED: Final = "x-ms-dynamics-msg-size-exceeded"
_PEOPLE: Final = frozenset(("lead", "contact"))
"""Whose unchanged fields say nothing. Those of a deal or an activity tell to what record it belongs."""
_NO_GUID: Final = "00000000-0000-0000-0000-000000000000"


class Dynamics(PlainAnswers):
    """Implements Vendor. Dataverse tries once more after a 503, and never after any other failure."""

    def verify(self, request: WebhookRequest, terms: EndpointTerms, now: datetime) -> Verified:
        """Codes: `organization_missing`, `key_mismatch`, `unreadable`, `foreign_organization`."""
        del now
        if not terms.organization_id:
            raise Refused("organization_missing")
        given = [*_query_values(request.path), *_header_values(request.headers)]
        secret = fitting_secret(
            terms.secrets,
            lambda each: any([equal(value, each) for value in given]),  # noqa: C419 - all are compared
            "key_mismatch",
        )
        _check_organization(request.body, terms.organization_id)
        return Verified(secret)

    def parse(self, request: WebhookRequest, terms: EndpointTerms) -> Sequence[CrmEvent]:
        """One event, or one for each record of a message about many."""
        del terms
        exceeded = request.headers.get(_EXCEEDED, b"false").strip().lower() not in (b"", b"0", b"false")
        return [event for item in items_of(read_json(request.body)) for event in _events(item, exceeded)]


def _query_values(path: str) -> Iterator[bytes]:
    for pair in path.encode("utf-8", "surrogatepass").partition(b"?")[2].split(b"&"):
        value = pair.partition(b"=")[2]
        yield from (value, unquote_to_bytes(value), unquote_to_bytes(value.replace(b"+", b" ")))


def _header_values(headers: Mapping[str, bytes]) -> Iterator[bytes]:
    for value in headers.values():
        yield from (value, value.partition(b" ")[2])


def _check_organization(body: bytes, expected: str) -> None:
    try:
        items = items_of(read_json(body))
    except Unreadable:
        raise Refused("unreadable") from None
    named = {_guid(item.get("OrganizationId")) for item in items}
    if not named or None in named:
        raise Refused("organization_missing")
    if named != {_guid(expected)}:
        raise Refused("foreign_organization")


class _Entity(NamedTuple):
    """A record that a message is about, with the attributes that the message gives it."""

    record: CrmRecord
    fields: dict[str, Any]


def _events(context: Mapping[str, Any], exceeded: bool) -> Iterator[CrmEvent]:
    message = text(context.get("MessageName")).lower()
    inputs = _pairs(context.get("InputParameters"))
    for entity in _entities(context, inputs):
        yield _event(context, message, inputs, entity, exceeded)


def _entities(context: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[_Entity]:
    """The one record of the message, or those of a message about many."""
    many = inputs.get("Targets")
    for value in listed(mapping(many).get("Entities", many)):
        if record := _reference(value, text(context.get("PrimaryEntityName"))):
            yield _Entity(record, _attributes(value))
    if many is None:
        target = _target(inputs)
        primary = {"Id": context.get("PrimaryEntityId"), "LogicalName": context.get("PrimaryEntityName")}
        name = text(context.get("PrimaryEntityName"))
        if record := _reference(primary, "") or _reference(target, name):
            yield _Entity(record, _attributes(target))


def _target(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record that the inputs name; of a won or lost opportunity it is in the record of its closing."""
    closing = _pairs(mapping(inputs.get("OpportunityClose")).get("Attributes")).get("opportunityid")
    named = (*(inputs.get(name) for name in _TARGETS), closing)
    return next((found for each in named if (found := mapping(each))), {})


def _event(
    context: Mapping[str, Any], message: str, inputs: Mapping[str, Any], entity: _Entity, exceeded: bool
) -> CrmEvent:
    record = entity.record
    kind = _KINDS.get(message, "gap")
    before, after = _image(context.get("PreEntityImages")), _image(context.get("PostEntityImages"))
    fields = _fields(message, inputs, entity)
    complete = kind == "created" or not fields or record.object not in _PEOPLE
    if complete and kind in _TELL_FIELDS:
        fields = after | fields
    others = _others(message, record, inputs, _pairs(context.get("OutputParameters")))
    if (kind == "updated" and not fields) or (kind in ("merged", "converted") and not others):
        kind = "gap"
    return CrmEvent(
        dedupe_key=_key(context, message, record, fields, others),
        kind=kind,
        record=record,
        at=moment(context.get("OperationCreatedOn")) or moment((after | fields).get("modifiedon")),
        order=whole_number(context.get("Depth")),
        fields=fields,
        previous=before if kind == "deleted" else {name: before[name] for name in fields if name in before},
        complete=complete and bool(fields),
        others=others,
        actor=_guid(context.get("InitiatingUserId")) or _guid(context.get("UserId")),
        must_read=kind in ("gap", "merged")
        or (kind in _TELL_FIELDS and not fields)
        or (exceeded and kind != "deleted"),
    )


def _fields(message: str, inputs: Mapping[str, Any], entity: _Entity) -> dict[str, Any]:
    """What a message changes, as attributes."""
    if message == "assign" and mapping(inputs.get("Assignee")):
        return {"ownerid": _value(inputs["Assignee"])}
    if message.startswith("setstate"):
        states = {"statecode": inputs.get("State"), "statuscode": inputs.get("Status")}
        return {name: _value(value) for name, value in states.items() if value is not None}
    if message in _CLOSED:
        closing = _attributes(inputs.get("OpportunityClose"))
        told = {name: closing[each] for each, name in _CLOSING.items() if each in closing}
        status = {} if inputs.get("Status") is None else {"statuscode": _value(inputs["Status"])}
        return told | {"statecode": _CLOSED[message]} | status
    if message == "merge":
        return _attributes(inputs.get("UpdateContent"))
    return {} if message.startswith("delete") else entity.fields


def _others(
    message: str, record: CrmRecord, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> list[CrmRecord]:
    """The loser of a merge, or what a qualified lead became, the contact first."""
    if message == "merge":
        loser = _guid(inputs.get("SubordinateId"))
        found = [CrmRecord(record.object, loser)] if loser else []
    elif message == "qualifylead":
        made = [_reference(each, "") for each in listed(outputs.get("CreatedEntities"))]
        found = [each for name in _BECAME for each in made if each and each.object == name]
    else:
        return []
    return [each for each in dict.fromkeys(found) if each != record]


def _key(
    context: Mapping[str, Any],
    message: str,
    record: CrmRecord,
    fields: Mapping[str, Any],
    others: Sequence[CrmRecord],
) -> str:
    ids = [_guid(context.get(name)) for name in ("OrganizationId", "OperationId", "CorrelationId")]
    place = [identifier(context.get(name)) for name in ("Stage", "Depth")]
    changed = orjson.dumps([fields, [other.id for other in others]], option=orjson.OPT_SORT_KEYS).decode()
    return dedupe_key("dynamics", *ids, message, *record, *place, changed)


def _pairs(value: Any) -> dict[str, Any]:
    """A collection of Dataverse, a list of `{"key": …, "value": …}`; also one that came as an object."""
    if isinstance(value, dict):
        return value
    pairs = [mapping(each) for each in listed(value)]
    named = ((text(pair.get("key", pair.get("Key"))), pair.get("value", pair.get("Value"))) for pair in pairs)
    return {name: value for name, value in named if name}


def _image(images: Any) -> dict[str, Any]:
    """The attributes of all images: of one record, as it was or is."""
    fields: dict[str, Any] = {}
    for image in _pairs(images).values():
        fields |= _attributes(image)
    return fields


def _attributes(entity: Any) -> dict[str, Any]:
    return {name: _value(raw) for name, raw in _pairs(mapping(entity).get("Attributes")).items()}


def _value(raw: Any) -> Any:
    """The value inside of a choice, an amount of money, or a date.

    A reference keeps its table, which tells a team from a user, and its name.
    """
    if isinstance(raw, list):
        return [_value(each) for each in raw]
    if isinstance(raw, dict):
        if "Id" in raw and "LogicalName" in raw and "Attributes" not in raw:
            kept = {name: raw[name] for name in ("LogicalName", "Name") if raw.get(name) is not None}
            return {"Id": _guid(raw["Id"]), **kept}
        return _value(raw["Value"]) if "Value" in raw else raw
    date = moment(raw) if isinstance(raw, str) and "/Date(" in raw else None
    return date.isoformat() if date else raw


def _reference(value: Any, name: str) -> CrmRecord | None:
    entity = mapping(value)
    id_ = _guid(entity.get("Id"))
    object_ = object_name(entity.get("LogicalName") or name, _OBJECTS)
    return CrmRecord(object_, id_) if id_ and object_ else None


def _guid(value: Any) -> str | None:
    """The id in lowercase and without braces. None if it is missing, or nothing but zeros."""
    id_ = (identifier(value) or "").strip("{}").lower()
    return id_ if id_ and id_ != _NO_GUID else None
