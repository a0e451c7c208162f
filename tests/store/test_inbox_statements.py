"""The statements of the inbox, made ready on empty tables, touch as little of full ones."""

from collections.abc import Awaitable, Callable

from app.metrics.process import Metrics
from app.store.connection.pool import transaction
from app.store.crm import inbox, inbox_retention
from app.store.life.agenda import read_agenda
from app.webhooks.effects import Applied
from app.webhooks.inbox import Inbox
from tests.store.test_statements import counted, second, workspace
from tests.support.workspace import Workspace
from tests.webhooks.deliveries import endpoint, event, send
from tests.webhooks.test_inbox import Recorder

__all__ = ["workspace"]

FILL = """
WITH numbered AS (SELECT number, gen_random_uuid() AS delivery FROM generate_series(1, 40000) AS number),
delivery AS (
  INSERT INTO crm_deliveries (workspace_id, id, endpoint_id, received_at, headers, body)
  SELECT {workspace}, delivery, 'crm', now(), '{{}}', 'body' FROM numbered)
INSERT INTO crm_inbox (workspace_id, endpoint_id, dedupe_key, id, delivery_id, system, object, record_id,
  kind, event_at, event_order, position, event, received_at, state, tries, next_at, wait_until, code,
  ended_at)
SELECT {workspace}, 'crm', sha256(convert_to(number::text, 'UTF8')), gen_random_uuid(), delivery, 'standard',
       'contact', 'filled-' || number % 10000, 'updated', now(), 0, 0, NULL, now(),
       (ARRAY['done', 'failed', 'pending', 'pending'])[1 + number % 4], 1, now() + interval '1 day',
       CASE WHEN number % 4 = 3 THEN now() + interval '1 day' END,
       CASE WHEN number % 4 = 1 THEN 'unmapped' END, CASE WHEN number % 4 < 2 THEN now() END
  FROM numbered
"""
Do = Callable[[], Awaitable[object]]


class Visits:
    """Everything that is asked of the inbox."""

    def __init__(self, workspace: Workspace, path: str) -> None:
        self.workspace, self.path, self.number = workspace, path, 0

    def all(self) -> dict[str, Do]:
        return {
            "receive": self.receive, "repeat": self.repeat, "process": self.process, "wait": self.wait,
            "fail": self.fail, "look": self.look, "delete": self.delete, "failures": self.failures,
        }  # fmt: skip

    async def receive(self) -> None:
        self.number += 1
        await self.repeat()

    async def repeat(self) -> None:
        async with self.workspace.caller(None) as crm:
            body = event(f"new-{self.number}")
            assert (await send(crm, self.path, body, f"msg-{self.number}")).status_code == 200

    async def process(self) -> None:
        await self.receive()
        await self.run(Applied("done"))

    async def fail(self) -> None:
        await self.receive()
        await self.run(Applied("failed", "unmapped"))

    async def wait(self) -> None:
        await self.receive()
        await self.run(Applied("wait", seconds=600))

    async def run(self, applied: Applied) -> None:
        effects = Recorder(lambda _: applied)
        while await Inbox(self.workspace.pool, effects, Metrics()).run(self.workspace.workspace_id):
            pass
        assert effects.applied

    async def look(self) -> None:
        workspace_id = self.workspace.workspace_id
        async with transaction(self.workspace.pool, workspace_id, read_only=True) as connection:
            await read_agenda(connection, workspace_id)
            assert await inbox.find_oldest_unread(connection, workspace_id) is None

    async def delete(self) -> None:
        async with transaction(self.workspace.pool, self.workspace.workspace_id) as connection:
            assert not await inbox_retention.drop_old_bodies(connection, self.workspace.workspace_id, 10)
            assert not await inbox_retention.delete_old(connection, self.workspace.workspace_id, 10)

    async def failures(self) -> None:
        for url in ("/webhooks/failures?limit=10", "/webhooks/failures?endpoint=crm&limit=10"):
            assert (await self.workspace.client.get(url)).status_code == 200


async def test_plans_made_on_an_empty_inbox_stay_right_on_a_full_one(workspace: Workspace) -> None:
    visits = Visits(workspace, await endpoint(workspace))
    small: dict[str, tuple[int, int]] = {}
    async with second(workspace) as another:
        for _ in range(2):  # the first time statements are made ready, which reads catalogs
            for name, visit in visits.all().items():
                small[name] = await counted(workspace, another, visit)
        await another.execute(FILL.format(workspace=workspace.workspace_id))
        await another.execute("SELECT pg_stat_force_next_flush()")
        full = {name: await counted(workspace, another, visit) for name, visit in visits.all().items()}
    for name, (blocks, _) in full.items():
        assert blocks <= 2 * small[name][0] + 200, (name, small[name], full[name])
