"""Erasing an owner: the id takes the place of their name and addresses in the whole history, in slices."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.engine.compile.plan import Plan
from app.engine.model.unnamed import FormerNames, former_names, unnamed_record
from app.privacy.owner_decisions import Rewritten, rewrite
from app.store.clocks import read_deciding_now
from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory.history import DirectoryReplay
from app.store.leads import decisions
from app.store.leads.decisions import StoredDecision
from app.store.privacy import owner_erasures, owner_traces
from app.store.privacy.owner_erasures import OwnerErasure
from app.store.privacy.owner_traces import TRACES, UNSENT, Trace
from app.store.stored_bytes import unpack

SLICE = 100
"""Rows looked through at once. The workspace lock is held while they are written."""
CHANGES = 500
PAGE = 1000

NOT_CHANGED: Mapping[str, str] = {
    "plans": "The texts of plan versions. Publish a version without the name; old versions stay for replays.",
    "comments": "The comments with which plans and records of the directory were changed.",
    "endpoint_users": "`users` in the mappings of endpoints. It has the owner's ids of the CRM: edit it.",
    "key_labels": "The labels of API keys. Make a new key, and revoke the old one.",
}
"""Where the name of an owner may stand and is not replaced: people of the workspace wrote it there."""

FetchPlan = Callable[[int, int], Awaitable[Plan]]
"""The compiled plan of a workspace in a version. Raises LookupError when it can no longer be read."""


async def list_page(pool: Pool, workspace_id: int, after: tuple[str, int], limit: int) -> list[OwnerErasure]:
    """A page of the erasures of owners, by owner and change."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await owner_erasures.list_page(connection, workspace_id, after, limit)


async def list_log(pool: Pool, workspace_id: int) -> list[OwnerErasure]:
    """All erasures of owners."""
    found: list[OwnerErasure] = []
    while True:
        after = (found[-1].owner_id, found[-1].version) if found else ("", 0)
        if not (page := await list_page(pool, workspace_id, after, PAGE)):
            return found
        found += page


@dataclass(slots=True)
class OwnerHistory:
    """Replaces owners in the history of a workspace. Keeps what one slice leaves to the next.

    Each slice is repeatable: a process that ends in the middle leaves nothing that the next cannot do again.
    The records of the directory are the last to be written, because they tell what is to be replaced.
    """

    pool: Pool
    workspace_id: int
    fetch_plan: FetchPlan
    slice_size: int = SLICE
    _walk: DirectoryReplay = field(init=False)
    _walked_for: tuple[str, int] | None = None

    async def run_slice(self) -> bool:
        """Do one slice of the oldest erasure. Returns whether there may be more."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            running = await owner_erasures.list_running(connection, self.workspace_id)
            if not running:
                return False
            erasure = running[0]
            records = await owner_erasures.find_former_records(
                connection, self.workspace_id, erasure.owner_id, erasure.version
            )
        if self._walked_for != (erasure.owner_id, erasure.version):
            # An erasure that is done, here or in another process, has changed the past of the directory.
            self._walk = DirectoryReplay(self.pool, self.workspace_id, CHANGES)
            self._walked_for = (erasure.owner_id, erasure.version)
        former = former_names(erasure.owner_id, records)
        if erasure.step == 0:
            await self._decisions(erasure, former)
        elif erasure.step <= len(TRACES):
            await self._rows(erasure, former, TRACES[erasure.step - 1])
        else:
            await self._end(erasure, former)
        return True

    async def _decisions(self, erasure: OwnerErasure, former: FormerNames) -> None:
        reached = int(erasure.after[0]) if erasure.after else 0
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            found = await decisions.list_decisions(
                connection, self.workspace_id, reached, erasure.decision_number, self.slice_size
            )
        written: list[tuple[StoredDecision, Rewritten]] = []
        for decided in found:
            if not decided.erased and _may_name(decided, former):
                written.append((decided, await self._rewrite(decided, former)))
            reached = decided.decision_number
        done = len(found) < self.slice_size
        async with transaction(self.pool, self.workspace_id, lock=True) as connection:
            await owner_erasures.take_role(connection)
            step, after = (1, None) if done else (0, [str(reached)])
            if await owner_erasures.note_progress(connection, self.workspace_id, erasure, step, after):
                for decided, new in written:
                    await self._write(connection, erasure, decided, new)

    async def _rewrite(self, decided: StoredDecision, former: FormerNames) -> Rewritten:
        stored = decided.read_inputs()
        try:
            plan = await self.fetch_plan(self.workspace_id, stored["plan"])
        except LookupError:
            plan = None
        return rewrite(decided, former, await self._walk.advance_to(stored["directory"]), plan)

    async def _write(
        self, connection: Connection, erasure: OwnerErasure, decided: StoredDecision, new: Rewritten
    ) -> None:
        """Write a decision and its actions, unless its lead was erased meanwhile."""
        if not await owner_traces.update_decision(
            connection, self.workspace_id, decided, new.response, new.inputs
        ):
            return
        actions = await owner_traces.find_actions(connection, self.workspace_id, list(new.params))
        for id_, (body, state) in actions.items():
            before, now = new.params[id_]
            if body.get("params") == before:
                await self._write_action(connection, erasure, id_, body, now, state)

    async def _write_action(
        self,
        connection: Connection,
        erasure: OwnerErasure,
        id_: str,
        body: Mapping[str, Any],
        params: Mapping[str, Any],
        state: str,
    ) -> None:
        """Write the parameters of an action. One that is for the owner can do nothing any more."""
        before = body["params"]
        withdraw = state in UNSENT and (
            before.get("owner") == erasure.owner_id
            or any(before.get(name) != params.get(name) for name in ("crm", "to"))
        )
        if state in UNSENT and before.get("expected_owner") != params.get("expected_owner"):
            # An executor compares this with the CRM, where the owner still has their id.
            params = {name: value for name, value in params.items() if name != "expected_owner"}
        await owner_traces.update_action(
            connection, self.workspace_id, id_, {**body, "params": params}, erasure, withdraw=withdraw
        )

    async def _rows(self, erasure: OwnerErasure, former: FormerNames, trace: Trace) -> None:
        async with transaction(self.pool, self.workspace_id, lock=True) as connection:
            await owner_erasures.take_role(connection)
            found = await owner_traces.read_slice(
                connection, self.workspace_id, trace, erasure, self.slice_size
            )
            after = found[-1][0] if len(found) == self.slice_size else None
            step = erasure.step if after else erasure.step + 1
            if not await owner_erasures.note_progress(connection, self.workspace_id, erasure, step, after):
                return
            for key, row in found:
                if trace.table == "actions":
                    await self._replace_action(connection, erasure, former, key[0], row)
                elif changed := _changed(trace, row, former):
                    await owner_traces.update_row(connection, self.workspace_id, trace, key, changed)

    async def _replace_action(
        self,
        connection: Connection,
        erasure: OwnerErasure,
        former: FormerNames,
        id_: str,
        row: Mapping[str, Any],
    ) -> None:
        body = orjson.loads(row["body"])
        before = body.get("params") or {}
        params = former.document(before)
        if isinstance(before.get("text"), str) and "code" in before:
            params["text"] = former.said(before["text"])
        if params != before:
            await self._write_action(connection, erasure, id_, body, params, row["state"])

    async def _end(self, erasure: OwnerErasure, former: FormerNames) -> None:
        async with transaction(self.pool, self.workspace_id, lock=True) as connection:
            await owner_erasures.take_role(connection)
            await owner_traces.forget_user(connection, self.workspace_id, erasure, sorted(former.crm_ids))
            found = await owner_erasures.find_owner_changes(connection, self.workspace_id, erasure)
            records = {
                version: [side and unnamed_record(erasure.owner_id, side) for side in sides]
                for version, sides in found.items()
            }
            now = await read_deciding_now(connection, self.workspace_id)
            await owner_erasures.end_erasure(connection, self.workspace_id, erasure, records, now)


def _may_name(decided: StoredDecision, former: FormerNames) -> bool:
    return any(former.may_be_in(unpack(each)) for each in (decided.response, decided.inputs))


def _changed(trace: Trace, row: Mapping[str, Any], former: FormerNames) -> dict[str, Any]:
    """The values of a row that have to be written again, as they are stored."""
    changed: dict[str, Any] = {}
    for name, kind in trace.columns.items():
        value = row[name]
        if value is None:
            continue
        if kind == "text":
            new = former.document(value, key="owner" if name in ("by_id", "value") else name)
        elif kind == "json":
            new = _replaced(value.encode(), former).decode()
        else:
            sent, compressed = owner_traces.stored_bytes(value)
            now = _replaced(sent, former)
            new = value if now == sent else owner_traces.packed(now, compressed=compressed)
        if new != value:
            changed[name] = new
    return changed


def _replaced(sent: bytes, former: FormerNames) -> bytes:
    """A body with the id. One that does not change keeps its bytes."""
    if not former.may_be_in(sent):
        return sent
    try:
        document = orjson.loads(sent)
    except orjson.JSONDecodeError:
        return former.written(sent.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    new = former.document(document)
    return sent if new == document else orjson.dumps(new)
