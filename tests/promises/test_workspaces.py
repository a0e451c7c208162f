"""Two workspaces with the same ids, people and keys never meet."""

from tests.promises.audit import audit
from tests.support.callers import insist
from tests.support.factories import keyed, lead
from tests.support.processes import services
from tests.support.workspace import empty_workspace, stored_workspace


async def test_two_workspaces_with_the_same_ids_and_keys_never_meet(database: str) -> None:
    async with stored_workspace(database, [1, 1], name="ours") as ours:
        theirs = await empty_workspace(ours.pool, "theirs")
        await theirs.team([1, 1, 1])
        await theirs.publish()
        with services(database, 1) as (service,):
            async with ours.connect(service.url) as us, theirs.connect(service.url) as them:
                mine = [await insist(us, lead(n), f"key-{n}") for n in range(10)]
                yours = [await insist(them, lead(n), f"key-{n}") for n in range(10)]
                again = [await insist(them, lead(n), f"key-{n}") for n in range(10)]
                other = await them.post("/assign", json=lead(11), headers=keyed("key-0"))
                event = await them.post(
                    f"/assignments/{mine[0]['assignment_id']}/events", json={"type": "closed"}
                )
                stolen = await them.post("/reassign", json={"lead_id": mine[0]["lead_id"], "reason": "mine"})
        books = await audit(ours), await audit(theirs)
    assert not {one["lead_id"] for one in mine} & {one["lead_id"] for one in yours}
    assert [one["existing_lead"] for one in mine + yours] == [None] * 20
    assert not any(one["replayed"] for one in mine + yours)
    assert [one["assignment_id"] for one in again] == [one["assignment_id"] for one in yours]
    assert (other.status_code, event.status_code, stolen.status_code) == (422, 404, 404)
    assert [one.decisions for one in books] == [10, 10]
    assert books[0].shares() == {"rep0": 5, "rep1": 5}
    assert books[1].shares() == {"rep0": 4, "rep1": 3, "rep2": 3}
