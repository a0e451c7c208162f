"""Each table has an answer to the question what ends its rows. A table that only grows is a finding."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest_asyncio

from app.models.tables import metadata
from app.privacy.retention import delete_old_leads, delete_old_rows
from app.store import clocks
from app.worker.crm_inbox import CrmInbox
from app.worker.crm_upkeep import CrmUpkeep
from tests.privacy.test_erasure import DELIVERED, FAILED, FINDING, KEY, PLAN, RECORD, VERSION, person
from tests.support.workspace import Workspace, open_workspace

WITH_LEADS: Final = frozenset((
    "leads", "identities", "assignments", "events", "sla_clocks", "preference_changes", "lead_merges",
    "crm_records", "crm_field_versions",
))  # fmt: skip
"""Deleted when the lead is, after the period that the workspace has set."""
AGED: Final = frozenset((
    "actions", "target_messages", "bulk_jobs", "bulk_job_items", "idempotency_keys", "failed_leads",
    "crm_inbox", "crm_deliveries", "crm_findings", "crm_turns", "crm_confirmed_writes", "endpoint_hours",
    "barred_records", "form_ids", "form_records", "test_leads",
    "enrichment_answers", "arrivals", "console_sessions", "console_links",
))  # fmt: skip
"""Deleted by the worker at an age."""
BOUNDED: Final = {
    "alembic_version": "one row",
    "installation": "one row",
    "clocks": "one row for each workspace",
    "crm_watch": "one row for each workspace",
    "hash_keys": "one row for each workspace",
    "enrichment_keys": "one row for each workspace",
    "enrichment_secrets": "made and deleted by hand",
    "enrichment_breakers": "one row for each provider of a plan that fails",
    "retention_runs": "one row for each workspace",
    "target_cursors": "one row for each workspace",
    "worker_runs": "one row for each workspace",
    "workspace_locks": "one row for each workspace",
    "workspaces": "deleted by hand",
    "count_changes": "one sum and what follows it; every few hundred commit groups make a sum of it",
    "journal": "the newest full state and what follows it; a commit group deletes what is before",
    "table_versions": "a hundred versions for each lookup table; an upload deletes older ones",
    "attribute_names": "90 days; the next name that is stored deletes older ones",
    "rate_levels": "a row for each rate in use, deleted when its bucket is full again",
    "clock_recounts": "a row until the clocks of an owner are counted again",
    "crm_users": "a row for each user of a CRM who is an owner; erasing the owner deletes it",
    "webhook_paths": "a row for each endpoint, or two while it is renewed, deleted with it or 30 days later",
    "report_readers": "a row for each login of a BI tool, made and deleted by hand",
    "endpoint_secrets": "two for each endpoint, deleted with it",
    "form_tokens": "one for each endpoint, deleted with it",
    "targets": "deleted by hand",
    "target_secrets": "two for each target, deleted with it",
    "account_keys": "the keys of accounts, deleted with them",
    "account_names": "the names of accounts, deleted with them",
    "account_name_backfills": "one row for each workspace, until its accounts have their names",
    "directory": "the records that somebody made and did not delete",
    "fact_cursors": "one row for each workspace",
    "stale_facts": "a row until the facts of the lead are made again",
    "contacts": "the contacts of a year; the next contact of the person deletes older ones",
    "suppressions": "entries that nobody has withdrawn",
    "suppression_keys": "keys that an entry has, and the newest; making one deletes those without entries",
    "spend": "what was uploaded and not deleted",
}
"""Tables that cannot grow without end, or only by what people make and can delete."""
HISTORY: Final = {
    "api_keys": "revoked keys name those who acted",
    "changes": "the log of edits, from which the directory of any moment is read",
    "plans": "the versions with which decisions are replayed",
    "ledger_entries": "the turns, which are added up by `verify`",
    "share_facts": "what each row of a ledger means, so that closed periods do not change",
    "share_splits": "the same",
    "erasures": "repeated after a restore",
    "owner_erasures": "repeated after a restore",
    **dict.fromkeys(
        ("lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts"),
        "what reports count, so that closed periods do not change",
    ),
}
"""Tables that grow on purpose: with edits, decisions or erasures, until the workspace is deleted."""
START: Final = datetime(2030, 11, 20, 12, tzinfo=UTC)
FILL = (
    """INSERT INTO crm_confirmed_writes (workspace_id, assignment_id, system, at)
       VALUES ($1, gen_random_uuid(), 'hubspot', now())""",
    """INSERT INTO crm_turns (workspace_id, system, object, record_id, until)
       VALUES ($1, 'hubspot', 'contact', 'turn', now() - interval '2 days')""",
    """INSERT INTO lead_merges (workspace_id, id, lead_id, survivor_id, at, source, actor, state)
       SELECT $1, gen_random_uuid(), id, gen_random_uuid(), now(), 'api', 'a', 'assigned'
         FROM leads WHERE workspace_id = $1""",
    "INSERT INTO barred_records (workspace_id, hash, until) VALUES ($1, 'hash', now())",
    "INSERT INTO endpoint_hours (workspace_id, endpoint_id, hour) VALUES ($1, 'crm', now())",
    """INSERT INTO targets (workspace_id, id, url, types, active, max_parallel, revision,
         updated_at, updated_by)
       VALUES ($1, 't', 'https://t.example', '{}', false, 1, 1, now(), 'a')""",
    """INSERT INTO target_messages (workspace_id, target_id, id, type, lead_id, source, state, created_at,
         next_at, ended_at)
       VALUES ($1, 't', 'm', 'task', gen_random_uuid(), 'lead', 'delivered', now(), now(), now())""",
    """WITH job AS (
         INSERT INTO bulk_jobs (workspace_id, id, kind, state, params, total, actor, created_at, ended_at)
         VALUES ($1, gen_random_uuid(), 'reassign', 'finished', '{}', 1, 'a', now(), now()) RETURNING id)
       INSERT INTO bulk_job_items (workspace_id, job_id, position, lead_id, result)
       SELECT $1, id, 1, gen_random_uuid(), 'moved' FROM job""",
    """INSERT INTO crm_records (workspace_id, system, object, id, state, seen_at, endpoint_id)
       SELECT $1, 'hubspot', 'contact', state, state, now(), 'crm'
         FROM unnest(ARRAY['waiting', 'gone', 'recorded', 'merged']) AS state""",
    """INSERT INTO form_ids (workspace_id, endpoint_id, id_hash, inbox_id, until)
       VALUES ($1, 'web', sha256('a'), gen_random_uuid(), now())""",
    """INSERT INTO form_records (workspace_id, endpoint_id, record, until)
       VALUES ($1, 'web', sha256('a'), now())""",
    """INSERT INTO enrichment_answers (workspace_id, provider, query, kind, asked_at, expires_at)
       VALUES ($1, 'p', 'q', 'empty', now(), now())""",
    """INSERT INTO test_leads (workspace_id, id, endpoint_id, at, lead, decision)
       VALUES ($1, gen_random_uuid(), 'web', now(), '', '')""",
    """INSERT INTO arrivals (workspace_id, subject, value, at, assignment_id, hour)
       VALUES ($1, 'ip', substr(sha256('a'), 1, 16), now(), gen_random_uuid(), 1)""",
    """INSERT INTO console_sessions (workspace_id, token_hash, key_id, ends_at)
       VALUES ($1, sha256('a'), 'key', now())""",
    """INSERT INTO console_links (workspace_id, token_hash, key_id, ends_at)
       VALUES ($1, sha256('a'), 'key', now())""",
    """INSERT INTO crm_field_versions (workspace_id, system, object, id, field, "order", value, by_person)
       VALUES ($1, 'hubspot', 'contact', 'recorded', 'firstname', 1, 'v', true)""",
)  # fmt: skip


@pytest_asyncio.fixture
async def full(database: str) -> AsyncIterator[Workspace]:
    """A workspace without a worker, with rows in every table that must not grow."""
    async with open_workspace(database, no_worker=True) as workspace:
        await workspace.put("settings", "actions", {"reader": True})
        await workspace.publish(PLAN | {"sla_rules": [{"sla": "day", "when": {"email": {"exists": True}}}]})
        await at(workspace, 0)
        answer = await workspace.client.post("/assign", json={"lead": person()}, headers=KEY)
        told = answer.json()
        for event in ({"type": "note", "note": "n"}, {"type": "unsubscribed"}):
            await workspace.client.post(f"/assignments/{told['assignment_id']}/events", json=event)
        pool, id_ = workspace.pool, workspace.workspace_id
        await pool.execute(FAILED, id_, b"{}")
        await pool.execute(DELIVERED, id_, b"{}")
        await pool.execute(RECORD, id_, told["lead_id"])
        await pool.execute(VERSION, id_)
        await pool.execute(FINDING, id_, told["lead_id"])
        for statement in FILL:
            await pool.execute(statement, id_)
        yield workspace


async def at(workspace: Workspace, days: float) -> None:
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, START + timedelta(days=days), speed=0)


async def work(workspace: Workspace) -> None:
    """What the worker deletes, until nothing is left to delete."""
    pool, id_ = workspace.pool, workspace.workspace_id
    upkeep = CrmUpkeep(pool, workspace.app.state.dispatch, every=0)
    inbox = CrmInbox(pool, workspace.app.state.dispatch)
    # A second time: a merged lead goes after the one it is part of.
    for _ in range(2):
        while await delete_old_rows(pool, id_) or await delete_old_leads(pool, id_):
            pass
        while await upkeep.run(await workspace.agenda()) or await inbox.run(await workspace.agenda()):
            pass


async def counts(workspace: Workspace) -> dict[str, int]:
    tables = sorted(WITH_LEADS | AGED)
    rows = [await workspace.pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
    return dict(zip(tables, rows, strict=True))


def test_every_table_says_what_ends_its_rows() -> None:
    answered = [*WITH_LEADS, *AGED, *BOUNDED, *HISTORY]
    assert sorted(answered) == sorted({*metadata.tables, "alembic_version"})


async def test_what_must_not_grow_is_empty_in_the_end(full: Workspace) -> None:
    before = await counts(full)
    assert {table for table, rows in before.items() if not rows} == set()
    answer = await full.client.put("/settings/retention", json={"leads": "30d"})
    assert answer.status_code in {200, 201}, answer.text
    open_ = await full.fetch("SELECT id FROM assignments WHERE workspace_id = $1 AND open")
    for row in open_:
        url = f"/assignments/{row['id']}/events"
        assert (await full.client.post(url, json={"type": "closed"})).status_code == 200
    await full.pool.execute(
        "UPDATE actions SET state = 'withdrawn', ended_at = $1 WHERE ended_at IS NULL", START
    )
    await at(full, 400)
    await work(full)
    # The action with the highest number stays: readers of the log go on after it.
    assert {table: rows for table, rows in (await counts(full)).items() if rows} in ({}, {"actions": 1})
