"""Change events of Salesforce as a bridge posts them, and what all records of Salesforce share."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from app.values.crm_ids import salesforce_id
from app.webhooks.crm_events import CrmEvent, CrmEventKind, CrmRecord, EndpointTerms, Origin, Unreadable
from app.webhooks.vendors.payloads import (
    dedupe_key,
    identifier,
    identifiers,
    items_of,
    listed,
    mapping,
    moment,
    object_name,
    read_json,
    text,
    whole_number,
)

OBJECTS: Final = {"account": "company", "opportunity": "deal", "emailmessage": "email"}
_CONVERTED: Final = {
    "ConvertedContactId": "contact",
    "ConvertedOpportunityId": "deal",
    "ConvertedAccountId": "company",
}
_KINDS: Final[Mapping[str, CrmEventKind]] = {
    "CREATE": "created",
    "UPDATE": "updated",
    "DELETE": "deleted",
    "UNDELETE": "restored",
}
_HEADER: Final = "ChangeEventHeader"
_WRAPPERS: Final = ("data", "detail", "payload", "event", "message")
_ORGANIZATIONS: Final = ("organizationId", "OrganizationId", "organization_id", "orgId")
_RELAYED: Final = re.compile(r"aws\.partner/salesforce\.com/([A-Za-z0-9]{15,18})/.*")
_CLIENT: Final = re.compile(r";\s*client=([^;/]+)")
_BITMAP: Final = re.compile(r"(?:[0-9]+-)?0x[0-9A-Fa-f]+")
_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_UI_CLIENT: Final = "SfdcInternalAPI"
_ALL: Final = "*"


def field_value(name: str, value: Any) -> Any:
    """The value; an id in its form of 18 characters."""
    is_id = name.endswith("Id") and isinstance(value, str) and _ID.fullmatch(value)
    return salesforce_id(value) if is_id else value


def converted(
    record: CrmRecord, fields: Mapping[str, Any], kind: CrmEventKind
) -> tuple[CrmEventKind, list[CrmRecord]]:
    """A lead with the ids of a conversion became those records, the contact first."""
    if record.object != "lead" or kind not in ("created", "updated"):
        return kind, []
    others = [
        CrmRecord(object_, id_)
        for name, object_ in _CONVERTED.items()
        if (id_ := identifier(fields.get(name)))
    ]
    return ("converted" if others else kind), others


def payloads(body: bytes) -> Iterator[tuple[list[Mapping[str, Any]], Mapping[str, Any]]]:
    """Each change event, with the objects around it that name its origin."""
    document = read_json(body)
    events = mapping(document).get("events")
    for item in items_of(events if isinstance(events, list) else document):
        around = [item]
        while _HEADER not in around[-1]:
            inner = next(
                (mapping(around[-1][name]) for name in _WRAPPERS if mapping(around[-1].get(name))), None
            )
            if inner is None:
                break
            around.append(inner)
        else:
            yield around, around[-1]


def named_organizations(body: bytes) -> Iterator[str]:
    """The organizations that the bridge names. None if the body cannot be read."""
    with suppress(Unreadable):
        yield from _named_organizations(body)


def _named_organizations(body: bytes) -> Iterator[str]:
    yield from _organizations_of(mapping(read_json(body)))
    for around, payload in payloads(body):
        for each in (*around, mapping(payload[_HEADER])):
            yield from _organizations_of(each)


def _organizations_of(item: Mapping[str, Any]) -> Iterator[str]:
    for name in _ORGANIZATIONS:
        if (named := identifier(item.get(name))) is not None:
            yield named
    if relayed := _RELAYED.fullmatch(text(item.get("source"))):
        yield relayed[1]


def changes(payload: Mapping[str, Any], terms: EndpointTerms) -> Iterator[CrmEvent]:
    """An event for each record of a change; the same change of many records comes as one."""
    header = mapping(payload[_HEADER])
    object_ = object_name(header.get("entityName"), OBJECTS)
    change = text(header.get("changeType")).upper()
    kind = _KINDS.get(change, "gap")
    fields, whole = _changed_fields(payload, header, kind)
    user = salesforce_id(identifier(header.get("commitUser")) or "") or None
    for id_ in _record_ids(header, change) if object_ else ():
        record = CrmRecord(object_, id_)
        of_all = id_ == _ALL
        named, others = converted(record, fields, kind)
        master = identifier(fields.get("MasterRecordId")) if kind in ("updated", "deleted") else None
        if master and master != id_ and not of_all:
            named, others, record = "merged", [record], CrmRecord(object_, master)
        yield CrmEvent(
            dedupe_key=_change_key(header, object_, change, id_, terms),
            kind="gap" if of_all else named,
            record=record,
            at=moment(header.get("commitTimestamp")),
            order=whole_number(header.get("sequenceNumber")),
            fields={} if of_all or named in ("gap", "merged") else fields,
            complete=kind in ("created", "restored"),
            others=[] if of_all else others,
            actor=_actor(user, text(header.get("changeOrigin")), terms),
            origin=_origin(text(header.get("changeOrigin"))),
            must_read=of_all or named in ("gap", "merged") or not whole,
        )


def _record_ids(header: Mapping[str, Any], change: str) -> list[str]:
    """The ids; `*` for all records of the object, where Salesforce gives a prefix with `*` or no id."""
    ids = identifiers(header.get("recordIds"))
    if change == "GAP_OVERFLOW" or any(_ALL in each for each in ids):
        return [_ALL]
    return list(dict.fromkeys(map(salesforce_id, ids)))


def _change_key(header: Mapping[str, Any], object_: str, change: str, id_: str, terms: EndpointTerms) -> str:
    """The transaction and the place in it; a gap always has the place 1, so object and change count too."""
    transaction = identifier(header.get("transactionKey"))
    parts = [transaction] if transaction else [header.get("commitNumber"), header.get("commitTimestamp")]
    organization = salesforce_id((terms.organization_id or "").strip())
    return dedupe_key(organization, *parts, whole_number(header.get("sequenceNumber")), object_, change, id_)


def _changed_fields(
    payload: Mapping[str, Any], header: Mapping[str, Any], kind: CrmEventKind
) -> tuple[dict[str, Any], bool]:
    """The fields that changed, and whether they are all that did.

    A bridge that decodes Avro sends every field of the object, most of them null, so only the header tells
    what changed. One that does not decode the header's bit fields leaves the cleared fields unknown.
    """
    values = {
        name: field_value(name, value)
        for each, given in payload.items()
        if each != _HEADER
        for name, value in _flattened(each, given)
    }
    if kind != "updated":
        return {name: value for name, value in values.items() if value is not None}, True
    changed, cleared, differing = (
        [text(each) for each in listed(header.get(name))]
        for name in ("changedFields", "nulledFields", "diffFields")
    )
    if any(_BITMAP.fullmatch(each) for each in (*changed, *cleared, *differing)):
        return {name: value for name, value in values.items() if value is not None}, False
    if changed or cleared:
        names = {name for path in (*changed, *cleared) for name in _names(path, payload)}
        values = {name: values.get(name) for name in sorted(names)}
    # A long text comes as its difference, which is no value.
    return {name: value for name, value in values.items() if name not in differing}, not differing


def _flattened(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a compound one, by their own names: City in `MailingAddress` is MailingCity."""
    if not isinstance(value, dict):
        yield name, value
        return
    for part, each in value.items():
        yield _part_name(name, part), each


def _part_name(name: str, part: str) -> str:
    return name.removesuffix("Address") + part if name.endswith("Address") else part


def _names(path: str, payload: Mapping[str, Any]) -> list[str]:
    name, _, part = path.partition(".")
    if part:
        return [_part_name(name, part)]
    return [each for each, _ in _flattened(name, payload.get(name))]


def _actor(user: str | None, origin: str, terms: EndpointTerms) -> str | None:
    """The user; or the API client, if the endpoint names that one as its own."""
    client = _CLIENT.search(origin)
    own = listed(terms.options.get("actor"))
    return client[1].strip() if client and client[1].strip() in own else user


def _origin(origin: str) -> Origin | None:
    client = _CLIENT.search(origin)
    if client and client[1].strip() == _UI_CLIENT:
        return "person"
    if "/bulk" in origin:
        return "import"
    return "integration" if "/api/" in origin else None
