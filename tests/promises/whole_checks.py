"""The invariants of a whole workspace after a storm."""

import random
from collections.abc import Sequence

import httpx2
import orjson

from app.audit.verify import verify
from app.store.stored_bytes import unpack
from tests.promises.audit import audit
from tests.promises.whole_callers import Insistent, Told
from tests.support.workspace import Workspace


async def said_again(clients: Sequence[httpx2.AsyncClient], returned: Sequence[Told]) -> None:
    """Each key still stands for the same decision."""
    caller = Insistent(clients, 0)
    for key, url, body, before in returned:
        again = await caller.ask("again", "POST", url, body, key)
        if "items" in again:
            items = [{**item["decision"], "replayed": True} for item in before["items"]]
            assert [item["decision"] for item in again["items"]] == items
        else:
            expected = {**before, "replayed": True}
            names = again.keys() | expected.keys()
            assert [name for name in names if again.get(name) != expected.get(name)] == [], key


async def explained(
    clients: Sequence[httpx2.AsyncClient], returned: Sequence[Told], dice: random.Random
) -> None:
    """Some decisions are replayed from their inputs, with the same result."""
    ids = [answer["assignment_id"] for _, _, _, answer in returned if "items" not in answer]
    caller = Insistent(clients, 0)
    for id_ in dice.sample(ids, min(40, len(ids))):
        again = await caller.ask("explain", "GET", f"/assignments/{id_}/explain", None)
        assert again["reproduced"], id_


DECIDED = """
SELECT decision_number, owner_id, cause, inputs FROM assignments WHERE workspace_id = $1
  ORDER BY decision_number
"""
ACTIVE = """
SELECT version, resource_id, (after ->> 'active')::boolean AS active FROM changes
 WHERE workspace_id = $1 AND resource_type = 'owners' ORDER BY version
"""


async def check_books(workspace: Workspace, gone: Sequence[tuple[int, int]]) -> None:
    """The stored data is consistent, every decision can be replayed, and no inactive owner got a lead."""
    await audit(workspace)
    report = await verify(workspace.pool, workspace.workspace_id)
    assert report.clean, "\n".join(report.lines())
    assert report.moment is not None
    assert report.moment.counts.difference == 0
    decided = await workspace.fetch(DECIDED)
    assert {"assign", "import"} < {row["cause"] for row in decided}
    assert len(gone) > 1
    for left, came_back in gone:
        assert "rep0" not in {row["owner_id"] for row in decided[left:came_back]}
    changes = await workspace.fetch(ACTIVE)
    active: dict[str, bool] = {}
    for row in decided:
        version = orjson.loads(unpack(row["inputs"]))["directory"]
        while changes and changes[0]["version"] <= version:
            change = changes.pop(0)
            active[change["resource_id"]] = change["active"]
        assert row["owner_id"] is None or active[row["owner_id"]], row["decision_number"]
