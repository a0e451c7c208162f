"""What an event of a CRM means, by the mapping of its endpoint. Pure: no I/O and no clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.contract.crm_mapping import CrmMapping, ObjectMapping, Role
from app.engine.life.crm import CrmChange, DealField, OwnerChange, RecordKey, digest
from app.engine.life.crm import Role as RecordRole
from app.engine.life.events import ReportedEvent
from app.values.crm_ids import crm_id_key, salesforce_id
from app.values.full_names import split_full_name
from app.webhooks.crm_events import CrmEvent, CrmRecord
from app.webhooks.field_values import boolean_of, id_of, moment_of, text_of

MAX_TEXT, MAX_KEY = 8192, 255
_VIA_OF = {"todo": "task", "call": "phone", "e-mail": "email"}


@dataclass(frozen=True, slots=True)
class EventTerms:
    """What an endpoint says about its events.

    `system` tells the records of two organizations apart. `actors` are the ids of our own users and apps.
    """

    endpoint_id: str
    kind: str
    system: str
    mapping: CrmMapping
    actors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UserChange:
    """What a CRM says of one of its users; None where it says nothing."""

    id: str
    at: datetime | None
    active: bool | None = None
    away: bool | None = None
    away_until: datetime | None = None
    away_from: datetime | None = None


def read_event(
    event: CrmEvent, terms: EventTerms, *, delivered: bool = False
) -> CrmChange | UserChange | None:
    """What an event means; None for a record that the mapping ignores.

    `delivered` says that it is a record that was read because we asked for it.
    """
    return _Reader(event, terms, delivered).read()


@dataclass(frozen=True, slots=True)
class _Reader:
    event: CrmEvent
    terms: EventTerms
    delivered: bool

    @property
    def object(self) -> ObjectMapping:
        return self.terms.mapping.objects.get(self.event.record.object, ObjectMapping())

    def read(self) -> CrmChange | UserChange | None:
        role = self.object.as_
        if role == "ignore":
            return None
        if role == "user":
            return self._user()
        if role == "activity" and self.event.kind == "deleted":
            return None
        change = self._change(role)
        if role == "lead":
            return self._lead(change)
        return self._deal(change) if role == "deal" else self._activity(change)

    def _change(self, role: RecordRole) -> CrmChange:
        event, mapping, ours = self.event, self.terms.mapping, self._ours()
        happened = event.kind if event.kind != "erased" else "deleted"
        return CrmChange(
            endpoint_id=self.terms.endpoint_id,
            kind=self.terms.kind,
            record=self._key(event.record),
            happened=happened,
            role=role,
            at=event.at,
            order=event.order,
            by_person=event.origin == "person" or (event.origin is None and not ours),
            ours=ours,
            quiet=event.origin == "import" and mapping.import_ == "record",
            others=tuple(self._others()),
            complete=event.complete or self.delivered,
            must_read=event.must_read or event.kind == "gap",
            delivered=self.delivered,
            creates=self.object.created == "route",
            reroute_cleared="owner_cleared" in mapping.reassign_on,
            rerouted_by={
                each.field: frozenset(each.to) if each.to is not None else None
                for each in mapping.reassign_on
                if not isinstance(each, str)
            },
            count_turn=mapping.count_turn,
        )

    def _ours(self) -> bool | None:
        """Whether one of our own users or apps did it. None if that cannot be told."""
        if self.terms.actors and self.event.actor is not None:
            return self.event.actor in self.terms.actors
        return False if self.event.origin == "person" else None

    def _others(self) -> Iterator[tuple[RecordKey, RecordRole]]:
        for record in self.event.others:
            role = self.terms.mapping.objects.get(record.object, ObjectMapping()).as_
            if role == "lead" or role == "deal":
                yield self._key(record), role

    def _lead(self, change: CrmChange) -> CrmChange:
        values: dict[str, tuple[tuple[str, ...], Any]] = {}
        owner, owner_field = None, "owner"
        for name, meaning, value in self._meant():
            if meaning == "owner":
                owner, owner_field = self._owner(name, value), name
            elif meaning == "name":
                for part, word in split_full_name(str(text_of(value) or "")).items():
                    values[f"{name}.{part}"] = ((part,), word)
            elif _fits(meaning, value):
                values[name] = (tuple(meaning.split(".")), _value(meaning, value))
        digests = {name: digest(value) for name, (_, value) in values.items()}
        if owner is not None:
            digests[owner_field] = digest(owner.id)
        reports = list(self._said())
        digests |= {
            name: digest(text_of(self.event.fields[name])) for name, _ in reports if name not in digests
        }
        if self.event.kind == "converted":
            reports += list(self._conversion())
        return replace(
            change,
            values=values,
            owner=owner,
            owner_field=owner_field,
            digests=digests,
            reports=tuple(reports),
        )

    def _deal(self, change: CrmChange) -> CrmChange:
        deal: dict[str, DealField] = {}
        links: list[RecordKey] = []
        for name, meaning, value in self._meant():
            if meaning.startswith("link"):
                links += self._links(meaning, value)
            elif meaning == "stage":
                text = text_of(value) or ""
                stages = {key.casefold(): stage for key, stage in self.object.stages.items()}
                deal[name] = DealField("stage", stages.get(text.casefold(), "open"))
            elif meaning == "amount":
                deal[name] = DealField("amount", text_of(value))
            elif meaning == "currency":
                deal[name] = DealField("currency", text_of(value))
        digests = {name: digest(each.value) for name, each in deal.items()}
        return replace(change, deal=deal, links=tuple(dict.fromkeys(links)), digests=digests)

    def _activity(self, change: CrmChange) -> CrmChange:
        links: list[RecordKey] = []
        found: dict[str, Any] = {}
        for _, meaning, value in self._meant():
            if meaning.startswith("link"):
                links += self._links(meaning, value)
            else:
                found.setdefault(meaning, value)
        object_ = self.object
        reports: tuple[tuple[str, ReportedEvent], ...] = ()
        done = all(self._has(name, values) for name, values in object_.when.items())
        if object_.event is not None and done and self.event.fields:
            via = text_of(found.get("via")) or object_.via
            reached = any(self._has(name, values) for name, values in object_.reached_when.items())
            report = ReportedEvent(
                type="reached" if reached else object_.event,
                at=moment_of(found.get("at")) or change.at,
                by=self._by(id_of(found.get("owner")) or self.event.actor, change),
                via="auto"
                if change.ours
                else _VIA_OF.get((via or "").lower(), (via or "").lower()[:MAX_KEY] or None),
                for_at=moment_of(found.get("for")),
            )
            reports = (("", report),)
        return replace(change, links=tuple(dict.fromkeys(links)), reports=reports)

    def _user(self) -> UserChange | None:
        found = {meaning: value for _, meaning, value in self._meant()}
        active = boolean_of(found.get("active"))
        inactive = boolean_of(found.get("inactive"))
        if self.event.kind == "deleted":
            active = False
        elif active is None and inactive is not None:
            active = not inactive
        away = boolean_of(found.get("away"))
        id_ = self._canonical(self.event.record.id)
        return UserChange(id_, self.event.at, active, away, moment_of(found.get("away_until")))

    def _meant(self) -> Iterator[tuple[str, str, Any]]:
        """The fields that mean something, in the order of the mapping."""
        for name, meaning in self.object.fields.items():
            if name in self.event.fields and meaning != "ignore":
                yield name, meaning, self.event.fields[name]

    def _said(self) -> Iterator[tuple[str, ReportedEvent]]:
        """The events that values of fields say."""
        for name, types in self.object.events.items():
            if name not in self.event.fields:
                continue
            text = (text_of(self.event.fields[name]) or "").casefold()
            type_ = next((type_ for value, type_ in types.items() if value.casefold() == text), None)
            if type_ is not None:
                by_person = self.event.origin in ("person", None) and not self._ours()
                by = self._by(self.event.actor, None) if self.event.actor is not None else None
                yield (
                    name,
                    ReportedEvent(
                        type_,
                        at=self.event.at,
                        by=by if by_person else self.terms.kind,
                        via=None if by_person else "auto",
                        # The fields of CRMs that say so by default are about e-mail.
                        channel="email" if type_ == "unsubscribed" else None,
                    ),
                )

    def _conversion(self) -> Iterator[tuple[str, ReportedEvent]]:
        """A lead that was converted is qualified, and each deal that it became is open."""
        yield "", ReportedEvent("qualified", at=self.event.at)
        for key, role in self._others():
            if role == "deal":
                yield (
                    "",
                    ReportedEvent("opportunity", f"{key.object}:{key.id}:open", at=self.event.at, ref=key.id),
                )

    def _owner(self, name: str, value: Any) -> OwnerChange:
        id_ = id_of(value)
        id_ = self._canonical(id_) if id_ is not None else None
        tells = name in self.event.previous
        previous = id_of(self.event.previous.get(name))
        mapping = self.terms.mapping
        return OwnerChange(
            id=crm_id_key(id_) if id_ is not None else None,
            owner=named_by(mapping.users, id_),
            queue=named_by(mapping.queues, id_),
            is_group=_is_group(self.terms.kind, id_, value),
            previous=crm_id_key(previous) if previous is not None else None,
            tells_previous=tells,
        )

    def _by(self, user: str | None, change: CrmChange | None) -> str:
        """Who did it: the owner, by the mapping or the CRM's id. The CRM itself where nobody is named."""
        if change is not None and change.ours:
            return self.terms.kind
        return named_by(self.terms.mapping.users, user) or user or self.terms.kind

    def _links(self, meaning: str, value: Any) -> Iterator[RecordKey]:
        """The records that a field names, of one object or of all that may be a lead."""
        _, _, object_ = meaning.partition(".")
        roles: Mapping[str, Role] = {name: each.as_ for name, each in self.terms.mapping.objects.items()}
        objects = [object_] if object_ else [name for name, role in roles.items() if role in ("lead", "deal")]
        for each in value if isinstance(value, list) else [value]:
            id_ = id_of(each)
            if id_ is not None:
                for name in objects:
                    yield self._key(CrmRecord(name, id_))

    def _has(self, name: str, values: list[str]) -> bool:
        text = (text_of(self.event.fields.get(name)) or "").casefold()
        return any(each.casefold() == text for each in values)

    def _key(self, record: CrmRecord) -> RecordKey:
        return RecordKey(self.terms.system, record.object, self._canonical(record.id))

    def _canonical(self, id_: str) -> str:
        return canonical_id(self.terms.kind, id_)


def canonical_id(kind: str, id_: str) -> str:
    """The id of a record as it is kept, in whatever form it came."""
    if kind == "salesforce":
        return salesforce_id(id_)
    return id_.lower() if kind == "dynamics" else id_


def _fits(meaning: str, value: Any) -> bool:
    """Whether a lead may have such a value: no longer than one that is sent."""
    texts = value if isinstance(value, list) else [value]
    longest = MAX_KEY if meaning == "email" or meaning.startswith("crm.") else MAX_TEXT
    return all(len((text_of(each) or "").encode()) <= longest for each in texts)


def _value(meaning: str, value: Any) -> Any:
    if meaning.startswith("crm."):
        return id_of(value)
    if isinstance(value, list) and meaning in ("pages", "content", "product_interest", "language"):
        return [text for each in value if (text := text_of(each)) is not None]
    return text_of(value)


def named_by(named: Mapping[str, str], id_: str | None) -> str | None:
    """What a mapping names for an id, in whatever form a Salesforce id is written."""
    if id_ is None:
        return None
    if id_ in named:
        return named[id_]
    key = crm_id_key(id_)
    return next((each for other, each in named.items() if crm_id_key(other) == key), None)


def _is_group(kind: str, id_: str | None, value: Any) -> bool:
    """Whether the CRM says that an owner is a queue or a team."""
    if id_ is None:
        return False
    if kind == "salesforce":
        return id_.startswith("00G")
    named = value.get("LogicalName") if isinstance(value, Mapping) else None
    return kind == "dynamics" and named == "team"
