"""Owners who miss too many deadlines in a row are paused, unless nobody else is left in a team of theirs."""

from collections.abc import Sequence
from typing import Any

from app.directory.editing import DirectoryEdit, edit_directory
from app.engine.followup import clock_notices
from app.engine.life.clocks import Clock
from app.engine.life.terms import Terms, terms_from_json
from app.engine.life.working_time import working_time_of
from app.engine.model.directory import Directory, Owner
from app.store.connection.pool import Pool
from app.store.life import strikes
from app.store.life.outbox import ActionRow, insert_actions

ACTOR = "service"


async def judge_misses(pool: Pool, workspace_id: int, owner_id: str) -> None:
    """Count an owner's misses in a row, one for each assignment, and pause the owner if there are enough."""
    async with edit_directory(pool, workspace_id, ACTOR) as edit:
        misses, met = await strikes.find_strikes(edit.connection, workspace_id, owner_id)
        in_row = [each for each in misses if met is None or (each.ended_at or met) > met]
        owner = edit.snapshot.directory.owners.get(owner_id)
        terms = terms_from_json(in_row[0].terms) if in_row else None
        count = len({each.assignment_id for each in in_row})
        enough = terms is not None and terms.pause_after is not None and count >= terms.pause_after
        if owner is not None and terms is not None and enough:
            await _pause(edit, owner, in_row, terms, count)
        await strikes.set_strikes(
            edit.connection, workspace_id, owner_id, "spent" if enough or not in_row else "counted"
        )


async def _pause(
    edit: DirectoryEdit, owner: Owner, misses: Sequence[Clock], terms: Terms, count: int
) -> None:
    newest, directory = misses[0], edit.snapshot.directory
    sla = newest.sla or ""
    if not _others_are_left(owner, directory, edit):
        to = next((directory.owners.get(each["name"]) for each in terms.escalate_to), None)
        await _tell(edit, newest, clock_notices.not_paused(owner, to, sla, count))
        return
    until = working_time_of(owner).add(edit.now, terms.pause_for) or edit.now + terms.pause_for
    shown = until.isoformat().replace("+00:00", "Z")
    record = await edit.find("owners", owner.id)
    if record is not None:
        await edit.put("owners", owner.id, {**record.body, "paused_until": shown}, record)
        await _tell(edit, newest, clock_notices.paused(owner, sla, count, until))


def _others_are_left(owner: Owner, directory: Directory, edit: DirectoryEdit) -> bool:
    """Whether every team of the owner has another member who takes turns and is not paused."""
    for id_ in directory.teams_of(owner.id):
        others = (
            directory.owners.get(member.owner)
            for member in directory.teams[id_].members
            if member.owner != owner.id and member.weight
        )
        if not any(_is_there(each, edit) for each in others):
            return False
    return True


def _is_there(owner: Owner | None, edit: DirectoryEdit) -> bool:
    if owner is None or not owner.active:
        return False
    return owner.paused_until is None or owner.paused_until <= edit.now


async def _tell(edit: DirectoryEdit, clock: Clock, action: dict[str, Any]) -> None:
    row = ActionRow(
        id=f"{clock.assignment_id}.{clock.kind}.{action['params']['code']}",
        lead_id=clock.lead_id,
        assignment_id=clock.assignment_id,
        type=action["type"],
        body={"params": action["params"], "due_at": None},
        created_at=edit.now,
        available_at=edit.now,
    )
    await insert_actions(edit.connection, edit.workspace_id, [row])
