"""An export holds everything about one person, and nothing of others (S-48)."""

from typing import Any

import asyncpg
import orjson

from app.models.tables import GLOBAL
from app.store.privacy.personal_tables import ELSEWHERE, NOTHING, PERSONAL_TABLES
from tests.support.workspace import Workspace

TABLES = """
SELECT tablename::text AS name FROM pg_tables
  JOIN pg_attribute ON attrelid = tablename::regclass AND attname = 'workspace_id'
 WHERE schemaname = 'public'
"""
FAILED = """
INSERT INTO failed_leads (workspace_id, id, at, code, request)
VALUES ($1, gen_random_uuid(), now(), 'decision', $2)
"""


async def test_every_table_is_listed_once_as_holding_personal_data_or_none(database: str) -> None:
    connection = await asyncpg.connect(database)
    found = {row["name"] for row in await connection.fetch(TABLES)} - GLOBAL
    await connection.close()
    listed = [*(table.name for table in PERSONAL_TABLES), *ELSEWHERE, *NOTHING]
    assert sorted(listed) == sorted(found)


def person(name: str) -> dict[str, Any]:
    return {
        "external_id": f"{name}-id",
        "email": f"{name}@{name}.example",
        "first_name": name,
        "company": f"{name} Ltd",
        "attributes": {"seats": f"{name} seats"},
    }


async def export_of(workspace: Workspace, lead_id: str) -> dict[str, Any]:
    return await workspace.get(f"/leads/{lead_id}/export")


async def test_an_export_holds_all_of_a_person_and_nothing_of_others(workspace: Workspace) -> None:
    told = await workspace.assign(**person("canary"))
    other = await workspace.assign(**person("sparrow"))
    for name in ("canary", "sparrow"):
        await workspace.pool.execute(
            FAILED, workspace.workspace_id, orjson.dumps({"lead": {**person(name), "city": f"{name} city"}})
        )
    event = {"type": "note", "note": "canary note"}
    url = f"/assignments/{told['assignment_id']}/events"
    answer = await workspace.client.post(url, json=event, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200, answer.text
    found = await export_of(workspace, told["lead_id"])
    text = orjson.dumps(found).decode()
    assert "sparrow" not in text
    assert other["lead_id"] not in text
    for part in (
        "canary@canary.example",
        "canary Ltd",
        "canary seats",
        "canary note",
        "canary city",
        "canary-id",
    ):
        assert part in text
    assert found["fields"][0]["fields"]["company"] == "canary Ltd"
    held = found["held"]
    assert held["decisions"][0]["response"]["trace"] == told["trace"]
    assert "state" not in held["decisions"][0]["inputs"]
    assert [row["response"]["type"] for row in held["idempotency_keys"]] == ["note"]
    assert {"keys", "events", "clocks", "actions", "suppressions", "job_results"} <= held.keys()


async def test_an_export_needs_the_scope_privacy_and_a_lead(workspace: Workspace) -> None:
    told = await workspace.assign(**person("canary"))
    async with workspace.caller(await workspace.issue_key("leads:read", "assign", "ops")) as caller:
        assert (await caller.get(f"/leads/{told['lead_id']}/export")).status_code == 403
    async with workspace.caller(await workspace.issue_key("privacy")) as caller:
        assert (await caller.get(f"/leads/{told['lead_id']}/export")).status_code == 200
        assert (await caller.get(f"/leads/{told['assignment_id']}/export")).status_code == 404
