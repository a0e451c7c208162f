"""The path's statements, made ready on empty tables, touch as little of full ones."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from app.api.http import rate_limits
from app.outbox.upkeep import clear, make_available
from app.reports.upkeep import FactUpkeep
from app.store import plans
from app.store.connection.pool import transaction
from app.store.crm import inbox
from app.store.directory import accounts
from app.store.enrichment import answers, breakers, open_breakers
from app.store.enrichment.answers import QueryKey, StoredAnswer
from app.store.leads import companies, held, idle, lead_counts, open_leads
from app.store.leads.idle import IdleTerms
from app.store.life import deliveries, due_clocks, target_deliveries
from app.store.life.agenda import read_agenda
from app.store.life.outbox import number_actions_of_leads
from app.store.path import arrivals
from app.store.path.arrivals import ArrivalRow, Subject
from app.store.path.group_write import PendingRows, write_group
from app.worker import watch, worker
from tests.support.factories import OWNERS, PLAN
from tests.support.postgres import NEWEST_AND_LONG, Clusters
from tests.support.workspace import Workspace, open_workspace

LEADS = 50_000
FILL_FACTS = (
    """INSERT INTO lead_facts (workspace_id, lead_id, received_at, state, imported, plan_version,
         first_number, changed_at, tags_conflict, arrivals, duplicates, tries, automated_answers, moves,
         cover_moves, handoffs, claims, rejects, ping_pong)
         SELECT {workspace}, gen_random_uuid(), now(), 'open', false, 1, number, now(), false, 1, 0, 0, 0, 0,
           0, 0, 0, 0, false FROM generate_series(1, {count}) AS number""",
    """INSERT INTO assignment_facts (workspace_id, assignment_id, lead_id, decision_number, decided_at, cause,
         outcome, code, plan_version, open, attempt, counts_toward_load, refunded, action_types,
         tags_conflict, response_day_only, response_early, ping_pong, touch_day_only, changed_at)
         SELECT {workspace}, gen_random_uuid(), gen_random_uuid(), number, now(), 'assign', 'assigned',
           'rule', 1, true, 1, true, false, '{{}}', false, false, false, false, false, now()
           FROM generate_series(1, {count}) AS number""",
    """INSERT INTO event_facts (workspace_id, event_id, lead_id, assignment_id, type, at, day_only, told_at,
         lead_received_at, actor, plan_version, effect, first)
         SELECT {workspace}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'note', now(), false,
           now(), now(), 'person', 1, 'none', true FROM generate_series(1, {count})""",
    """INSERT INTO sale_facts (workspace_id, event_id, currency, lead_id, deal, type, at, told_at,
         lead_received_at, plan_version, won, won_deals, pipeline, pipeline_deals)
         SELECT {workspace}, gen_random_uuid(), 'EUR', gen_random_uuid(), 1, 'purchase', now(), now(), now(),
           1, 1, 1, 0, 0 FROM generate_series(1, {count})""",
    """INSERT INTO share_facts (workspace_id, team_id, number, at, split_id)
         SELECT {workspace}, 'inbound', 1000000 + number, now(), gen_random_uuid()
           FROM generate_series(1, {count}) AS number""",
)
SKIP_OTHERS = (
    "DELETE FROM stale_facts WHERE workspace_id = $1",
    """INSERT INTO fact_cursors (workspace_id, decision_number) VALUES ($1, 2000000)
         ON CONFLICT (workspace_id) DO UPDATE SET decision_number = excluded.decision_number""",
)
"""The facts of all leads so far are made. A lead with an event from now on is known by that."""
FILL = """
WITH numbered AS (
  SELECT number, gen_random_uuid() AS lead, gen_random_uuid() AS assignment
    FROM generate_series(1, {count}) AS number
), lead AS (
  INSERT INTO leads (workspace_id, id, state, assignment_id, received_at)
  SELECT {workspace}, lead, CASE WHEN number % 2 = 0 THEN 'assigned' ELSE 'queued' END, assignment, now()
    FROM numbered
), assignment AS (
  INSERT INTO assignments (workspace_id, id, decision_number, lead_id, cause, outcome, code, owner_id,
    team_id, queue, priority, open, counts_toward_load, decided_at, plan_version, response, inputs,
    held_until, held_for_owner)
  SELECT {workspace}, assignment, 1000000 + number, lead, 'assign',
         CASE WHEN number % 2 = 0 THEN 'assigned' ELSE 'queued' END, 'rule',
         CASE WHEN number % 2 = 0 THEN 'ana' END, CASE WHEN number % 2 = 0 THEN 'inbound' END,
         CASE number % 4 WHEN 1 THEN 'partner-desk' WHEN 3 THEN 'held' END, 0, true, number % 2 = 0, now(), 1,
         '{{"normalized": {{}}}}', '{{"question": {{"values": {{}}}}}}',
         CASE WHEN number % 4 = 3 THEN now() + interval '1 day' END, CASE WHEN number % 4 = 3 THEN 'eve' END
    FROM numbered
), identity AS (
  INSERT INTO identities SELECT {workspace}, 'external_id', 'filled-' || number, lead FROM numbered
), colleague AS (
  INSERT INTO identities
  SELECT {workspace}, 'company', 'filled' || number / 50 || '.example', lead, 'name' || number % 3
    FROM numbered
), merge AS (
  INSERT INTO lead_merges (workspace_id, id, lead_id, survivor_id, at, source, actor, state, taken)
  SELECT {workspace}, gen_random_uuid(), lead, gen_random_uuid(), now(), 'api', 'a', 'assigned', '{{}}'
    FROM numbered
), key AS (
  INSERT INTO idempotency_keys (workspace_id, key, body_hash, assignment_id, status, at)
  SELECT {workspace}, 'filled-' || number, '', assignment, 201, now() FROM numbered
), account AS (
  INSERT INTO directory (workspace_id, resource_type, id, body, revision, updated_at)
  SELECT {workspace}, 'accounts', 'filled-' || number,
         CASE WHEN number % 2 = 0 THEN jsonb_build_object('parent', 'filled-' || number + 1) ELSE '{{}}' END,
         1, now()
    FROM numbered
), account_key AS (
  INSERT INTO account_keys (workspace_id, kind, value, account_id)
  SELECT {workspace}, 'domain', CASE WHEN number % 2 = 0 THEN 'people.example' ELSE number || '.example' END,
         'filled-' || number
    FROM numbered
), account_name AS (
  INSERT INTO account_names (workspace_id, kind, value, account_id)
  SELECT {workspace}, kind, CASE kind WHEN 'name' THEN 'fillname' || number ELSE 'filled' || number % 50 END,
         'filled-' || number
    FROM numbered CROSS JOIN unnest(ARRAY['name', 'word']) AS kind
), suppression AS (
  INSERT INTO suppressions (workspace_id, kind, value, id, list, actor, at, assignment_id, event_id, key_id)
  SELECT {workspace}, 'email', 'hash:' || sha256(number::text::bytea)::text, gen_random_uuid(), 'rivals',
         'test', now(), CASE WHEN number % 2 = 0 THEN assignment END, gen_random_uuid(), 1
    FROM numbered
), arrival AS (
  INSERT INTO arrivals (workspace_id, subject, value, at, assignment_id, hour)
  SELECT {workspace}, 'ip', substr(sha256(number::text::bytea), 1, 16), now(), assignment, 1000000
    FROM numbered
), action AS (
  INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at, number,
    state, deliveries, lease_token, leased_until)
  SELECT {workspace}, 'filled-' || number, lead, assignment, 'notify', '{{"params": {{}}, "due_at": null}}',
         now(), now() + interval '1 day', CASE WHEN number % 5 > 0 THEN 1000000 + number END,
         (ARRAY['waiting', 'acknowledged', 'dead', 'leased', 'available'])[1 + number % 5], 0,
         CASE WHEN number % 5 = 3 THEN gen_random_uuid() END,
         CASE WHEN number % 5 = 3 THEN now() + interval '1 day' END
    FROM numbered
), contact AS (
  INSERT INTO contacts SELECT {workspace}, lead, now(), 'filled-' || number, 'email' FROM numbered
), preference_change AS (
  INSERT INTO preference_changes
  SELECT {workspace}, lead, gen_random_uuid(), 1, now(), 'test', '{{}}' FROM numbered
), event AS (
  INSERT INTO events SELECT {workspace}, gen_random_uuid(), assignment, 'closed', now(), 'test' FROM numbered
)
INSERT INTO ledger_entries SELECT {workspace}, 'inbound', 1000000 + number, 'turn', 'ana', assignment, now(),
                         ARRAY['ana', 'ben'], ARRAY[-1, 1]
  FROM numbered
"""
FILL_ANSWERS = """
INSERT INTO enrichment_answers (workspace_id, provider, query, kind, answer, person, asked_at, expires_at)
SELECT {workspace}, 'firms', 'filled ' || number, 'found', '{{}}', 'filled ' || number, now(), now()
  FROM generate_series(1, {count}) AS number
"""
FILED_ACTION = """
INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at, number,
  state)
VALUES ($1, $2, $3, $3, 'notify', '{"params": {}, "due_at": null}', now(), now(), $4, $5)
"""
BLOCKS = """
SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint
  FROM pg_statio_user_tables
"""
SCANS = """
SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables
 WHERE relname IN ('leads', 'assignments', 'identities', 'idempotency_keys', 'ledger_entries', 'events',
                   'changes', 'directory', 'account_keys', 'account_names', 'suppressions', 'actions',
                   'journal', 'lead_facts', 'assignment_facts', 'promise_facts', 'event_facts', 'sale_facts',
                   'stale_facts', 'contacts', 'preference_changes', 'lead_merges', 'arrivals',
                   'enrichment_answers', 'sla_clocks')
"""
REASONS = "reject_reasons: {rival: {refund: true, suppress: domain}}\n"
NAMED = "  - rule: {name: named, when: {account.tier: named}, then: {queue: partner-desk}}\n"
URGENT = "  - rule: {name: urgent, when: {lead_type: urgent}, then: {queue: partner-desk, priority: 90}}\n"
Do = Callable[[], Awaitable[object]]


@pytest_asyncio.fixture(params=NEWEST_AND_LONG, ids="postgres{}".format)
async def workspace(
    clusters: Clusters, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workspace]:
    """A workspace whose connections keep their first plan of each statement, with tables never analyzed.

    What the service does now and then rests, the rounds of its worker too. Otherwise a visit could find its
    usual connection taken, and make a plan on the other one when the tables are full.
    """
    monkeypatch.setattr(rate_limits, "EXCHANGE_SECONDS", 3600.0)
    monkeypatch.setattr(watch, "EVERY_SECONDS", 3600.0)
    monkeypatch.setattr(worker, "MAX_PAUSE_SECONDS", 3600.0)
    with clusters.clone(request.param) as dsn:
        await _keep_plans(dsn)
        async with open_workspace(dsn, pool_size=2, worker_interval_seconds=3600) as made:
            yield made


async def _keep_plans(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET plan_cache_mode = force_generic_plan")
    for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        await connection.execute(f"ALTER TABLE {row['tablename']} SET (autovacuum_enabled = false)")
    await connection.close()


@asynccontextmanager
async def second(workspace: Workspace) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own, so that the service keeps its statements."""
    dsn = workspace.app.state.settings.database_url
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def returned(answer: Awaitable[Any]) -> Any:
    found = await answer
    assert found.status_code in {200, 201}, found.text
    return found.json()


class Visits:
    """All requests of the decision path, with new and with known leads."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.client, self.number = workspace, workspace.client, 0

    def all(self) -> dict[str, Do]:
        return {
            "new": self.new, "known": self.known, "replay": self.replay, "reassign": self.reassign,
            "claim": self.claim, "close": self.close, "again": self.again, "read": self.read,
            "edit": self.edit, "look": self.look, "account": self.account, "named": self.named,
            "name": self.name, "remove": self.remove, "list": self.list, "table": self.table,
            "held": self.held, "reject": self.reject, "report": self.report,
            "signal": self.signal, "idle": self.idle, "facts": self.facts,
            "prefer": self.prefer, "contact": self.contact, "unsubscribe": self.unsubscribe,
            "company": self.company, "lease": self.lease, "upkeep": self.upkeep,
            "scrape": self.scrape, "merge": self.merge,
            "fast": self.fast,
            "enrich": self.enrich,
        }  # fmt: skip

    def lead(self, **fields: Any) -> dict[str, Any]:
        self.number += 1
        contact = {"email": f"p{self.number}@people.example", "phone": f"+49 30 {100000 + self.number}"}
        return {"lead": {"external_id": f"new-{self.number}", **contact, **fields}}

    async def new(self, **fields: Any) -> Any:
        return await returned(self.client.post("/assign", json=self.lead(**fields)))

    async def known(self) -> None:
        body = self.lead()
        await returned(self.client.post("/assign", json=body))
        assert (await returned(self.client.post("/assign", json=body)))["existing_lead"]

    async def replay(self) -> None:
        body, headers = self.lead(), {"Idempotency-Key": f"key-{self.number}"}
        await returned(self.client.post("/assign", json=body, headers=headers))
        assert (await returned(self.client.post("/assign", json=body, headers=headers)))["replayed"]

    async def reassign(self) -> None:
        lead_id = (await self.new())["lead_id"]
        await returned(self.client.post("/reassign", json={"lead_id": lead_id, "reason": "by name"}))
        assert (await self.client.post("/reassign", json={"filter": {"owner": "zoe"}})).status_code == 202
        for resource_type in ("leads", "jobs"):
            await returned(self.client.get(f"/changes?resource_type={resource_type}&limit=20"))

    async def again(self) -> None:
        """A queued lead returns with a higher priority."""
        first = await self.new(source="partner")
        body = {"lead": {"external_id": f"new-{self.number}", "lead_type": "urgent"}}
        second = await returned(self.client.post("/assign", json=body))
        assert (second["existing_lead"]["lead_id"], second["priority"]) == (first["lead_id"], 90)

    async def claim(self) -> None:
        await self.new(source="partner")
        await returned(self.client.post("/queues/partner-desk/claim", json={"owner_id": "ben"}))

    async def close(self) -> None:
        assignment_id = (await self.new())["assignment_id"]
        await returned(self.client.post(f"/assignments/{assignment_id}/events", json={"type": "closed"}))

    async def read(self) -> None:
        made = await self.new()
        await returned(self.client.get(f"/assignments/{made['assignment_id']}"))
        await returned(self.client.get(f"/assignments/{made['assignment_id']}/explain"))
        await returned(self.client.get(f"/leads/{made['lead_id']}"))
        await returned(self.client.get(f"/leads?external_id=new-{self.number}"))
        await returned(self.client.post("/leads/lookup", json={"email": f"p{self.number}@people.example"}))

    async def look(self) -> None:
        async with transaction(
            self.workspace.pool, self.workspace.workspace_id, read_only=True
        ) as connection:
            assert await held.find_due_releases(connection, self.workspace.workspace_id, 64) == []
            assert (await held.read_first_due(connection, self.workspace.workspace_id)).due == 0

    async def scrape(self) -> None:
        """What metrics read, without what they count up to a limit."""
        async with transaction(
            self.workspace.pool, self.workspace.workspace_id, read_only=True
        ) as connection:
            workspace_id = self.workspace.workspace_id
            await lead_counts.read_kept_counts(connection, workspace_id)
            await plans.read_plan_metrics(connection, workspace_id, [1])
            await open_leads.count_stranded(connection, workspace_id)
            await due_clocks.read_first_due(connection, workspace_id)
            await deliveries.count_actions(connection, workspace_id, 10)
            await target_deliveries.count_messages(connection, workspace_id, 10, 10)
            await inbox.read_backlog(connection, workspace_id)

    async def fast(self) -> None:
        """Leads that share an address are counted and noted, and old ones deleted."""
        self.number += 1
        workspace_id, now = self.workspace.workspace_id, datetime.now(UTC)
        subject = Subject("ip", f"address {self.number}")
        async with transaction(self.workspace.pool, workspace_id) as connection:
            rows = PendingRows(arrivals=[ArrivalRow(subject, now, str(uuid4()))])
            await write_group(connection, workspace_id, rows, None)
            since = now - timedelta(minutes=1)
            assert await arrivals.count_arrivals(connection, workspace_id, [subject], since) == {subject: 1}
            assert await arrivals.delete_old_arrivals(connection, workspace_id, now, 100) == 0

    async def enrich(self) -> None:
        """Answers of a provider are found and kept, one is about a person; it fails, and works again."""
        self.number += 1
        workspace_id, now = self.workspace.workspace_id, datetime.now(UTC)
        query = QueryKey("firms", f"query {self.number}")
        async with transaction(self.workspace.pool, workspace_id) as connection:
            kept = StoredAnswer("found", {}, None, f"person {self.number}", now, now + timedelta(days=1))
            await answers.keep_answer(connection, workspace_id, query, kept)
            assert list(await answers.find_answers(connection, workspace_id, [query])) == [query]
            await answers.ensure_key(connection, workspace_id)
            await answers.erase_answers(connection, workspace_id, [f"p{self.number}@firm.example"])
            until = now + timedelta(minutes=1)
            await breakers.note_failure(
                connection, workspace_id, "firms", "timeout", now, limit=1, open_until=until
            )
            assert not await breakers.claim_probe(connection, workspace_id, "firms", now, until)
            assert list(await breakers.list_breakers(connection, workspace_id)) == ["firms"]
            assert await open_breakers.list_failing(connection, workspace_id, 1) == []
            await breakers.close_breaker(connection, workspace_id, "firms")
            assert await due_clocks.find_due_rechecks(connection, workspace_id, 16) == []

    async def edit(self) -> None:
        self.number += 1
        await self.workspace.put("owners", "ben", {**OWNERS["ben"], "caps": {"open": 1000 + self.number}})

    async def account(self) -> None:
        self.number += 1
        body = {"name": f"Firm {self.number}", "domains": [f"a{self.number}.example"], "roles": {}, "crm": {}}
        await self.workspace.put("accounts", f"a{self.number}", body)

    async def name(self) -> None:
        """An account is found by its name: by one that only it has, and by words that many have."""
        await self.account()
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id, read_only=True) as connection:
            wanted = [("name", f"firm{self.number}"), ("word", "filled7")]
            found = await accounts.find_accounts_by_name(connection, workspace_id, wanted)
            assert found["name", f"firm{self.number}"] == [f"a{self.number}"]
            assert await accounts.list_unnamed(connection, workspace_id, 10) == []

    async def company(self) -> None:
        """The colleagues of a lead, of a company with few leads and of one with more than are read."""
        workspace_id, few = self.workspace.workspace_id, f"few{self.number}.example"
        async with transaction(self.workspace.pool, workspace_id, read_only=True) as connection:
            found = await companies.find_companies(connection, workspace_id, [few, "filled7.example"])
        assert not found[few].colleagues

    async def merge(self) -> None:
        """Two leads are merged, and are two again. They wait, so no owner is told."""
        leads = []
        for name in ("first", "second"):
            email = f"{name}@merged{self.number}.example"  # of a company without accounts
            leads.append((await self.new(source="partner", email=email))["lead_id"])
        body = {"leads": leads, "reason": "one person"}
        made = await returned(self.client.post("/leads/merge", json=body))
        await returned(self.client.get(f"/leads/{made['survivor']}"))
        assert (await self.client.post("/leads/merge", json=body)).status_code == 409
        await returned(self.client.post(f"/leads/merge/{made['id']}/undo"))

    async def named(self) -> None:
        """A claim of one lead, which does not scan the queue."""
        made = await self.new(source="partner")
        body = {"owner_id": "ben", "lead_id": made["lead_id"]}
        await returned(self.client.post("/queues/partner-desk/claim", json=body))

    async def remove(self) -> None:
        await self.account()
        answer = await self.client.delete(f"/accounts/a{self.number}")
        assert answer.status_code == 204

    async def list(self) -> None:
        lists = (
            "/assignments?owner=ben",
            "/assignments?outcome=blocked",
            "/queues/unrouted/leads?",
            "/assignments?queue=unrouted",
            "/assignments?team=dach",
            "/assignments?",
            "/assignments?state=all",
            "/assignments?order=newest",
            "/assignments?owner=ben&order=newest",
            "/owners/ben/passed-over?",
        )
        for url in ("/accounts?", "/accounts?after=filled-5", "/tables?", "/owners?", "/changes?", *lists):
            await returned(self.client.get(f"{url}&limit=20"))

    async def table(self) -> None:
        self.number += 1
        body = {"columns": ["country"], "rows": [["US", {"owner": "ben"}], ["FR", {"team": "dach"}]]}
        await returned(self.client.put(f"/tables/t{self.number % 2}", json=body))
        await returned(self.client.get(f"/tables/t{self.number % 2}"))

    async def report(self) -> None:
        """A sale told twice and a note, by ids of the lead."""
        made = await self.new()
        sale = {"lead_id": made["lead_id"], "type": "purchase", "ref": "D", "amount": 5}
        note = {"external_id": f"new-{self.number}", "type": "note", "id": f"note-{self.number}"}
        body = {"items": [sale, note, sale, note]}
        answer = await returned(self.client.post("/events", json=body))
        assert {item["status"] for item in answer["items"]} == {200}
        assert (await returned(self.client.get(f"/leads/{made['lead_id']}")))["conversions"] == 1

    async def signal(self) -> None:
        await self.new()
        body = {"external_id": f"new-{self.number}", "engagement": [{"name": "pricing"}]}
        assert (await returned(self.client.post("/signals", json=body)))["effect"] == "told"

    async def idle(self) -> None:
        """What the worker asks about a workspace, and about idle leads."""
        terms = IdleTerms(timedelta(days=30), datetime(2020, 1, 1, tzinfo=UTC))
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id, read_only=True) as connection:
            await read_agenda(connection, workspace_id)
            assert await idle.find_idle_leads(connection, workspace_id, terms, 64) == []

    async def facts(self) -> None:
        """The facts of a lead that is new, and has an event."""
        pool, workspace_id = self.workspace.pool, self.workspace.workspace_id
        for statement in SKIP_OTHERS:
            await pool.execute(statement, workspace_id)
        await self.report()
        await FactUpkeep(pool).make_slice(workspace_id, wait=True)
        async with transaction(pool, workspace_id, read_only=True) as connection:
            assert not (await read_agenda(connection, workspace_id)).facts

    async def reject(self) -> None:
        """A reject that suppresses an address is taken back."""
        url = f"/assignments/{(await self.new())['assignment_id']}/events"
        for event in (
            {"type": "rejected", "reason": "rival"},
            {"type": "dispute_settled", "result": "overturned"},
        ):
            await returned(self.client.post(url, json={**event, "id": f"e{self.number}-{event['type']}"}))

    async def prefer(self) -> None:
        """A person closes a channel, and what they allow is shown."""
        url = f"/leads/{(await self.new())['lead_id']}/preferences"
        body = {"origin": "center", "channels": {"sms": False}}
        await returned(self.client.put(url, json=body))
        await returned(self.client.get(url))

    async def contact(self) -> None:
        """A person with a cap is contacted."""
        lead_id = (await self.new())["lead_id"]
        body = {"origin": "center", "frequency": [{"max": 9, "days": 30}]}
        await returned(self.client.put(f"/leads/{lead_id}/preferences", json=body))
        await returned(self.client.post("/reassign", json={"lead_id": lead_id, "reason": "again"}))

    async def unsubscribe(self) -> None:
        event = {"type": "unsubscribed", "id": f"u{self.number}"}
        url = f"/assignments/{(await self.new())['assignment_id']}/events"
        await returned(self.client.post(url, json=event))

    async def held(self) -> None:
        """A claim of an owner for whom no lead is held."""
        answer = await self.client.post("/queues/held/claim", json={"owner_id": "ben"})
        assert answer.status_code in {403, 409}, answer.text

    async def lease(self) -> None:
        """Actions are leased, given back, acknowledged; a dead one is sent again; the log is read."""
        id_ = await self.filed_action("dead")
        await returned(self.client.post("/actions/resend", json={"ids": [id_]}))
        (action,) = (await returned(self.client.post("/actions/lease", json={"limit": 1})))["items"]
        await returned(self.client.post(f"/actions/{id_}/nack", json={"token": action["token"]}))
        await returned(self.client.post("/actions/resend", json={"ids": [id_]}))
        (action,) = (await returned(self.client.post("/actions/lease", json={"limit": 1})))["items"]
        await returned(
            self.client.post("/actions/ack", json={"items": [{"id": id_, "token": action["token"]}]})
        )
        await returned(self.client.get("/actions", params={"limit": 20}))
        await returned(self.client.get("/actions", params={"limit": 20, "state": "dead"}))

    async def upkeep(self) -> None:
        """An action becomes available, by its time or by a later one of its lead, and is acknowledged."""
        pool, workspace_id = self.workspace.pool, self.workspace.workspace_id
        for by_lead in (True, False):
            id_ = await self.filed_action("waiting")
            if by_lead:
                async with transaction(pool, workspace_id, lock=True) as connection:
                    await number_actions_of_leads(connection, workspace_id, [self.lead_id])
            else:
                assert not await make_available(pool, workspace_id)
            assert not await clear(pool, workspace_id)
            await returned(self.client.post("/actions/ack", json={"ids": [id_]}))

    async def filed_action(self, state: str) -> str:
        """A new action of an old lead in this state, before all others: its id."""
        self.number += 1
        self.lead_id = str(UUID(int=self.number))
        id_, number = f"action-{self.number}", self.number if state == "dead" else None
        await self.workspace.pool.execute(
            FILED_ACTION, self.workspace.workspace_id, id_, self.lead_id, number, state
        )
        return id_


async def counted(
    workspace: Workspace, watcher: asyncpg.Connection, visit: Do, *, other: bool = False
) -> tuple[int, int]:
    """Blocks of all tables and their indexes that a visit touches, and whole tables it reads.

    It begins with the same connection of the pool each time, or with the `other` one.
    """
    before = await figures(workspace, watcher, other)
    await visit()
    after = await figures(workspace, watcher, other)
    return after[0] - before[0], after[1] - before[1]


async def figures(workspace: Workspace, watcher: asyncpg.Connection, other: bool) -> tuple[int, int]:
    """The server's counters, once its backends have reported theirs."""
    held = [await workspace.pool.acquire() for _ in range(2)]
    held.sort(key=lambda connection: connection.get_server_pid(), reverse=other)
    for connection in held:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    for connection in held:
        await workspace.pool.release(connection)  # the last one in is the first out
    await watcher.execute("SELECT pg_stat_clear_snapshot()")
    return await watcher.fetchval(BLOCKS), await watcher.fetchval(SCANS)


async def test_plans_made_on_empty_tables_stay_right_on_full_ones(workspace: Workspace) -> None:
    mails = "follow_up: [{do: [{type: sequence, name: hello}]}]\n"
    await workspace.publish(PLAN.replace("pipeline:\n", f"{REASONS}{mails}pipeline:\n{URGENT}{NAMED}"))
    visits = Visits(workspace)
    small: dict[str, tuple[int, int]] = {}
    async with second(workspace) as another:
        # Each connection makes its plans. A visit that needs a second one while the first returns must find
        # them there, too. The first time statements are made ready, which reads catalogs.
        for other in (True, True, False, False):
            for name, visit in visits.all().items():
                small[name] = await counted(workspace, another, visit, other=other)
        await another.execute("SET session_replication_role = replica")
        # Facts come first, so that the service at no moment finds any to be made.
        for statement in SKIP_OTHERS:
            await another.execute(statement, workspace.workspace_id)
        for statement in (*FILL_FACTS, FILL, FILL_ANSWERS):
            await another.execute(statement.format(count=LEADS, workspace=workspace.workspace_id))
        await another.execute("SELECT pg_stat_force_next_flush()")
        full = {name: await counted(workspace, another, visit) for name, visit in visits.all().items()}
    for name, (blocks, scans) in full.items():
        assert scans == 0, (name, small[name], full[name])
        # Deeper indexes cost two blocks more a look-up, and the colleagues at a full company about 200. A
        # workspace read through would cost thousands.
        assert blocks <= 2 * small[name][0] + 300, (name, small[name], full[name])


async def test_answers_are_looked_up_by_their_key_when_statistics_say_there_are_none(
    workspace: Workspace,
) -> None:
    """The table was analyzed while it was empty, so every index looks equally good."""
    visits = Visits(workspace)
    async with second(workspace) as another:
        await another.execute("ANALYZE enrichment_answers")
        for other in (True, True, False, False):
            small = await counted(workspace, another, visits.enrich, other=other)
        await another.execute(FILL_ANSWERS.format(count=LEADS, workspace=workspace.workspace_id))
        await another.execute("SELECT pg_stat_force_next_flush()")
        full = await counted(workspace, another, visits.enrich)
    assert full[1] == 0, (small, full)
    assert full[0] <= 2 * small[0] + 30, (small, full)
