"""Imports existing leads from a file, each with its current owner."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Field, ValidationError

from app.cli.context import progress
from app.cli.fault_lines import MAX_SHOWN
from app.cli.files.columns import matching
from app.cli.files.leads import LeadFile, LeadLine, LeadOptions, LineFault, open_leads
from app.cli.files.times import read_time
from app.cli.run import own_fields
from app.cli.sending import KeyedLine, batches, send, with_keys
from app.contract.faults import validation_failed
from app.contract.types import RequestModel, RequiredId, Timestamp
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import IdempotencyKey, Reply
from app.dispatch.jobs.import_lead import ImportLead
from app.engine.model.directory import Directory
from app.errors import Fault, Problem, ValidationFailed, refused_at
from app.intake.headers import fold_name
from app.metrics.process import Metrics
from app.plan.language.contact import EVERY
from app.plan.language.fields import Field as LeadField
from app.registry import strategies
from app.store.connection.pool import Pool
from app.store.path.current_state import read_current_state
from app.values.booleans import read_boolean
from app.values.crm_ids import crm_id_key

KEY_CONTEXT = "import"
STATES = ("open", "closed")
_VETOES = {"name": "the names differ", "several_leads": "other leads have it too"}
_HEADERS = {
    "owner": "owner id, lead owner id, owner email, lead owner, contact owner, besitzer, lead besitzer,"
    " inhaber, verantwortlich",
    "assigned_at": "assigned, assigned on, owner assigned date, last transfer date, zugewiesen am",
    "status": "lead status",
}
_ALIASES = {fold_name(each): name for name, all_ in _HEADERS.items() for each in all_.split(",")}


def _channels(value: object) -> object:
    """Channels, separated by semicolons. A word for yes stands for all, one for no for none."""
    if value is None or isinstance(value, list):
        return value
    if (said := read_boolean(value)) is not None:
        return [EVERY] if said else []
    return [each.strip().casefold() for each in str(value).split(";") if each.strip()]


Channels = Annotated[list[Literal["*", "email", "sms", "phone", "chat"]], BeforeValidator(_channels)]


class ImportStatus(RequestModel):
    """The columns of a line besides the lead's own fields: who owns it, since when, and its status.

    `unsubscribed` and `complained` name the channels of which the person wants no more.
    """

    owner: RequiredId
    team: RequiredId | None = None
    assigned_at: Timestamp | None = None
    status: Literal["open", "closed"] = "open"
    unsubscribed: Channels = Field(default_factory=list)
    complained: Channels = Field(default_factory=list)

    @property
    def withdrawn(self) -> list[tuple[str, str | None]]:
        """The events that this would be, with their channels."""
        said = [("unsubscribed", each) for each in self.unsubscribed]
        said += [("complained", each) for each in self.complained]
        return [(type_, None if channel == EVERY else channel) for type_, channel in said]


@dataclass(slots=True)
class ImportReport:
    """The outcomes of the lines.

    `moved` are the lines whose lead got another owner, `elsewhere` those whose lead has another owner, or
    waits, and stays there. `possible_duplicates` are sentences by line.
    """

    imported: int = 0
    unchanged: int = 0
    moved: list[int] = field(default_factory=list)
    elsewhere: list[int] = field(default_factory=list)
    possible_duplicates: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, line: int, outcome: Reply | Problem) -> None:
        """Count one line."""
        if isinstance(outcome, Problem):
            self.problems.append((line, outcome))
            return
        body = orjson.loads(outcome.body) if outcome.body else {}
        if "lead_id" in body:
            self.lines.setdefault(body["lead_id"], line)
            self._compare(line, body)
        if outcome.status == 204 or outcome.replayed or body.get("replayed"):
            self.unchanged += 1
        elif outcome.status == 201:
            self.imported += 1
        else:
            (self.elsewhere if outcome.status == 409 else self.moved).append(line)

    def summary(self) -> str:
        """The counts, the lines whose lead is elsewhere, and the possible duplicates."""
        counts = f"{self.imported:,} imported, {_counted(self.moved, 'moved')}, {self.unchanged:,} unchanged"
        lines = [f"leads: {counts}"]
        if self.elsewhere:
            lines.append(f"{_counted(self.elsewhere, 'left with another owner')}; --move moves them")
        if self.possible_duplicates:
            lines.append(
                f"possible duplicates, imported as leads of their own: {len(self.possible_duplicates):,}"
            )
            shown = self.possible_duplicates[:MAX_SHOWN]
            lines += [f"  line {line}: {sentence}" for line, sentence in shown]
            lines += ["  …"] if len(self.possible_duplicates) > MAX_SHOWN else []
        return "\n".join(lines)

    def _compare(self, line: int, body: Mapping[str, Any]) -> None:
        """Note the leads that share a key with this one. The sentence holds no value of a key."""
        for each in body.get("possible_duplicate") or ():
            other = self.lines.get(each["lead_id"])
            whose = f"line {other}" if other is not None else f"lead {each['lead_id']}"
            why = _VETOES.get(each["vetoed_by"], "their {} differs").format(_words(each["vetoed_by"]))
            self.possible_duplicates.append((line, f"same {_words(each['key'])} as {whose}, but {why}"))


def _counted(lines: Sequence[int], what: str) -> str:
    """The number of lines, and the first of them."""
    named = ", ".join(map(str, lines[:MAX_SHOWN])) + (", …" if len(lines) > MAX_SHOWN else "")
    return f"{len(lines)} {what}" + (f" (lines {named})" if lines else "")


def _words(key: str) -> str:
    return {"crm_lead": "CRM lead id"}.get(key, key.replace("_", " "))


async def import_file(
    pool: Pool, workspace_id: int, path: Path, options: LeadOptions, *, deadline: float, move: bool = False
) -> ImportReport:
    """Import the leads of a file. Each batch is committed on its own. Raises CommandError.

    A lead that is elsewhere moves to the owner of its line only with `move`.
    """
    file = open_existing_leads(path, options, await own_fields(pool, workspace_id))
    directory = (await read_current_state(pool, workspace_id)).facts.directory
    report, reader = ImportReport(), _StatusReader(file, directory)
    dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=deadline)
    done = 0
    with progress(len(file), "Importing leads") as bar:
        for batch in batches(with_keys(file, file.entries(), KEY_CONTEXT)):
            ready = list(_importable_lines(batch, reader, report))
            if ready:
                outcomes = await send(
                    dispatch, workspace_id, [partial(each.job, move=move) for each in ready], done
                )
                for outcome, each in zip(outcomes, ready, strict=True):
                    report.add(each.line.line, outcome)
            done += len(batch)
            bar.update(len(batch))
    await dispatch.attribute_names.write()
    report.notes += [*file.notes(), *reader.notes()]
    return report


def open_existing_leads(path: Path, options: LeadOptions, declared: tuple[LeadField, ...]) -> LeadFile:
    """The leads of a file with their owners and statuses.

    A column `state` that holds open or closed anywhere is the lead's status. Otherwise it is a state or
    province.
    """
    columns = replace(options.columns, extra=tuple(ImportStatus.model_fields), aliases=_ALIASES)
    as_state = replace(options, columns=columns)
    as_status = replace(options, columns=replace(columns, aliases={"state": "status", **_ALIASES}))
    file = open_leads(path, as_status, declared)
    column = next(iter(matching(file.columns, "state")), None)
    if column is None or column in options.columns.mapped:
        return file
    states = (str(cell or "").casefold() for cell in file.cells_of(column))
    return file if any(state in STATES for state in states) else file.reread(as_state)


class OwnerNames:
    """Finds owners by id, email address or CRM id, or else by name. Case counts in ids."""

    def __init__(self, directory: Directory) -> None:
        self._ids = directory.owners.keys()
        self._others: dict[str, set[str]] = defaultdict(set)
        self._in_crm: dict[str, set[str]] = defaultdict(set)
        self._names: dict[str, set[str]] = defaultdict(set)
        for owner in directory.owners.values():
            if owner.email:
                self._others[owner.email.casefold()].add(owner.id)
            self._names[_folded(owner.name)].add(owner.id)
            for id_ in owner.crm.values():
                self._in_crm[crm_id_key(id_)].add(owner.id)

    def id_of(self, text: str) -> str:
        """The owner's id. A name that matches nobody is returned unchanged.

        Raises ValidationFailed if it matches several owners.
        """
        if text in self._ids:
            return text
        matches = self._others.get(text.casefold(), set()) | self._in_crm.get(crm_id_key(text), set())
        matches = matches or self._names.get(_folded(text), set())
        if len(matches) > 1:
            raise refused_at(("owner",), "ambiguous_owner", "names more than one owner")
        return next(iter(matches), text)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


@dataclass(slots=True)
class _StatusReader:
    """Reads the columns of a line besides the lead's own fields."""

    file: LeadFile
    directory: Directory
    _owners: OwnerNames = field(init=False)
    _has_local_times: bool = False

    def __post_init__(self) -> None:
        self._owners = OwnerNames(self.directory)

    def read(self, extra: Mapping[str, Any]) -> ImportStatus:
        """The status, with the id of the owner. A time without an offset is in the owner's zone.

        Raises ValidationFailed.
        """
        given = dict(extra)
        if isinstance(given.get("status"), str):
            given["status"] = given["status"].casefold()
        if isinstance(given.get("owner"), str):
            given["owner"] = self._owners.id_of(given["owner"])
        if isinstance(given.get("assigned_at"), str) and given["assigned_at"]:
            given["assigned_at"] = self._time(given["assigned_at"], given.get("owner"))
        try:
            return _import_status(given)
        except ValidationFailed as refused:
            raise ValidationFailed(faults=[self._explained(fault) for fault in refused.faults]) from None

    def notes(self) -> Iterator[str]:
        """What the caller should know about the times."""
        if self._has_local_times:
            yield (
                "Times without an offset in assigned_at are read in the time zone of their owner, or else in"
                f" {self.file.options.zone.key}, the time zone of the workspace."
            )

    def _time(self, cell: str, owner: object) -> str:
        known = self.directory.owners.get(owner) if isinstance(owner, str) else None
        try:
            found = read_time(cell, self.file.options.dates, known.zone if known else self.file.options.zone)
        except ValidationFailed as refused:
            (fault,) = refused.faults
            raise refused_at(("assigned_at",), fault.code, fault.detail) from None
        self._has_local_times |= found.is_local
        return found.at.isoformat()

    def _explained(self, fault: Fault) -> Fault:
        """The fault, with the remedy for words of another system."""
        column = self.file.column_of("status")
        if fault.path != ("status",) or column is None:
            return fault
        return Fault(
            fault.path,
            fault.code,
            f"{fault.detail} (column {column}). Replace other words: --map-value '{column}:word=open'",
        )


@dataclass(frozen=True, slots=True)
class _ImportableLine:
    """A valid line with its idempotency key and status."""

    line: LeadLine
    key: IdempotencyKey
    status: ImportStatus

    def job(self, *, move: bool) -> ImportLead:
        return ImportLead(
            key=self.key,
            arrival=self.line.arrival,
            owner_id=self.status.owner,
            team=self.status.team,
            since=self.status.assigned_at,
            closed=self.status.status == "closed",
            move=move,
            withdrawn=self.status.withdrawn,
        )


def _importable_lines(
    batch: Iterable[KeyedLine | LineFault], reader: _StatusReader, report: ImportReport
) -> Iterator[_ImportableLine]:
    for each in batch:
        if isinstance(each, LineFault):
            report.problems.append((each.line, each.problem))
            continue
        try:
            yield _ImportableLine(each.line, each.key, reader.read(each.line.extra))
        except Problem as problem:
            report.problems.append((each.line.line, problem))


def _import_status(given: Mapping[str, Any]) -> ImportStatus:
    try:
        return ImportStatus.model_validate(given)
    except ValidationError as refused:
        raise validation_failed(refused) from None
