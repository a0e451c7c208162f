"""The statements of forms, made ready on empty tables, touch as little of full ones."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.forms.effects import FormEffects
from app.metrics.process import Metrics
from app.store.connection.pool import transaction
from app.store.crm import failures
from app.store.forms import counts, fetches
from app.store.forms import failures as failures_of_forms
from app.webhooks.inbox import Inbox
from tests.forms.deliveries import form, post
from tests.store.test_inbox_statements import FILL
from tests.store.test_statements import counted, second, workspace
from tests.support.workspace import Workspace
from tests.webhooks.test_inbox import Recorder

__all__ = ["workspace"]

FILL_FORMS = """
INSERT INTO form_ids (workspace_id, endpoint_id, id_hash, inbox_id, until)
SELECT {workspace}, 'web', sha256(convert_to(number::text, 'UTF8')), gen_random_uuid(),
       now() + interval '1 day'
  FROM generate_series(1, 40000) AS number;
INSERT INTO form_records (workspace_id, endpoint_id, record, lead_id, until)
SELECT {workspace}, 'web', sha256(convert_to(number::text, 'UTF8')), gen_random_uuid(),
       now() + interval '1 day'
  FROM generate_series(1, 40000) AS number
"""
AWAITS = """
INSERT INTO crm_inbox (workspace_id, endpoint_id, delivery_id, system, dedupe_key, id, object, record_id,
  kind, event_at, event_order, position, event, received_at, state, next_at, code, ended_at)
VALUES ($1, 'web', gen_random_uuid(), 'form:web', sha256('one'), gen_random_uuid(), 'form', 'one', 'fetch',
        now(), 0, 0, 'ids', now(), 'failed', now(), 'awaiting_fetch', now())
"""
AWAITS_AGAIN = """
UPDATE crm_inbox SET state = 'failed', code = 'awaiting_fetch', ended_at = now()
 WHERE workspace_id = $1 AND id = $2::uuid AND coalesce(state, '') = 'pending'
"""
Do = Callable[[], Awaitable[object]]


class Visits:
    """Everything that is asked about forms."""

    def __init__(self, workspace: Workspace, path: str) -> None:
        self.workspace, self.path, self.number = workspace, path, 0

    def all(self) -> dict[str, Do]:
        told = {"receive": self.receive, "repeat": self.repeat, "look": self.look}
        asked = {"due": self.due, "lease": self.lease, "give up": self.give_up, "fetched": self.fetched}
        return {**told, **asked, "upload": self.upload}

    async def receive(self) -> None:
        self.number += 1
        await self.repeat()

    async def repeat(self) -> None:
        body = {"email": f"new-{self.number}@people.example"}
        assert (await post(self.workspace, self.path, body)).status_code == 200
        effects = FormEffects(self.workspace.pool, self.workspace.app.state.dispatch)
        worker = Inbox(self.workspace.pool, Recorder(), Metrics(), others=effects)
        while await worker.run(self.workspace.workspace_id):
            pass

    async def look(self) -> None:
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id, read_only=True) as connection:
            await counts.count_states(connection, workspace_id)
            await failures.list_failures(connection, workspace_id, None, None, 10, of_forms=True)

    async def due(self) -> None:
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id) as connection:
            await fetches.list_due_endpoints(connection, workspace_id)

    async def lease(self) -> None:
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id) as connection:
            (self.leased,) = await fetches.take(connection, workspace_id, "web", 10, timedelta())

    async def give_up(self) -> None:
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id) as connection:
            await fetches.give_up(connection, workspace_id, "web", timedelta(days=3), "not_fetched")

    async def fetched(self) -> None:
        workspace_id, leased = self.workspace.workspace_id, self.leased
        async with transaction(self.workspace.pool, workspace_id) as connection:
            await fetches.postpone(connection, workspace_id, leased.id, 0.0)
            assert await fetches.complete(connection, workspace_id, leased, leased.event)
            await connection.execute(AWAITS_AGAIN, workspace_id, leased.id)

    async def upload(self) -> None:
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id) as connection:
            found = failures_of_forms.list_waiting(connection, workspace_id, "web", [self.leased.record_id])
            assert await found


async def test_plans_made_without_forms_stay_right_with_many(workspace: Workspace) -> None:
    visits = Visits(workspace, await form(workspace))
    await workspace.fetch(AWAITS)
    async with transaction(workspace.pool, workspace.workspace_id) as connection:
        await fetches.write_token(connection, workspace.workspace_id, "web", b"sealed", "print")
    small: dict[str, tuple[int, int]] = {}
    async with second(workspace) as another:
        for _ in range(2):  # the first time statements are made ready, which reads catalogs
            for name, visit in visits.all().items():
                small[name] = await counted(workspace, another, visit)
        for fill in (FILL, *FILL_FORMS.split(";")):
            await another.execute(fill.format(workspace=workspace.workspace_id))
        await another.execute("SELECT pg_stat_force_next_flush()")
        full = {name: await counted(workspace, another, visit) for name, visit in visits.all().items()}
    assert [name for name in full if full[name][0] > 2 * small[name][0] + 200] == [], (small, full)
