"""Owners and teams: put, patched, listed, on conditions, and refused with the path of each fault."""

from typing import Any

import pytest

from app.store import workspaces
from tests.support.workspace import Workspace, create_workspace

OWNER: dict[str, Any] = {
    "name": "Zoe",
    "email": "zoe@us.example",
    "role": "sdr",
    "timezone": "Europe/Berlin",
    "active": True,
    "paused_until": None,
    "skills": ["enterprise"],
    "languages": ["de", "en"],
    "delegate": "ben",
    "caps": {"open": 30, "per_day": 12, "per_week": 50, "rolling": [{"count": 2, "hours": 1}]},
    "crm": {"salesforce": "005A"},
}
TEAM: dict[str, Any] = {
    "name": "Second",
    "members": [{"owner": "ana", "weight": 2}, {"owner": "ben", "caps": {"per_day": 5}}],
    "pick": "round_robin",
}


async def test_an_owner_is_stored_as_sent(workspace: Workspace) -> None:
    answer = await workspace.client.put("/owners/zoe", json=OWNER)
    assert answer.status_code == 201
    stored = answer.json()
    assert {name: stored[name] for name in OWNER} == OWNER
    assert stored["findings"] == []
    shown = await workspace.client.get("/owners/zoe")
    assert shown.headers["etag"] == answer.headers["etag"] == f'"{stored["revision"]}"'
    assert shown.json() == {name: value for name, value in stored.items() if name != "findings"}


async def test_a_team_is_stored_as_sent(workspace: Workspace) -> None:
    answer = await workspace.client.put("/teams/second", json=TEAM)
    assert answer.status_code == 201
    empty: dict[str, Any] = {"open": None, "per_week": None, "rolling": []}
    assert answer.json()["members"] == [
        {"owner": "ana", "weight": 2, "caps": None, "ramp": None},
        {"owner": "ben", "weight": 1, "caps": {"per_day": 5, **empty}, "ramp": None},
    ]


async def test_a_put_sets_defaults_and_repeating_it_changes_nothing(workspace: Workspace) -> None:
    first = (await workspace.client.put("/owners/zoe", json=OWNER)).json()
    second = await workspace.client.put("/owners/zoe", json={"name": "Zoe"})
    assert second.status_code == 200
    assert second.json()["revision"] > first["revision"]
    assert (second.json()["timezone"], second.json()["active"], second.json()["caps"]) == ("UTC", True, None)
    again = await workspace.client.put("/owners/zoe", json={"name": "Zoe", "crm": {}})
    assert again.json() == second.json()


async def test_a_patch_merges_and_null_removes(workspace: Workspace) -> None:
    await workspace.client.put("/owners/zoe", json=OWNER)
    change = {"caps": {"open": None, "per_day": 3}, "role": None, "crm": {"hubspot": "7"}}
    patched = (await workspace.client.patch("/owners/zoe", json=change)).json()
    assert patched["caps"] == {
        "open": None,
        "per_day": 3,
        "per_week": 50,
        "rolling": [{"count": 2, "hours": 1}],
    }
    assert patched["role"] is None
    assert patched["crm"] == {"salesforce": "005A", "hubspot": "7"}
    assert patched["name"] == "Zoe"


async def test_a_patch_of_a_missing_owner_creates_none(workspace: Workspace) -> None:
    assert (await workspace.client.patch("/owners/zoe", json={"name": "Zoe"})).status_code == 404
    assert (await workspace.client.get("/owners/zoe")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": "{tag}"}, 200),
        ({"If-Match": '"1", {tag}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"1"'}, 412),
        ({"If-Match": "W/{tag}"}, 412),
        ({"If-Match": "17"}, 422),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": '"1"'}, 422),
    ],
)
async def test_a_record_is_written_only_at_the_revision_of_the_caller(
    workspace: Workspace, headers: dict[str, str], status: int
) -> None:
    tag = (await workspace.client.put("/owners/zoe", json=OWNER)).headers["etag"]
    sent = {name: value.replace("{tag}", tag) for name, value in headers.items()}
    for method, body in (("PUT", {**OWNER, "role": "ae"}), ("PATCH", {"role": "ae"})):
        answer = await workspace.client.request(method, "/owners/zoe", json=body, headers=sent)
        assert answer.status_code == status
        assert (await workspace.get("/owners/zoe"))["role"] == ("ae" if status == 200 else "sdr")
        sent = {name: value.replace(tag, answer.headers.get("etag", tag)) for name, value in sent.items()}


async def test_a_caller_can_require_a_new_record(workspace: Workspace) -> None:
    made = await workspace.client.put("/owners/zoe", json=OWNER, headers={"If-None-Match": "*"})
    assert made.status_code == 201
    missing = await workspace.client.put("/owners/yan", json=OWNER, headers={"If-Match": "*"})
    assert missing.status_code == 412
    gone = await workspace.client.delete("/owners/zoe", headers={"If-Match": '"1"'})
    assert gone.status_code == 412
    assert (await workspace.client.get("/owners/yan")).status_code == 404


FAULTS: list[tuple[str, Any, str, str]] = [
    ("/owners/zoe", {"nmae": "Zoe"}, "nmae", "unknown_field"),
    ("/owners/zoe", {"active": 1}, "active", "wrong_type"),
    ("/owners/zoe", {"timezone": "Mars/Olympus"}, "timezone", "unknown_timezone"),
    ("/owners/zoe", {"timezone": "../etc/passwd"}, "timezone", "unknown_timezone"),
    ("/owners/zoe", {"paused_until": "soon"}, "paused_until", "invalid_timestamp"),
    ("/owners/zoe", {"skills": [""]}, "skills[0]", "too_short"),
    ("/owners/zoe", {"delegate": "a/b"}, "delegate", "invalid_id"),
    ("/owners/zoe", {"delegate": "a\u0007b"}, "delegate", "invalid_id"),
    ("/owners/zoe", {"caps": {"open": -1}}, "caps.open", "out_of_range"),
    ("/owners/zoe", {"caps": {"open": True}}, "caps.open", "wrong_type"),
    ("/owners/zoe", {"caps": {"per_day": 1.5}}, "caps.per_day", "wrong_type"),
    (
        "/owners/zoe",
        {"caps": {"rolling": [{"count": 0, "hours": 1}]}},
        "caps.rolling[0].count",
        "out_of_range",
    ),
    (
        "/owners/zoe",
        {"caps": {"rolling": [{"count": 1, "hours": 0}]}},
        "caps.rolling[0].hours",
        "out_of_range",
    ),
    (
        "/owners/zoe",
        {"caps": {"rolling": [{"count": 1, "hours": 745}]}},
        "caps.rolling[0].hours",
        "out_of_range",
    ),
    ("/owners/zoe", {"caps": {"rolling": [{"count": 1}]}}, "caps.rolling[0].hours", "required"),
    ("/owners/zoe", {"crm": {"salesforce": 5}}, "crm.salesforce", "wrong_type"),
    ("/teams/second", {"members": [{"owner": "nobody"}]}, "members[0].owner", "unknown_owner"),
    ("/teams/second", {"members": [{"owner": "ana"}, {"owner": "x"}]}, "members[1].owner", "unknown_owner"),
    (
        "/teams/second",
        {"members": [{"owner": "ana"}, {"owner": "ana"}]},
        "members[1].owner",
        "duplicate_member",
    ),
    ("/teams/second", {"members": [{"owner": "ana", "weight": 0}]}, "members", "zero_weights"),
    ("/teams/second", {"members": [{"owner": "ana", "weight": 1.2345}]}, "members[0].weight", "too_precise"),
    ("/teams/second", {"members": [{"owner": "ana", "weight": 1000.5}]}, "members[0].weight", "out_of_range"),
    ("/teams/second", {"members": [{"owner": "ana", "weight": -1}]}, "members[0].weight", "out_of_range"),
    ("/teams/second", {"members": [{"weight": 1}]}, "members[0].owner", "required"),
    ("/teams/second", {"pick": "random"}, "pick", "not_allowed"),
]


@pytest.mark.parametrize(("url", "body", "path", "code"), FAULTS)
async def test_a_fault_is_reported_with_its_path_and_nothing_is_written(
    workspace: Workspace, url: str, body: Any, path: str, code: str
) -> None:
    answer = await workspace.client.put(url, json=body)
    assert answer.status_code == 422
    assert [(fault["path"], fault["code"]) for fault in answer.json()["errors"]] == [(path, code)]
    assert (await workspace.client.get(url)).status_code == 404


async def test_a_patch_is_checked_like_a_whole_record(workspace: Workspace) -> None:
    answer = await workspace.client.patch("/teams/inbound", json={"members": [{"owner": "nobody"}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "members[0].owner"
    assert len((await workspace.get("/teams/inbound"))["members"]) == 3


@pytest.mark.parametrize(
    ("id_", "status"),
    [
        ("zoë", 201),
        ("a b.c:d@e", 201),
        ("x" * 255, 201),
        ("é" * 128, 422),
        ("a%01b", 422),
        ("a%C2%85b", 422),
        ("a%00b", 404),
        ("a%FFb", 404),
        ("a%2Fb", 404),
        ("x" * 256, 404),
    ],
)
async def test_an_id_has_at_most_255_bytes_and_no_strange_ones(
    workspace: Workspace, id_: str, status: int
) -> None:
    assert (await workspace.client.put(f"/owners/{id_}", json={})).status_code == status
    assert (await workspace.client.get(f"/owners/{id_}")).status_code == (200 if status == 201 else 404)


async def test_lists_are_paginated(workspace: Workspace) -> None:
    first = await workspace.get("/owners?limit=2")
    assert [owner["id"] for owner in first["items"]] == ["ana", "ben"]
    second = await workspace.get(f"/owners?limit=2&after={first['next']}")
    assert [owner["id"] for owner in second["items"]] == ["eve"]
    assert second["next"] is None
    assert [team["id"] for team in (await workspace.get("/teams"))["items"]] == ["dach", "inbound"]
    for wrong in ("limit=0", "limit=1001", "limit=many"):
        assert (await workspace.client.get(f"/owners?{wrong}")).status_code == 422


async def test_another_workspace_sees_no_record(workspace: Workspace) -> None:
    other = await create_workspace(workspace.app, f"other than {workspace.workspace_id}")
    async with other.client:
        await workspace.client.put("/owners/zoe", json=OWNER)
        assert (await other.client.get("/owners/zoe")).status_code == 404
        assert (await other.client.patch("/owners/zoe", json={})).status_code == 404
        assert (await other.client.delete("/owners/zoe")).status_code == 404
        assert "zoe" not in (await other.client.get("/changes?resource_type=owners&id=zoe")).text


@pytest.mark.parametrize(
    ("scope", "reads", "writes"),
    [
        ("directory:write", True, True),
        ("leads:read", True, False),
        ("ops", True, False),
        ("assign", False, False),
    ],
)
async def test_scopes_separate_reading_from_writing(
    workspace: Workspace, scope: str, reads: bool, writes: bool
) -> None:
    async with workspace.caller(await workspace.issue_key(scope)) as client:
        for url in (
            "/owners",
            "/owners/ana",
            "/owners/ana/absences",
            "/teams/dach",
            "/teams/dach/ledger",
            "/changes",
        ):
            assert (await client.get(url)).status_code == (200 if reads else 403), url
        assert (await client.put("/owners/zoe", json={})).status_code == (201 if writes else 403)


async def test_an_unknown_delegate_is_stored_and_reported(workspace: Workspace) -> None:
    answer = (await workspace.client.put("/owners/zoe", json={"delegate": "nobody"})).json()
    assert [(each["path"], each["code"], each["severity"]) for each in answer["findings"]] == [
        ("delegate", "unknown_owner", "warning")
    ]
    assert (await workspace.get("/owners/zoe"))["delegate"] == "nobody"
    own = (await workspace.client.put("/owners/zoe", json={"delegate": "zoe"})).json()
    assert len(own["findings"]) == 1


async def test_change_log_names_the_actor_and_the_record(workspace: Workspace) -> None:
    before = (await workspace.get("/changes?limit=1000"))["items"][-1]["version"]
    await workspace.client.put("/owners/zoe", json={"name": "Zoe"})
    await workspace.client.patch("/owners/zoe", json={"name": "Zo"})
    await workspace.client.patch("/owners/zoe", json={"name": "Zo"})
    await workspace.client.put("/owners/yan", json={})
    await workspace.client.delete("/owners/zoe")
    log = (await workspace.get(f"/changes?after={before}"))["items"]
    assert [(each["action"], each["resource_id"]) for each in log] == [
        ("put", "zoe"), ("put", "zoe"), ("put", "yan"), ("delete", "zoe"),
    ]  # fmt: skip
    names = [[side and side["name"] for side in (each["before"], each["after"])] for each in log]
    assert names == [[None, "Zoe"], ["Zoe", "Zo"], [None, None], ["Zo", None]]
    assert len({each["actor"] for each in log}) == 1
    assert [each["version"] for each in log] == [before + 1, before + 2, before + 3, before + 4]
    only = (await workspace.get("/changes?resource_type=owners&resource_id=yan"))["items"]
    assert [each["resource_id"] for each in only] == ["yan"]


async def set_zone(workspace: Workspace, zone: str) -> None:
    async with workspace.pool.acquire() as connection:
        await workspaces.set_time_zone(connection, workspace.workspace_id, zone)


async def test_an_owner_without_a_time_zone_has_that_of_the_workspace(workspace: Workspace) -> None:
    await set_zone(workspace, "Asia/Kolkata")
    created = await workspace.client.put("/owners/zoe", json={"name": "Zoe"})
    assert created.json()["timezone"] == "Asia/Kolkata"
    lines = b'{"id": "yan", "name": "Yan"}\n'
    await workspace.client.post(
        "/owners/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    assert (await workspace.get("/owners/yan"))["timezone"] == "Asia/Kolkata"
    again = await workspace.client.put("/owners/zoe", json={"name": "Zoe"})
    assert again.json()["revision"] == created.json()["revision"]
    leave = {"from": "2026-12-24T09:00", "to": "2026-12-25T00:00:00Z"}
    absence = (await workspace.client.post("/owners/zoe/absences", json=leave)).json()
    assert (absence["from"], absence["to"]) == ("2026-12-24T03:30:00Z", "2026-12-25T00:00:00Z")
    assert absence["assumed_timezone"] == "Asia/Kolkata"
    await workspace.client.patch("/owners/zoe", json={"timezone": "Europe/Berlin"})
    await set_zone(workspace, "UTC")
    assert (await workspace.get("/owners/zoe"))["timezone"] == "Europe/Berlin"
    reset = await workspace.client.patch("/owners/zoe", json={"timezone": None})
    assert reset.json()["timezone"] == "UTC"
