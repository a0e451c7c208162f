"""The statements of forms, made ready on empty tables, touch as little of full ones."""

from collections.abc import Awaitable, Callable

from app.forms.effects import FormEffects
from app.metrics.process import Metrics
from app.store.connection.pool import transaction
from app.store.crm import failures
from app.store.forms import counts
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
Do = Callable[[], Awaitable[object]]


class Visits:
    """Everything that is asked about forms."""

    def __init__(self, workspace: Workspace, path: str) -> None:
        self.workspace, self.path, self.number = workspace, path, 0

    def all(self) -> dict[str, Do]:
        return {"receive": self.receive, "repeat": self.repeat, "look": self.look}

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


async def test_plans_made_without_forms_stay_right_with_many(workspace: Workspace) -> None:
    visits = Visits(workspace, await form(workspace))
    small: dict[str, tuple[int, int]] = {}
    for _ in range(2):  # the first time statements are made ready, which reads catalogs
        for name, visit in visits.all().items():
            small[name] = await counted(workspace, visit)
    async with second(workspace) as filler:
        for fill in (FILL, *FILL_FORMS.split(";")):
            await filler.execute(fill.format(workspace=workspace.workspace_id))
        await filler.execute("SELECT pg_stat_force_next_flush()")
    full = {name: await counted(workspace, visit) for name, visit in visits.all().items()}
    for name, (blocks, _) in full.items():
        assert blocks <= 2 * small[name][0] + 200, (name, small[name], full[name])
