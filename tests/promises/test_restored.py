"""The database comes back older than a process remembers it: what it remembers is worth nothing."""

from contextlib import AsyncExitStack

from tests.processes import Service
from tests.promises.audit import audit
from tests.promises.world import callers, insist, lead, world

# What a failover to a copy that lags behind does to the newest decision.
LOSE = """
DELETE FROM ledger_entries WHERE workspace_id = {0} AND assignment_id = '{1}';
DELETE FROM identities WHERE workspace_id = {0} AND lead_id = '{2}';
DELETE FROM assignments WHERE workspace_id = {0} AND id = '{1}';
DELETE FROM leads WHERE workspace_id = {0} AND id = '{2}';
DELETE FROM journal WHERE workspace_id = {0}
   AND number = (SELECT max(number) FROM journal WHERE workspace_id = {0})
"""


async def test_a_pass_of_the_same_number_is_not_taken_for_the_one_it_knew(database: str) -> None:
    async with world(database, [1, 1, 1]) as at, AsyncExitStack() as stack:
        first = stack.enter_context(Service(database))
        async with callers(at, [first]) as (one,):
            await insist(one, lead(0))
            lost = await insist(one, lead(1))
            assert lost["owner"]["id"] == "rep1"
            await at.pool.execute(LOSE.format(at.workspace_id, lost["assignment_id"], lost["lead_id"]))
            second = stack.enter_context(Service(database))
            async with callers(at, [second]) as (other,):
                instead = await insist(other, {**lead(2), "exclude": ["rep1"]})
            after = await insist(one, lead(3))
        assert not first.logged_errors
        books = await audit(at)
    assert instead["decision_number"] == lost["decision_number"]
    assert after["decision_number"] == lost["decision_number"] + 1
    assert list(books.chosen["inbound"]) == ["rep0", "rep2", "rep1"]
