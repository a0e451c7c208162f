"""What a process knows of a directory is brought up to date with what was changed, not read again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from app.engine.model.directory import Directory, Owner
from app.engine.model.records import directory_from
from app.store.connection.kept_directories import KeptDirectories
from app.store.connection.pool import Limits, transaction
from app.store.path.current_state import read_current_state
from app.store.path.snapshot import read_directory
from tests.support.workspace import Workspace

Edit = Callable[[Workspace], Awaitable[object]]
LEAVE = {"from": "2099-01-01T00:00:00Z", "to": "2099-01-05T00:00:00Z", "cover": {"owner": "ben"}}
EARLIER = {"from": "2098-01-01T00:00:00Z", "to": "2098-01-05T00:00:00Z"}
OFFICE = {"timezone": "Europe/Berlin", "hours": "Mo-Fr 09:00-17:00"}
NIGHT = {"timezone": "Europe/Berlin", "hours": "Mo-Fr 00:00-06:00"}
ROWS = {"columns": ["country"], "rows": [["DE", {"owner": "ana"}]]}


async def end_leave(workspace: Workspace) -> None:
    found = (await workspace.get("/owners/ana/absences"))["items"]
    await workspace.client.delete(f"/owners/ana/absences/{found[0]['id']}")


EDITS: list[Edit] = [
    lambda it: it.client.put("/calendars/office", json=OFFICE),
    lambda it: it.client.put("/owners/ana", json={"name": "Ana", "calendar": "office"}),
    lambda it: it.client.put("/owners/ben", json={"name": "Ben", "caps": {"open": 5}}),
    lambda it: it.client.put("/teams/field", json={"members": [{"owner": "ana"}, {"owner": "ben"}]}),
    lambda it: it.client.post("/owners/ana/absences", json=LEAVE),
    lambda it: it.client.post("/owners/ana/absences", json=EARLIER),
    lambda it: it.client.put("/calendars/office", json=NIGHT),
    lambda it: it.client.put("/owners/ana", json={"name": "Ana B", "calendar": "office", "skills": ["x"]}),
    end_leave,
    lambda it: it.client.put("/settings/actions", json={"reader": True}),
    lambda it: it.client.put("/tables/zip", json=ROWS),
    lambda it: it.client.put("/teams/field", json={"members": [{"owner": "ana", "weight": 2}]}),
    lambda it: it.client.put("/accounts/acme", json={"name": "Acme", "domains": ["acme.example"]}),
    lambda it: it.client.delete("/tables/zip"),
    lambda it: it.client.put("/owners/ana", json={"name": "Ana B"}),
    lambda it: it.client.delete("/calendars/office"),
    lambda it: it.client.delete("/teams/field"),
    lambda it: it.client.delete("/owners/ana"),
]


async def test_directory_known_to_a_process_is_the_stored_one_after_every_edit(workspace: Workspace) -> None:
    for edit in EDITS:
        answer = await edit(workspace)
        assert getattr(answer, "status_code", 200) < 300, answer
        known = (await read_current_state(workspace.pool, workspace.workspace_id)).facts.directory
        async with transaction(workspace.pool, workspace.workspace_id, read_only=True) as connection:
            assert known == await read_directory(connection, workspace.workspace_id, known.version)
            kept = workspace.pool.directories.find(workspace.workspace_id)
        assert kept is not None
        assert kept[0] is known


async def test_unchanged_directory_is_not_read_again(workspace: Workspace) -> None:
    await workspace.client.put("/owners/ana", json={"name": "Ana"})
    first, second = [
        (await read_current_state(workspace.pool, workspace.workspace_id)).facts.directory for _ in range(2)
    ]
    assert first is second
    await workspace.client.put("/owners/ben", json={"name": "Ben"})
    third = (await read_current_state(workspace.pool, workspace.workspace_id)).facts.directory
    assert third.owners["ana"] is first.owners["ana"]


async def test_directory_of_a_lost_commit_is_not_used(workspace: Workspace) -> None:
    await workspace.client.put("/owners/ana", json={"name": "Ana"})
    found = (await read_current_state(workspace.pool, workspace.workspace_id)).facts.directory
    lost = directory_from(found.version, [("owners", "zoe", {"name": "Zoe"})])
    kept = workspace.pool.directories.find(workspace.workspace_id)
    assert kept is not None
    workspace.pool.directories.keep(workspace.workspace_id, lost, kept[1] - timedelta(seconds=1))
    again = (await read_current_state(workspace.pool, workspace.workspace_id)).facts.directory
    assert again == found


def test_directories_that_were_not_asked_for_longest_make_room() -> None:
    kept, at = KeptDirectories(max_owners=4), datetime(2099, 1, 1, tzinfo=UTC)

    def directory(owners: int) -> Directory:
        return Directory(1, {str(number): Owner(str(number), "Rep") for number in range(owners)}, {})

    for workspace_id, owners in ((1, 2), (2, 2), (1, 2), (3, 2)):
        kept.keep(workspace_id, directory(owners), at)
    assert [kept.find(workspace_id) is not None for workspace_id in (1, 2, 3)] == [True, False, True]
    kept.keep(4, directory(9), at)
    assert [kept.find(workspace_id) is not None for workspace_id in (1, 3, 4)] == [False, False, True]


async def test_transaction_that_makes_a_directory_may_be_idle_for_longer_and_never_for_less(
    workspace: Workspace,
) -> None:
    for own, then in ((Limits(), "5s"), (Limits(idle=30_000), "30s")):
        async with transaction(
            workspace.pool, workspace.workspace_id, read_only=True, limits=own
        ) as connection:
            await read_directory(connection, workspace.workspace_id, 1)
            assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == then
