"""The database is restored from an older backup: a process must not trust its snapshot."""

from contextlib import AsyncExitStack

from tests.promises.audit import audit
from tests.support.callers import callers, insist
from tests.support.factories import lead
from tests.support.processes import Service
from tests.support.workspace import stored_workspace

# What a failover to a copy that lags behind does to the newest decision.
LOSE = """
DELETE FROM ledger_entries WHERE workspace_id = {0} AND assignment_id = '{1}';
DELETE FROM identities WHERE workspace_id = {0} AND lead_id = '{2}';
DELETE FROM assignments WHERE workspace_id = {0} AND id = '{1}';
DELETE FROM leads WHERE workspace_id = {0} AND id = '{2}';
DELETE FROM journal WHERE workspace_id = {0}
   AND number = (SELECT max(number) FROM journal WHERE workspace_id = {0})
"""


async def test_a_restored_journal_entry_of_the_same_number_is_not_trusted(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace, AsyncExitStack() as stack:
        first = stack.enter_context(Service(database))
        async with callers(workspace, [first]) as (one,):
            await insist(one, lead(0))
            lost = await insist(one, lead(1))
            assert lost["owner"]["id"] == "rep1"
            await workspace.pool.execute(
                LOSE.format(workspace.workspace_id, lost["assignment_id"], lost["lead_id"])
            )
            second = stack.enter_context(Service(database))
            async with callers(workspace, [second]) as (other,):
                instead = await insist(other, {**lead(2), "exclude": ["rep1"]})
            after = await insist(one, lead(3))
        assert not first.logged_errors
        books = await audit(workspace)
    assert instead["decision_number"] == lost["decision_number"]
    assert after["decision_number"] == lost["decision_number"] + 1
    assert list(books.chosen["inbound"]) == ["rep0", "rep2", "rep1"]
