"""Concurrent leads never exceed a cap."""

from collections import Counter

from tests.promises.audit import audit
from tests.support.callers import callers, insist_on_all
from tests.support.factories import TEAM, lead
from tests.support.processes import services
from tests.support.workspace import stored_workspace


async def test_a_daily_cap_holds_under_two_hundred_concurrent_leads(database: str) -> None:
    async with stored_workspace(database, [1] * 10, caps={"per_day": 5}) as workspace:
        await workspace.start_at_noon()
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                answers = await insist_on_all(clients, [(None, lead(n)) for n in range(200)], 200)
        await audit(workspace)
    assert Counter(answer["outcome"] for answer in answers) == {"assigned": 50, "queued": 150}
    owners = Counter(answer["owner"]["id"] for answer in answers if answer["owner"])
    assert owners == {f"rep{number}": 5 for number in range(10)}
    assert {answer["queue"] for answer in answers if not answer["owner"]} == {"unrouted"}


async def test_last_open_slot_goes_to_exactly_one_of_fifty_leads(database: str) -> None:
    async with stored_workspace(database, [1, 1]) as workspace:
        async with workspace.edit() as edit:
            await edit.put("owners", "rep0", {"name": "Rep 0", "caps": {"open": 1}}, None)
            await edit.put("owners", "rep1", {"name": "Rep 1", "active": False}, None)
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                answers = await insist_on_all(clients, [(None, lead(n)) for n in range(50)], 50)
        books = await audit(workspace)
    assert Counter(answer["outcome"] for answer in answers) == {"assigned": 1, "queued": 49}
    assert books.shares() == {"rep0": 1}


async def test_a_members_own_cap_counts_the_leads_of_that_team(database: str) -> None:
    async with stored_workspace(database, [1, 1]) as workspace:
        async with workspace.edit() as edit:
            members = [{"owner": "rep0", "caps": {"rolling": [{"count": 3, "hours": 1}]}}, {"owner": "rep1"}]
            await edit.put("teams", TEAM, {"name": "Inbound", "members": members}, None)
        with services(database, 2) as running:
            async with callers(workspace, running) as clients:
                answers = await insist_on_all(clients, [(None, lead(n)) for n in range(40)], 40)
        await audit(workspace)
    assert Counter(answer["owner"]["id"] for answer in answers) == {"rep0": 3, "rep1": 37}
