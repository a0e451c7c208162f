"""Booking the leads of a file that exist already, each with its present owner."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import ValidationError

from app.cli.fault_lines import MAX_SHOWN
from app.cli.files.columns import ColumnOptions, fold_name
from app.cli.files.leads import LeadFile, LeadLine, read_leads
from app.cli.progress import progress
from app.cli.run import own_fields
from app.cli.sending import keys_of, sent
from app.contract.faults import validation_failed
from app.contract.types import RequestModel, RequiredId, Timestamp
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Answer, IdempotencyKey
from app.dispatch.jobs.import_lead import ImportLead
from app.engine.model.directory import Directory
from app.errors import Problem, refused_at
from app.metrics import Metrics
from app.plan.language.fields import Field
from app.registry import strategies
from app.store.connection.pool import Pool
from app.store.path.current_state import read_current_state

ABOUT = "import"
STATES = ("open", "closed")
_HEADERS = {
    "owner": "owner id, owner email, lead owner, besitzer, lead besitzer, inhaber, verantwortlich",
    "assigned_at": "assigned, assigned on, zugewiesen am",
    "status": "lead status",
}
_ALIASES = {fold_name(each): name for name, all_ in _HEADERS.items() for each in all_.split(",")}


class ImportStatus(RequestModel):
    """How a lead stands that exists already: what a line says besides the lead itself."""

    owner: RequiredId
    team: RequiredId | None = None
    assigned_at: Timestamp | None = None
    status: Literal["open", "closed"] = "open"


@dataclass(slots=True)
class ImportReport:
    """What became of the lines."""

    imported: int = 0
    unchanged: int = 0
    moved: list[int] = field(default_factory=list)
    problems: list[tuple[int, Problem]] = field(default_factory=list)

    def add(self, line: int, told: Answer | Problem) -> None:
        """Count one line."""
        if isinstance(told, Problem):
            self.problems.append((line, told))
        elif told.status == 204 or told.replayed or orjson.loads(told.body)["replayed"]:
            self.unchanged += 1
        elif told.status == 201:
            self.imported += 1
        else:
            self.moved.append(line)

    def summary(self) -> str:
        """The counts, and which lines took a known person from another owner, a queue or a path."""
        lines = ", ".join(map(str, self.moved[:MAX_SHOWN])) + (", …" if len(self.moved) > MAX_SHOWN else "")
        moved = f"{len(self.moved)} moved" + (f" (lines {lines})" if lines else "")
        return f"leads: {self.imported:,} imported, {moved}, {self.unchanged:,} unchanged"


async def import_file(
    pool: Pool,
    workspace_id: int,
    path: Path,
    wishes: ColumnOptions,
    *,
    key: str | None,
    deadline: float,
) -> ImportReport:
    """Book the leads of a file, each slice durable by itself.

    Raises Stop.
    """
    file = read_import_status(path, wishes, await own_fields(pool, workspace_id))
    keys = keys_of(file, key, ABOUT)
    directory = (await read_current_state(pool, workspace_id)).facts.directory
    adopted = ImportReport(problems=list(file.faults))
    jobs = _drafts(file, keys, Names(directory), adopted)
    dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=deadline)
    lines = iter(jobs)
    with progress(len(jobs), "Importing leads") as bar:
        async for part in sent(dispatch, workspace_id, len(jobs), lambda place: jobs[place].job()):
            for told, draft in zip(part, lines, strict=False):
                adopted.add(draft.line.line, told)
            bar.update(len(part))
    return adopted


def read_import_status(path: Path, wishes: ColumnOptions, declared: tuple[Field, ...]) -> LeadFile:
    """The leads of a file, and how they stand. A column `state` of which a cell is open or closed says that.

    Any other column of that name is a state or province.
    """
    known = replace(wishes, more=tuple(ImportStatus.model_fields), aliases=_ALIASES)
    file = read_leads(path, replace(known, aliases={**_ALIASES, "state": "status"}), declared)
    column = next((column for column in file.columns if fold_name(column) == "state"), None)
    if column is None or column in wishes.mapped:
        return file
    said = (str(each.cells.get(column, "")).casefold() for each in file.good)
    return file if any(state in STATES for state in said) else read_leads(path, known, declared)


class Names:
    """Owners by their ids, and by what else names exactly one of them: an e-mail address, an id in a CRM."""

    def __init__(self, directory: Directory) -> None:
        self._ids = directory.owners.keys()
        self._others: dict[str, set[str]] = defaultdict(set)
        for owner in directory.owners.values():
            for name in (owner.email, *owner.crm.values()):
                if name:
                    self._others[name.casefold()].add(owner.id)

    def owner(self, text: str) -> str:
        """The id of the owner who is meant; what means nobody stays as it is.

        Raises Refused when several may be meant.
        """
        meant = self._others.get(text.casefold(), set()) if text not in self._ids else set()
        if len(meant) > 1:
            raise refused_at(("owner",), "ambiguous_owner", "names more than one owner")
        return next(iter(meant), text)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A line that can be booked."""

    line: LeadLine
    key: IdempotencyKey
    standing: ImportStatus

    def job(self) -> ImportLead:
        standing = self.standing
        return ImportLead(
            key=self.key,
            arrival=self.line.arrival,
            owner_id=standing.owner,
            team=standing.team,
            since=standing.assigned_at,
            closed=standing.status == "closed",
        )


def _drafts(file: LeadFile, keys: list[IdempotencyKey], names: Names, adopted: ImportReport) -> list[_Draft]:
    drafts = []
    for line, key in zip(file.good, keys, strict=True):
        try:
            standing = _standing(line.apart)
            named = standing.model_copy(update={"owner": names.owner(standing.owner)})
            drafts.append(_Draft(line, key, named))
        except Problem as problem:
            adopted.problems.append((line.line, problem))
    return drafts


def _standing(apart: Mapping[str, Any]) -> ImportStatus:
    said = dict(apart)
    if isinstance(said.get("status"), str):
        said["status"] = said["status"].casefold()
    try:
        return ImportStatus.model_validate(said)
    except ValidationError as refused:
        raise validation_failed(refused) from None
