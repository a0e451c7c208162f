"""Erasing a person: which leads that are, and what is answered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from app.engine.model.lead_keys import RANKED, LeadKey
from app.errors import MergedOfSeveral, NotFound
from app.intake.person_names import contradict, person_name
from app.privacy.export import present_leads
from app.store.connection.pool import Connection, Pool, transaction
from app.store.leads import lead_detail
from app.store.privacy import erasures, held_data
from app.store.privacy.erasures import Erasure

PAGE = 1000


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was erased, and what is told about it."""

    lead_ids: list[str]
    at: datetime
    recipients: list[dict[str, Any]]
    log_offered: bool
    kept: list[dict[str, Any]]


async def leads_to_erase(pool: Pool, workspace_id: int, lead_id: str) -> list[str]:
    """The leads of one person: this one, and those merged with it. Empty when it was erased before.

    Raises NotFound, and MergedOfSeveral when the merged leads are not of one person.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if await erasures.find_erasure(connection, workspace_id, lead_id) is not None:
            return []
        ids = await present_leads(connection, workspace_id, lead_id)
        if len(ids) > 1:
            people = [await _identity(connection, workspace_id, id_) for id_ in ids]
            if any(_differ(one, other) for one, other in combinations(people, 2)):
                raise MergedOfSeveral(ids)
        return ids


async def report_of(pool: Pool, workspace_id: int, lead_ids: Sequence[str]) -> ErasureReport:
    """What became of leads that were erased, and of those that were erased with them.

    Raises NotFound.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = [await erasures.find_erasure(connection, workspace_id, id_) for id_ in lead_ids]
        ids = dict.fromkeys(
            id_ for one in found if one is not None for id_ in one.report.get("lead_ids", (one.lead_id,))
        )
        found = [await erasures.find_erasure(connection, workspace_id, id_) for id_ in ids]
    erased = [each for each in found if each is not None]
    if not erased:
        raise NotFound()
    recipients = {(each["kind"], each["id"]): each for one in erased for each in one.report["recipients"]}
    kept: dict[str, dict[str, Any]] = {}
    for one in erased:
        for each in one.report["kept"]:
            before = kept.get(each["what"], {"count": 0})
            kept[each["what"]] = {**each, "count": before["count"] + each["count"]}
    return ErasureReport(
        [each.lead_id for each in erased],
        min(each.at for each in erased),
        list(recipients.values()),
        any(each.report["log_offered"] for each in erased),
        list(kept.values()),
    )


async def list_page(pool: Pool, workspace_id: int, after: str | None, limit: int) -> list[Erasure]:
    """A page of the log of erasures, by lead, after the entry of a lead."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await erasures.list_erasures(connection, workspace_id, after, limit)


async def list_log(pool: Pool, workspace_id: int) -> list[Erasure]:
    """The whole log of erasures."""
    found: list[Erasure] = []
    while page := await list_page(pool, workspace_id, found[-1].lead_id if found else None, PAGE):
        found += page
    return found


@dataclass(frozen=True, slots=True)
class _Identity:
    keys: Collection[LeadKey]
    values: dict[str, Any]


async def _identity(connection: Connection, workspace_id: int, lead_id: str) -> _Identity:
    keys = await held_data.find_keys(connection, workspace_id, lead_id)
    found = await lead_detail.find_lead(connection, workspace_id, lead_id)
    return _Identity([key for key in keys if key.kind in RANKED], found.values if found else {})


def _differ(one: _Identity, other: _Identity) -> bool:
    """Whether two merged leads are two people: their names contradict, or without names, all their keys."""
    names = person_name(one.values), person_name(other.values)
    if names[0] is not None and names[1] is not None:
        return contradict(*names)
    shared = {key.kind for key in one.keys} & {key.kind for key in other.keys}
    return bool(shared) and set(one.keys).isdisjoint(other.keys)
