"""Many records as lines: an invalid line does not affect the others, and a repetition changes nothing."""

from typing import Any

import httpx2
import orjson
import pytest

from app.directory.bulk import SLICE, upsert
from app.directory.editing import KeptSnapshot
from app.store.connection.pool import transaction
from app.store.path.snapshot import read_snapshot
from tests.support.workspace import Workspace


async def send(
    workspace: Workspace, resource_type: str, lines: bytes, media: str = "application/x-ndjson"
) -> httpx2.Response:
    """What comes back for these lines."""
    return await workspace.client.post(
        f"/{resource_type}/bulk", content=lines, headers={"content-type": media}
    )


def owners(count: int, **body: Any) -> bytes:
    """So many owners, one a line."""
    return b"\n".join(orjson.dumps({"id": f"rep{number}", **body}) for number in range(count))


def counts(answer: httpx2.Response) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, and errors."""
    assert answer.status_code == 200, answer.text
    returned = answer.json()
    return returned["created"], returned["updated"], returned["unchanged"], returned["errors_total"]


async def test_lines_are_created_updated_and_left_alone(workspace: Workspace) -> None:
    count = 2 * SLICE + 5
    assert counts(await send(workspace, "owners", owners(count))) == (count, 0, 0, 0)
    assert counts(await send(workspace, "owners", owners(count) + b"\n")) == (0, 0, count, 0)
    changed = owners(3, role="ae") + b"\r\n\n" + owners(5)
    assert counts(await send(workspace, "owners", changed)) == (0, 6, 2, 0)
    assert (await workspace.get("/owners/rep0"))["role"] is None
    assert len((await workspace.get("/owners?limit=1000"))["items"]) == count + 3


async def test_a_slice_is_one_commit_group(workspace: Workspace) -> None:
    before = (await workspace.get("/owners/ana"))["updated_at"]
    await send(workspace, "owners", owners(SLICE))
    times = {each["updated_at"] for each in (await workspace.get("/owners?limit=1000"))["items"]}
    assert len(times - {before}) == 1


async def test_an_invalid_line_leaves_the_others_imported(workspace: Workspace) -> None:
    lines = [
        b'{"id": "one", "members": [{"owner": "ana"}]}',
        b'{"id": "two", "members": [{"owner": "nobody"}]}',
        b'{"id": "three", "members": [{"owner": "ana"}, {"owner": "ana"}]}',
        b'{"id": "a/b"}',
        b'{"name": "without id"}',
        b'{"id": "four", "nmae": "x"}',
        b'{"id": "five", "id": "six"}',
        b"[1]",
        b"{",
        b"",
        b'{"id": "seven", "name": "\\u0000"}',
        b'{"id": "eight", "members": [{"owner": "ben"}]}',
        b'{"id": "nine", "name": "' + b"x" * 270_000 + b'"}',
    ]
    answer = await send(workspace, "teams", b"\n".join(lines))
    assert counts(answer) == (2, 0, 0, 10)
    returned = [
        (error["line"], error["problem"]["status"], (error["problem"].get("errors") or [{}])[0].get("path"))
        for error in answer.json()["errors"]
    ]
    assert returned == [
        (2, 422, "members[0].owner"),
        (3, 422, "members[1].owner"),
        (4, 422, "id"),
        (5, 422, "id"),
        (6, 422, "nmae"),
        (7, 400, "id"),
        (8, 422, ""),
        (9, 400, None),
        (11, 422, "name"),
        (13, 422, ""),
    ]
    assert [team["id"] for team in (await workspace.get("/teams"))["items"]] == [
        "dach",
        "eight",
        "inbound",
        "one",
    ]


async def test_many_errors_are_counted_and_some_are_reported(workspace: Workspace) -> None:
    answer = await send(workspace, "owners", b"{}\n" * 1000)
    assert counts(answer) == (0, 0, 0, 1000)
    assert [error["line"] for error in answer.json()["errors"]] == list(range(1, 101))


@pytest.mark.parametrize(
    ("lines", "media", "status"),
    [
        (b"{}", "application/json", 415),
        (b"{}", "text/plain", 415),
        (b"\n" * 100_001, "application/ndjson", 200),
        (b"{}\n" * 100_001, "application/x-ndjson", 422),
        (b"x" * (8 * 1024 * 1024 + 1), "application/x-ndjson", 413),
        (b"", "application/x-ndjson", 200),
    ],
)
async def test_request_sizes_are_limited(workspace: Workspace, lines: bytes, media: str, status: int) -> None:
    assert (await send(workspace, "owners", lines, media)).status_code == status


async def test_slices_share_a_directory_that_is_the_stored_one(
    workspace: Workspace,
) -> None:
    kept = KeptSnapshot()
    arguments = (workspace.pool, workspace.workspace_id, "test")
    zoned = {"timezone": "Europe/Berlin", "caps": {"per_day": 3}}
    await upsert(*arguments, "owners", [(f"rep{number}", zoned) for number in range(5)], kept)
    await workspace.put("owners", "rep9", {"name": "In between"})
    members = {"name": "New", "members": [{"owner": "rep1", "weight": 1}, {"owner": "rep9", "weight": 2}]}
    assert await upsert(*arguments, "teams", [("new", members)], kept) == ["created"]
    await upsert(*arguments, "owners", [("rep1", {**zoned, "active": False}), ("rep7", {})], kept)
    assert kept.snapshot is not None
    async with transaction(workspace.pool, workspace.workspace_id, read_only=True) as connection:
        _, stored = await read_snapshot(connection, workspace.workspace_id)
    assert kept.snapshot.directory == stored.directory
    assert kept.snapshot.entry == stored.entry
    assert kept.snapshot.state.to_json() == stored.state.to_json()


async def test_slice_that_changes_nothing_is_followed_by_one_that_does(workspace: Workspace) -> None:
    kept = KeptSnapshot()
    arguments = (workspace.pool, workspace.workspace_id, "test", "owners")
    await upsert(*arguments, [("one", {"name": "One"})], kept)
    assert await upsert(*arguments, [("one", {"name": "One"})], kept) == ["unchanged"]
    assert await upsert(*arguments, [("two", {"name": "Two"})], kept) == ["created"]
