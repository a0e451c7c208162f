"""What a CRM says about its records, and what counts when it says two things.

Of each field of a record the newest value by the CRM's own time counts, in whatever order it is heard. Our
own writes come back as events too; they are told from changes by the value that we wrote.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from app.engine.life.events import ReportedEvent
from app.engine.life.queues import QueueTerms
from app.engine.model.decision import Target
from app.engine.model.directory import Directory
from app.values.crm_ids import crm_id_key

MAPPING_OWNER_UNKNOWN = "mapping_owner_unknown"
"""The mapping of the endpoint names an owner that does not exist here."""
CLOSE_CALL = timedelta(seconds=5)
"""A person's change so soon before or after our decision wins."""
ECHO_WITHIN = timedelta(hours=24)
"""Our own write is expected to come back in this time."""
GONE_FOR = timedelta(hours=24)
"""A lead whose last record was deleted is closed after this time, if no merge names the record."""
MAX_PER_HOUR = 3
"""So many decisions of a lead within an hour may come from a CRM."""
Order = Literal["newer", "repeated", "stale", "tie"]
Happened = Literal["created", "updated", "deleted", "merged", "converted", "restored", "gap"]
Role = Literal["lead", "deal", "activity"]


class RecordKey(NamedTuple):
    """A record of a CRM: the CRM and its organization, the kind of object, and the canonical id."""

    system: str
    object: str
    id: str


def shares_number(record: RecordKey, others: Iterable[RecordKey]) -> bool:
    """Whether one of these is another record with the same number: each CRM counts its records from one."""
    return record.id.isdecimal() and any(each.id == record.id and each != record for each in others)


@dataclass(frozen=True, slots=True)
class FieldVersion:
    """What is known about a field of a record.

    `at` and `order` are when the CRM changed it, None if it did not say. `value` is a digest of its value,
    `since` when it first had this value, and `by_person` says whether a person set it.
    """

    at: datetime | None
    order: int
    value: str
    since: datetime | None
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """A new owner of a record. `id` is the CRM's id of the user or group, None for nobody.

    `owner` is the owner here, and `queue` the queue here, that the endpoint's mapping names for this id.
    `is_group` says that the CRM calls it a queue or a team. `previous` is the id before, where it is told.
    """

    id: str | None
    owner: str | None = None
    queue: str | None = None
    is_group: bool = False
    previous: str | None = None
    tells_previous: bool = False


@dataclass(frozen=True, slots=True)
class OurWrite:
    """An owner that a decision of ours wrote to the CRM. `ids` are the owner's ids by kind of CRM."""

    assignment_id: str
    at: datetime
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DealField:
    """What a field of a deal says: its stage (`won`, `lost` or `open`), its amount or its currency."""

    means: Literal["stage", "amount", "currency"]
    value: str | None


@dataclass(frozen=True, slots=True)
class CrmChange:
    """One event of a CRM, as the mapping of its endpoint reads it.

    - `kind` is the kind of CRM, by which owners and queues have ids.
    - `by_person` says that a person did it, `ours` that one of our own users or apps did (None: not told).
    - `others` are the records that are this one from now on (`merged`), or that it became (`converted`).
    - `links` are the records of the lead that a deal or an activity belongs to.
    - `values` are the fields of the lead by the CRM's name: where they go, and the new value.
    - `digests` are digests of the new values of every field that means something.
    - `reports` are events to report, by the field that says them; an empty name stands for the record.
    - `complete` says that the whole record was sent, `must_read` that it must be read.
    - `delivered` says that somebody read the record because we asked for it.
    - `quiet` says that it is part of an import or a mass update: nobody is told, and nothing is routed.
    - `creates` says that a new record is routed.
    - `rerouted_by` are the fields in which a change makes the plan decide again, with the values that do
      (None: all).
    """

    endpoint_id: str
    kind: str
    record: RecordKey
    happened: Happened
    role: Role
    at: datetime | None = None
    order: int = 0
    by_person: bool = False
    ours: bool | None = None
    quiet: bool = False
    others: tuple[tuple[RecordKey, Role], ...] = ()
    links: tuple[RecordKey, ...] = ()
    owner_field: str = "owner"
    owner: OwnerChange | None = None
    values: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    deal: Mapping[str, DealField] = field(default_factory=dict)
    reports: tuple[tuple[str, ReportedEvent], ...] = ()
    complete: bool = False
    must_read: bool = False
    delivered: bool = False
    creates: bool = False
    rerouted_by: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    reroute_cleared: bool = True
    count_turn: bool = False

    def event_id(self, type_: str, fields: Iterable[str] = ()) -> str:
        """The id of an event that this change says: by record, type, fields, values and time.

        Without fields it is by record and type alone, so that there is one.
        """
        names = sorted(fields)
        said = [str(self.at), *(f"{name}={self.digests.get(name, '')}" for name in names)]
        mark = ":" + digest("|".join(said))[:16] if names else ""
        return f"{self.record.object}:{self.record.id}:{type_}{mark}"

    def event_ids(self) -> list[str]:
        """The ids of all events that this change can say."""
        found = [
            event.id or self.event_id(event.type, (name,) if name else ()) for name, event in self.reports
        ]
        if self.role == "deal":
            types = ("purchase", "reversed", "lost")
            found += [self.event_id("open"), *(self.event_id(type_, self.deal) for type_ in types)]
        return found

    def records(self) -> list[RecordKey]:
        """Every record that it names."""
        return [self.record, *(key for key, _ in self.others), *self.links]


def target_of(
    owner: OwnerChange, kind: str, directory: Directory, queues: Mapping[str, QueueTerms]
) -> Target | None:
    """The owner or the queue here that a CRM of this kind names. None for nobody, or for one not known here.

    What the endpoint's mapping names goes before the ids in the directory and in the plan.
    """
    if owner.owner is not None and owner.owner in directory.owners:
        return Target("owner", owner.owner)
    if owner.id is None:
        return None
    found = directory.owner_by_crm_id(owner.id, kind)
    if found is not None:
        return Target("owner", found.id)
    key = crm_id_key(owner.id)
    named = (name for name, terms in queues.items() if crm_id_key(terms.crm.get(kind, "")) == key)
    queue = owner.queue if owner.queue in queues else next(named, None)
    return Target("queue", queue) if queue is not None else None


def mapping_fault(owner: OwnerChange, directory: Directory, queues: Collection[str]) -> str | None:
    """A code if the endpoint's mapping names an owner or a queue that does not exist here."""
    if owner.owner is not None:
        return MAPPING_OWNER_UNKNOWN if owner.owner not in directory.owners else None
    return "mapping_queue_unknown" if owner.queue is not None and owner.queue not in queues else None


def digest(value: object) -> str:
    """A digest of a value, to tell whether two are the same. Nothing and an empty text are the same."""
    text = "" if value is None else str(value).strip()
    return sha256(text.encode()).hexdigest()[:32]


def unresolved(value: str) -> str:
    """The digest to keep of a value that nobody here understood, so that it is news when it is told again."""
    return digest(f"unresolved {value}")


def compare(change: CrmChange, value: str, known: FieldVersion | None) -> Order:
    """Whether a change of a field is news. `value` is its digest.

    Of two values of one time that of a person counts; else nobody knows which is the last, and the record
    must be read.
    """
    if known is None:
        return "newer"
    if change.at is None or known.at is None:
        if known.value == unresolved(value):
            return "newer"
        return "repeated" if value == known.value else "tie"
    here, there = (change.at, change.order), (known.at, known.order)
    if here != there:
        return "newer" if here > there else "stale"
    if value == known.value:
        return "repeated"
    if known.value == unresolved(value):
        return "newer"
    if change.by_person != known.by_person:
        return "newer" if change.by_person else "stale"
    return "tie"


def version_after(change: CrmChange, value: str, known: FieldVersion | None) -> FieldVersion:
    """What is known about a field after a change."""
    since = known.since if known is not None and known.value == value else change.at
    return FieldVersion(change.at, change.order, value, since, change.by_person)


def echoed(change: CrmChange, owner: OwnerChange, writes: Iterable[OurWrite]) -> OurWrite | None:
    """The write of ours, the newest first, that an owner change only repeats.

    Our own actor with another value is a change like any other, and so is another actor with our value. What
    came after a newer write of ours repeats no older one.
    """
    if change.ours is False:
        return None
    for write in writes:
        written = write.ids.get(change.kind)
        if written == owner.id:
            return write
        if owner.tells_previous and written == owner.previous:
            return None
    return None


def came_before(
    change: CrmChange, owner: OwnerChange, write: OurWrite | None, *, differs: bool | None
) -> bool:
    """Whether what the CRM says was there before our write, which is still under way.

    The value before a person's change shows that it came first. A whole record whose owner does not differ
    from what was heard last tells of no change at all. Of one that is heard of for the first time (`differs`
    is None), only its time can tell.
    """
    if write is None:
        return False
    if change.complete and not owner.tells_previous:
        return not (_edited_since(change, write) if differs is None else differs)
    if not owner.tells_previous or change.at is None:
        return False
    if owner.previous == write.ids.get(change.kind):
        return False
    return abs(change.at - write.at) > CLOSE_CALL


def _edited_since(change: CrmChange, write: OurWrite) -> bool:
    """Whether a person edited the record after our decision. CRMs tell whole seconds."""
    edited = change.happened == "updated" and change.by_person and not change.delivered
    return edited and change.at is not None and change.at >= write.at.replace(microsecond=0)
