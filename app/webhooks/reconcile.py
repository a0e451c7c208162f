"""The CRM's own list of its leads is compared with the books, and the books follow it.

A lead that changed here after the list was made is left alone, and so is one whose new owner is still on the
way to the CRM. That a lead is not listed is never a deletion.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from app import places
from app.directory import bulk_moves
from app.directory.editing import DirectoryEdit
from app.dispatch.caches import PlanCache
from app.dispatch.decision_session import GONE
from app.dispatch.jobs.reconcile_lead import change_to_json
from app.engine.compile.plan import Plan
from app.engine.life.crm import ECHO_WITHIN, CrmChange, OurWrite, RecordKey, target_of
from app.engine.model.decision import Target
from app.engine.model.directory import Directory
from app.pace import Pace, paced
from app.store.connection.pool import Pool, transaction
from app.store.crm import books, records
from app.store.crm.books import BookedLead, MissingRecord, WantedRecord
from app.store.crm.findings import keep_findings
from app.store.crm.records import FindingRow
from app.store.leads.bulk_jobs import BulkJob
from app.store.path.current_state import read_current_state
from app.values.crm_ids import crm_id_key
from app.webhooks.crm_events import CrmEvent, CrmRecord
from app.webhooks.mapping import EventTerms, read_event

MAX_MISSING = 10_000
"""So many leads that are not listed are named."""
SLICE = 200
"""Lines of a list that are looked up at once."""
Compared = Literal[
    "same", "owner_differs", "changed_here", "write_under_way", "no_owner", "unknown_owner", "unknown_record",
    "other_record", "not_a_lead", "missing",
]  # fmt: skip
COMPARED: Final[tuple[Compared, ...]] = get_args(Compared)
_LISTED_BY_DEFAULT: Final = {"hubspot": "contact", "pipedrive": "contact"}
_FINDINGS: Final[Mapping[Compared, str]] = {"unknown_owner": "unknown_user", "missing": "missing_in_crm"}
"""What is found out where something is applied, by what was compared."""


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """A record of the list: its owner by the CRM's id, and when it was changed last."""

    id: str
    owner: str | None
    object: str | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CrmList:
    """A list of the CRM, as it was at a time. `complete` says that it names every record of its objects."""

    records: Sequence[ListedRecord]
    as_of: datetime
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """What the list and the books say about one record.

    `owner` and `queue` are where the lead is here, `to` is where it goes if the list is applied.
    """

    object: str | None
    id: str
    result: Compared
    crm_owner: str | None = None
    lead_id: str | None = None
    assignment_id: str | None = None
    owner: str | None = None
    queue: str | None = None
    to: Target | None = None
    change: CrmChange | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every line of the list, and the leads that it lacks."""

    endpoint_id: str
    as_of: datetime
    lines: Sequence[Line]

    def counts(self) -> dict[Compared, int]:
        """How many lines have which result."""
        found = dict.fromkeys(COMPARED, 0)
        for line in self.lines:
            found[line.result] += 1
        return found


async def compare(
    pool: Pool, plans: PlanCache, workspace_id: int, terms: EventTerms, listed: CrmList
) -> Comparison:
    """Compare a list with the books, some lines at a time. Nothing changes.

    What changes here meanwhile is newer than the list, or is found when it is the lead's turn to move. Raises
    Overloaded when too many others of the workspace wait.
    """
    async with places.LISTS.take(workspace_id):
        return await _compare(pool, plans, workspace_id, terms, listed)


async def _compare(
    pool: Pool, plans: PlanCache, workspace_id: int, terms: EventTerms, listed: CrmList
) -> Comparison:
    state = await read_current_state(pool, workspace_id)
    plan = await plans.fetch(workspace_id, state.entry.plan_version)
    as_of = min(listed.as_of, state.facts.now)
    comparer = _Comparer(terms, state.facts.directory, plan, as_of, state.facts.now)
    changes = [comparer.read(each) async for each in paced(listed.records)]
    known = _Books()
    for start in range(0, len(changes), SLICE):
        wanted = [_wanted(each) for each in changes[start : start + SLICE]]
        async with transaction(pool, workspace_id, read_only=True) as connection:
            found = await books.find_books(connection, workspace_id, terms.system, wanted)
            booked = {start + each.position - 1: each for each in found if each.state not in GONE}
            lead_ids = sorted({each.lead_id for each in booked.values()} - known.lead_ids)
            writes, confirmed = await records.find_writes(connection, workspace_id, lead_ids)
        known.add(booked, writes, confirmed)
        await Pace().next_slice()
    lines = await comparer.compare(changes, known)
    if listed.complete:
        objects = {each.record.object for each in changes}
        async with transaction(pool, workspace_id, read_only=True) as connection:
            missing = await books.find_missing(
                connection, workspace_id, terms.system, objects, sorted(known.lead_ids), as_of, MAX_MISSING
            )
        lines += map(_missing, missing)
    return Comparison(terms.endpoint_id, as_of, lines)


async def apply(edit: DirectoryEdit, compared: Comparison) -> BulkJob | None:
    """Make a job that lets the books follow, and keep what an operator should know.

    Each lead is checked again when it is its turn. Returns None if no owner differs.
    """
    found = [
        FindingRow(
            _FINDINGS[line.result],
            compared.endpoint_id,
            line.object or "lead",
            line.id,
            edit.now,
            line.lead_id,
        )
        for line in compared.lines
        if line.result in _FINDINGS
    ]
    if found:
        await keep_findings(edit.connection, edit.workspace_id, found)
    moved = [(line, line.change) for line in compared.lines if line.to is not None]
    if not moved:
        return None
    leads = [(line.lead_id or "", line.assignment_id or "") for line, _ in moved]
    terms = [change_to_json(change) for _, change in moved if change is not None]
    params = {"endpoint": compared.endpoint_id, "as_of": compared.as_of.isoformat()}
    return await bulk_moves.create_for(edit, "reconcile", leads, params, terms)


@dataclass(slots=True)
class _Books:
    """What the books say: the leads by the position of their line, and the owners that we wrote."""

    booked: dict[int, BookedLead] = field(default_factory=dict)
    writes: dict[str, Sequence[OurWrite]] = field(default_factory=dict)
    confirmed: set[tuple[str, str]] = field(default_factory=set)
    lead_ids: set[str] = field(default_factory=set)

    def add(
        self,
        booked: Mapping[int, BookedLead],
        writes: Mapping[str, Sequence[OurWrite]],
        confirmed: Collection[tuple[str, str]],
    ) -> None:
        """Take what was read for some lines."""
        self.booked.update(booked)
        self.writes.update(writes)
        self.confirmed.update(confirmed)
        self.lead_ids.update(each.lead_id for each in booked.values())


@dataclass(frozen=True, slots=True)
class _Comparer:
    """Compares one list."""

    terms: EventTerms
    directory: Directory
    plan: Plan
    as_of: datetime
    now: datetime

    def read(self, listed: ListedRecord) -> CrmChange:
        """A line as if the CRM had told of a change of the owner."""
        object_ = listed.object or _LISTED_BY_DEFAULT.get(self.terms.kind, "lead")
        mapping = self.terms.mapping.objects.get(object_)
        fields = mapping.fields if mapping is not None else {}
        name = next((name for name, means in fields.items() if means == "owner"), "owner")
        event = CrmEvent(
            "", "updated", CrmRecord(object_, listed.id), listed.modified_at, fields={name: listed.owner}
        )
        read = read_event(event, self.terms)
        if isinstance(read, CrmChange):
            return read
        record = RecordKey(self.terms.system, object_, listed.id)
        return CrmChange(self.terms.endpoint_id, self.terms.kind, record, "updated", "activity")

    async def compare(self, changes: Sequence[CrmChange], known: _Books) -> list[Line]:
        """Compare each line with where its lead is."""
        counting = await _counting(changes, known.booked)
        return [
            self._line(position, change, counting, known)
            async for position, change in paced(enumerate(changes))
        ]

    def _line(self, position: int, change: CrmChange, counting: Mapping[str, int], known: _Books) -> Line:
        lead = known.booked.get(position)
        crm_owner = change.owner.id if change.owner is not None else None
        if lead is None or change.role != "lead" or change.owner is None:
            result: Compared = "not_a_lead" if change.role != "lead" else "unknown_record"
            return Line(change.record.object, change.record.id, result, crm_owner)
        to = target_of(change.owner, self.terms.kind, self.directory, self.plan.queues)
        pending = [
            each
            for each in known.writes.get(lead.lead_id, ())
            if (each.assignment_id, self.terms.system) not in known.confirmed
        ]
        if counting[lead.lead_id] != position:
            result = "other_record"
        elif to is not None and to.name == (lead.owner if to.kind == "owner" else lead.queue):
            result = "same"
        elif lead.decided_at > self.as_of:
            result = "changed_here"
        elif self._is_under_way(change, lead, pending):
            result = "write_under_way"
        elif to is not None:
            result = "owner_differs"
        elif change.owner.id is not None:
            result = "unknown_owner"
        else:
            result = "same" if lead.owner is None else "no_owner"
        return Line(
            change.record.object,
            change.record.id,
            result,
            crm_owner,
            lead.lead_id,
            lead.assignment_id,
            lead.owner,
            lead.queue,
            to if result == "owner_differs" else None,
            change,
        )

    def _is_under_way(self, change: CrmChange, lead: BookedLead, pending: Sequence[OurWrite]) -> bool:
        """Whether the owner that the lead has here is newer than the record, and not heard back yet."""
        return any(
            each.assignment_id == lead.assignment_id
            and self.terms.kind in each.ids
            and change.at is not None
            and change.at <= each.at
            and self.now - each.at <= ECHO_WITHIN
            for each in pending
        )


def _wanted(change: CrmChange) -> WantedRecord:
    return WantedRecord(change.record.object, change.record.id, crm_id_key(change.record.id))


async def _counting(changes: Sequence[CrmChange], booked: Mapping[int, BookedLead]) -> dict[str, int]:
    """The line that counts for each lead. Of several records of one lead it is the one changed last."""
    found: dict[str, int] = {}
    async for position, lead in paced(booked.items()):
        other = found.get(lead.lead_id)
        if other is None or _time(changes[position]) > _time(changes[other]):
            found[lead.lead_id] = position
    return found


def _time(change: CrmChange) -> datetime:
    return change.at or datetime.min.replace(tzinfo=UTC)


def _missing(record: MissingRecord) -> Line:
    return Line(record.object, record.id, "missing", lead_id=record.lead_id)


def differing(compared: Comparison) -> Iterator[Line]:
    """The lines where the books differ from the list."""
    return (line for line in compared.lines if line.result not in ("same", "other_record"))
