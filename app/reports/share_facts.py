"""Finds what each row of a ledger means, and keeps it: the report about fairness only adds it up.

Facts are deterministic, so two processes that compute the same rows at once write the same.
"""

import hashlib
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from app.engine.model.directory import Team
from app.engine.model.records import team_from
from app.engine.selection.ramps import weight_at
from app.pace import Pace, paced
from app.reports.shares import Part, parts_of_entry, parts_of_turn
from app.reports.upkeep import CATCH_UP_SECONDS
from app.store.connection.pool import Pool, transaction
from app.store.path.ledger import StoredLedgerEntry, list_ledger_entries
from app.store.reports.share_facts import (
    LedgerPosition,
    RecordVersion,
    ShareFact,
    ShareSplit,
    TurnDocuments,
    find_ledger_ahead,
    find_record_versions,
    find_turn_documents,
    insert_share_facts,
)
from app.store.stored_bytes import unpack

SLICE = 100
"""Rows of one ledger that are read and written at once."""


@dataclass(frozen=True, slots=True)
class Considered:
    """What the decision of a turn knew: the version of the directory, and the codes of those it refused.

    `others` is the code of all members it does not name, None if they differ or are not known.
    """

    directory: int | None = None
    refused: Mapping[str, str] | None = None
    others: str | None = None


async def catch_up(pool: Pool, workspace_id: int) -> None:
    """Compute facts until none is missing, or for a while."""
    until = time.monotonic() + CATCH_UP_SECONDS
    while await fill_share_facts(pool, workspace_id) and time.monotonic() < until:
        pass


async def fill_share_facts(pool: Pool, workspace_id: int) -> bool:
    """Compute the facts of one slice of one ledger. Returns whether there may be more."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        ahead = await find_ledger_ahead(connection, workspace_id)
        if ahead is None:
            return False
        rows = await list_ledger_entries(connection, workspace_id, ahead.team_id, ahead.number, SLICE)
        taken = [row.assignment_id for row in rows if row.cause == "turn" and row.assignment_id]
        documents = await find_turn_documents(connection, workspace_id, taken)
    considered = await _considered(ahead.team_id, documents)
    versions = [each.directory for each in considered.values() if each.directory is not None]
    async with transaction(pool, workspace_id, read_only=True) as connection:
        bounds = (min(versions, default=0), max(versions, default=2**62))
        teams = await find_record_versions(connection, workspace_id, "teams", [ahead.team_id], *bounds)
        ramped = _with_ramps(teams)
        owners = await find_record_versions(connection, workspace_id, "owners", ramped, *bounds)
    history = TeamHistory(ahead.team_id, teams, owners)
    facts, splits = await _facts(ahead, rows, considered, history)
    async with transaction(pool, workspace_id) as connection:
        await insert_share_facts(connection, workspace_id, facts, splits)
    return True


async def _considered(team: str, documents: Mapping[str, TurnDocuments]) -> dict[str, Considered]:
    """What each decision knew. Reading hundreds of documents takes long, so others go on meanwhile."""
    found, pace = {}, Pace()
    for id_, each in documents.items():
        found[id_] = _read(team, each)
        await pace.rest()
    return found


def _read(team: str, documents: TurnDocuments) -> Considered:
    """What is stored in the documents; of an erased or damaged one, nothing."""
    try:
        trace = orjson.loads(unpack(documents.response))["trace"]
        version = orjson.loads(unpack(documents.inputs))["directory"]
    except (ValueError, KeyError):
        return Considered()
    chosen = _chosen_target(trace, team)
    refused = {each["owner"]: each["code"] for each in chosen.get("candidates", ())}
    more = set(chosen.get("more_candidates", ())) - {"not_next", "chosen"}
    return Considered(version, refused, more.pop() if len(more) == 1 else None)


def _chosen_target(trace: Mapping[str, Any], team: str) -> Mapping[str, Any]:
    """The target of the trace that gave this team a turn."""
    for step in reversed(trace["steps"]):
        for target in reversed(step.get("targets", ())):
            if target["code"] == "chosen" and target["target"].get("team") == team:
                found: Mapping[str, Any] = target
                return found
    return {}


def _with_ramps(versions: Iterable[RecordVersion]) -> list[str]:
    """The members whose weight depends on the day, and so on their time zone."""
    members = (member for each in versions for member in (each.body or {}).get("members") or ())
    return sorted({member["owner"] for member in members if member.get("ramp")})


class TeamHistory:
    """The members of one team over time."""

    def __init__(self, team: str, versions: Sequence[RecordVersion], owners: Sequence[RecordVersion]) -> None:
        self._versions = versions
        self._teams = [team_from(team, each.body) if each.body else None for each in versions]
        self._owners: dict[str, list[RecordVersion]] = {}
        for each in owners:
            self._owners.setdefault(each.id, []).append(each)

    def weights(self, version: int | None, at: datetime) -> dict[str, int] | None:
        """The weights of all who take turns, at this version and time; None if that is not known.

        Without a version the newest edit before `at` counts.
        """
        position = _position(self._versions, version, at)
        team: Team | None = self._teams[position] if position is not None else None
        if team is None:
            return None
        return {
            member.owner: weight_at(member, self._zone(member.owner, version, at), at)
            for member in team.members
            if member.weight
        }

    def _zone(self, owner: str, version: int | None, at: datetime) -> ZoneInfo:
        versions = self._owners.get(owner, ())
        position = _position(versions, version, at)
        body = versions[position].body if position is not None else None
        return ZoneInfo((body or {}).get("timezone") or "UTC")


def _position(versions: Sequence[RecordVersion], version: int | None, at: datetime) -> int | None:
    if version is not None:
        after = bisect_right(versions, version, key=lambda each: each.version)
    else:
        after = bisect_right(versions, at, key=lambda each: each.at)
    return after - 1 if after else None


async def _facts(
    position: LedgerPosition,
    rows: Iterable[StoredLedgerEntry],
    considered: Mapping[str, Considered],
    history: TeamHistory,
) -> tuple[list[ShareFact], list[ShareSplit]]:
    """The facts of rows of the ledger. A turn in a large team has thousands of parts."""
    facts: list[ShareFact] = []
    splits: dict[str, ShareSplit] = {}
    async for row in paced(rows):
        split = _split(_parts(row, considered.get(row.assignment_id or "", Considered()), history))
        splits[split.id] = split
        facts.append(ShareFact(position.team_id, row.number, row.at, row.assignment_id, split.id))
    return facts, list(splits.values())


def _parts(row: StoredLedgerEntry, knew: Considered, history: TeamHistory) -> list[Part]:
    if row.cause != "turn" or row.chosen is None:
        return parts_of_entry(row.cause, row.changes)
    weights = history.weights(knew.directory, row.at)
    if weights is None or row.chosen not in weights:
        return parts_of_turn(row.changes, row.chosen, None, {})
    refused = dict.fromkeys(weights, knew.others or "") | dict(knew.refused or {})
    # Members without a record take no turns: nothing is due to them.
    present = {owner: weight for owner, weight in weights.items() if refused[owner] != "not_found"}
    return parts_of_turn(row.changes, row.chosen, present, refused)


def _split(parts: Sequence[Part]) -> ShareSplit:
    ordered = sorted(parts)
    digest = hashlib.blake2b(orjson.dumps([list(each) for each in ordered]), digest_size=16).digest()
    owners, columns, amounts = zip(*ordered, strict=True) if ordered else ((), (), ())
    return ShareSplit(str(UUID(bytes=digest)), owners, columns, amounts)
