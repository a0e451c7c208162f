"""Members join, change and leave; their balances, and the balances of members who left."""

from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import Workspace


async def members(workspace: Workspace, team: str = "inbound") -> dict[str, Any]:
    """The members of a team by owner."""
    return {member["owner"]: member for member in (await workspace.get(f"/teams/{team}"))["members"]}


async def ledger(workspace: Workspace, team: str = "inbound") -> list[Any]:
    """All turns of a team."""
    return list((await workspace.get(f"/teams/{team}/ledger?limit=1000"))["items"])


async def share(workspace: Workspace, count: int) -> list[str]:
    """Sends this many leads to the team inbound. Returns their owners."""
    return [
        (await workspace.assign(external_id=f"{workspace.workspace_id}-{number}"))["owner"]["id"]
        for number in range(count)
    ]


async def test_a_changed_member_keeps_the_same_place(workspace: Workspace) -> None:
    changed = await workspace.client.patch("/teams/inbound/members/ben", json={"weight": 1.5})
    assert changed.status_code == 200
    assert [(each["owner"], each["weight"]) for each in changed.json()["members"]] == [
        ("ana", 2), ("ben", 1.5), ("eve", 1),
    ]  # fmt: skip
    capped = await workspace.client.patch("/teams/inbound/members/ben", json={"caps": {"per_day": 2}})
    assert (await members(workspace))["ben"]["weight"] == 1.5
    assert capped.json()["members"][1]["caps"]["per_day"] == 2
    free = await workspace.client.patch("/teams/inbound/members/ben", json={"caps": None, "weight": None})
    assert (free.json()["members"][1]["caps"], free.json()["members"][1]["weight"]) == (None, 1)


async def test_a_new_member_is_stored_with_a_ramp(workspace: Workspace) -> None:
    ramp = {"factor": 0.5, "until": "2099-01-04"}
    changed = await workspace.client.patch("/teams/inbound/members/ana", json={"ramp": ramp})
    assert changed.json()["members"][0]["ramp"] == ramp
    assert (await members(workspace))["ana"]["ramp"] == ramp
    await workspace.start_at_noon()
    got = await share(workspace, 6)
    assert [got.count(owner) for owner in ("ana", "ben", "eve")] == [2, 2, 2]
    # A leaving member passes on their balance by the current weights, which are equal.
    await workspace.client.delete("/teams/inbound/members/eve")
    assert sum(member["balance"] for member in (await members(workspace)).values()) == 0
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


@pytest.mark.parametrize(
    ("ramp", "path", "code"),
    [
        ({"factor": 0, "until": "2099-01-04"}, "ramp.factor", "out_of_range"),
        ({"factor": 1.5, "until": "2099-01-04"}, "ramp.factor", "out_of_range"),
        ({"factor": 0.1234, "until": "2099-01-04"}, "ramp.factor", "too_precise"),
        ({"factor": 0.5, "until": "soon"}, "ramp.until", "invalid_date"),
        ({"factor": 0.5, "until": 20990104}, "ramp.until", "invalid_date"),
        ({"factor": 0.5, "until": "0999-01-04"}, "ramp.until", "out_of_range"),
        ({"factor": 0.5}, "ramp.until", "required"),
    ],
)
async def test_an_invalid_ramp_is_refused(
    workspace: Workspace, ramp: dict[str, Any], path: str, code: str
) -> None:
    answer = await workspace.client.put("/teams/inbound/members/ana", json={"weight": 2, "ramp": ramp})
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]


async def test_members_join_and_leave_a_team(workspace: Workspace) -> None:
    added = await workspace.client.put("/teams/dach/members/eve", json={"weight": 3})
    assert [each["owner"] for each in added.json()["members"]] == ["ana", "ben", "eve"]
    assert (await workspace.client.delete("/teams/dach/members/ana")).status_code == 200
    assert list(await members(workspace, "dach")) == ["ben", "eve"]


@pytest.mark.parametrize(
    ("method", "url", "body", "status"),
    [
        ("PATCH", "/teams/dach/members/eve", {"weight": 1}, 404),
        ("PATCH", "/teams/nothing/members/ana", {"weight": 1}, 404),
        ("PUT", "/teams/nothing/members/ana", {"weight": 1}, 404),
        ("PUT", "/teams/dach/members/nobody", {"weight": 1}, 422),
        ("PATCH", "/teams/dach/members/ana", {"weight": "2"}, 422),
        ("PATCH", "/teams/dach/members/ana", {"owner": "eve"}, 422),
        ("PATCH", "/teams/dach/members/ana", [1], 422),
        ("DELETE", "/teams/dach/members/eve", None, 404),
        ("GET", "/teams/nothing/ledger", None, 404),
    ],
)
async def test_an_impossible_team_is_refused(
    workspace: Workspace, method: str, url: str, body: Any, status: int
) -> None:
    before = await workspace.get("/teams/dach")
    assert (await workspace.client.request(method, url, json=body)).status_code == status
    assert await workspace.get("/teams/dach") == before


async def test_the_last_positive_weight_cannot_be_removed(workspace: Workspace) -> None:
    await workspace.client.patch("/teams/dach/members/ana", json={"weight": 0})
    answer = await workspace.client.patch("/teams/dach/members/ben", json={"weight": 0})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "zero_weights"


async def test_a_team_shows_balances_turns_and_open_leads(workspace: Workspace) -> None:
    got = await share(workspace, 8)
    standing = await members(workspace)
    assert {owner: each["turns"] for owner, each in standing.items()} == {
        owner: got.count(owner) for owner in ("ana", "ben", "eve")
    }
    assert [each["open_leads"] for each in standing.values()] == [each["turns"] for each in standing.values()]
    assert sum(each["balance"] for each in standing.values()) == 0
    turns = await ledger(workspace)
    assert [turn["chosen"] for turn in turns] == got
    assert [turn["number"] for turn in turns] == list(range(1, 9))
    for owner, each in standing.items():
        assert each["balance"] == sum(turn["changes"].get(owner, 0) for turn in turns)
    page = await workspace.get("/teams/inbound/ledger?after=3&limit=2")
    assert ([turn["number"] for turn in page["items"]], page["next"]) == ([4, 5], "5")


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("/owners/ana", {"active": False}, "inactive"),
    ("/owners/ana", {"paused_until": "2199-01-01T00:00:00Z"}, "paused"),
    ("/owners/ana", {"caps": {"open": 0}}, "cap_open"),
    ("/owners/ana", {"caps": {"per_day": 0}}, "cap_day"),
    ("/owners/ana", {"caps": {"per_week": 0}}, "cap_week"),
    ("/teams/inbound/members/ana", {"caps": {"per_day": 0}}, "cap_day"),
    ("/teams/inbound/members/ana", {"weight": 0}, "zero_weight"),
]


@pytest.mark.parametrize(("url", "change", "code"), CHANGES)
async def test_an_ineligible_member_is_shown_with_the_reason(
    workspace: Workspace, url: str, change: dict[str, Any], code: str
) -> None:
    assert (await workspace.client.patch(url, json=change)).status_code == 200
    ana, ben = [(await members(workspace))[owner] for owner in ("ana", "ben")]
    assert (ana["eligible"], ana["code"]) == (False, code)
    assert (ana["available_at"] is not None) == (code in ("paused", "cap_day", "cap_week"))
    assert (ben["eligible"], ben["code"], ben["available_at"]) == (True, None, None)
    assert "ana" not in await share(workspace, 4)


async def test_new_cap_counts_earlier_leads(workspace: Workspace) -> None:
    await workspace.start_at_noon()
    got = await share(workspace, 6)
    taken = got.count("ana")
    for cap, code in ((taken, "cap_day"), (taken + 1, None)):
        await workspace.client.patch("/owners/ana", json={"caps": {"per_day": cap}})
        assert (await members(workspace))["ana"]["code"] == code
        await workspace.client.patch("/owners/ana", json={"caps": None})
        member = {"caps": {"rolling": [{"count": cap, "hours": 1}]}}
        await workspace.client.patch("/teams/inbound/members/ana", json=member)
        assert (await members(workspace))["ana"]["code"] == (code and "cap_rolling")
        await workspace.client.patch("/teams/inbound/members/ana", json={"caps": None})


async def test_a_team_may_be_large(workspace: Workspace) -> None:
    lines = b"\n".join(b'{"id": "rep%d"}' % number for number in range(1000))
    await workspace.client.post(
        "/owners/bulk", content=lines, headers={"content-type": "application/x-ndjson"}
    )
    caps = {
        "open": 100_000,
        "per_day": 100_000,
        "per_week": 100_000,
        "rolling": [{"count": 100_000, "hours": 24}],
    }
    members = [{"owner": f"rep{number}", "weight": 1.125, "caps": caps} for number in range(1000)]
    assert (await workspace.client.put("/teams/large", json={"members": members})).status_code == 201
    answer = await workspace.client.put("/teams/larger", json={"members": [*members, {"owner": "ana"}]})
    assert answer.status_code == 422


async def test_an_absent_owner_gets_no_lead(workspace: Workspace) -> None:
    absence = {"from": "2020-01-01T00:00:00+01:00", "to": "2199-01-01T00:00:00Z"}
    made = await workspace.client.post("/owners/ana/absences", json=absence)
    assert made.status_code == 201
    expected: dict[str, Any] = {"from": "2019-12-31T23:00:00Z", "to": "2199-01-01T00:00:00Z", "kind": "leave"}
    expected |= {"assumed_timezone": None, "cover": None, "open_leads": "stay"}
    given = {name: made.json()[name] for name in ("id", "entered_at")}
    assert made.json() == {**given, **expected}
    assert (await workspace.get("/owners/ana/absences"))["items"] == [made.json()]
    ana = (await members(workspace))["ana"]
    assert (ana["code"], ana["available_at"]) == ("absent", "2199-01-01T00:00:00Z")
    assert "ana" not in await share(workspace, 4)
    url = f"/owners/ana/absences/{made.json()['id']}"
    assert (await workspace.client.delete(url.replace("ana", "ben"))).status_code == 404
    assert (await workspace.client.delete(url)).status_code == 204
    assert (await workspace.client.delete(url)).status_code == 404
    assert (await workspace.get("/owners/ana/absences"))["items"] == []
    assert (await members(workspace))["ana"]["eligible"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"from": "2026-12-24T00:00:00Z", "to": "2026-12-24T00:00:00Z"}, ""),
        ({"from": "2026-12-24T00:00:00Z"}, "to"),
        ({"from": "christmas", "to": "2026-12-27T00:00:00Z"}, "from"),
        ({"from": "2026-12-24T00:00:00Z", "to": "2026-12-27T00:00:00Z", "owner": "ben"}, "owner"),
    ],
)
async def test_an_absence_needs_a_start_and_an_end(workspace: Workspace, body: Any, path: str) -> None:
    answer = await workspace.client.post("/owners/ana/absences", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)
    assert (await workspace.client.post("/owners/nobody/absences", json=body)).status_code in (404, 422)


@pytest.mark.parametrize(
    ("sent", "stored", "assumed"),
    [
        (("2026-12-24T09:00", "2026-12-24T18:00"), ("2026-12-24T14:00:00Z", "2026-12-24T23:00:00Z"), True),
        (("2026-12-24", "2026-12-27"), ("2026-12-24T05:00:00Z", "2026-12-27T05:00:00Z"), True),
        (("2026-12-24T09:00Z", "2026-12-24T18:00"), ("2026-12-24T09:00:00Z", "2026-12-24T23:00:00Z"), True),
        (
            ("2026-12-24T09:00+01:00", "2026-12-24T18:00Z"),
            ("2026-12-24T08:00:00Z", "2026-12-24T18:00:00Z"),
            False,
        ),
    ],
)
async def test_times_without_an_offset_are_in_the_time_zone_of_the_owner(
    workspace: Workspace, sent: tuple[str, str], stored: tuple[str, str], assumed: bool
) -> None:
    await workspace.client.patch("/owners/ana", json={"timezone": "America/New_York"})
    made = await workspace.client.post("/owners/ana/absences", json={"from": sent[0], "to": sent[1]})
    assert made.status_code == 201, made.text
    assert (made.json()["from"], made.json()["to"]) == stored
    assert made.json()["assumed_timezone"] == ("America/New_York" if assumed else None)
    assert (await workspace.get("/owners/ana/absences"))["items"] == [made.json()]


async def test_an_absence_that_ends_first_in_the_time_zone_of_the_owner_is_refused(
    workspace: Workspace,
) -> None:
    await workspace.client.patch("/owners/ana", json={"timezone": "America/New_York"})
    body = {"from": "2026-12-24T10:00", "to": "2026-12-24T12:00Z"}
    refused = await workspace.client.post("/owners/ana/absences", json=body)
    assert refused.status_code == 422
    assert [each["code"] for each in refused.json()["errors"]] == ["invalid_order"]


async def test_a_leaving_member_hands_the_balance_to_the_others(workspace: Workspace) -> None:
    await share(workspace, 3)
    left = (await members(workspace))["ana"]["balance"]
    assert left != 0
    await workspace.client.delete("/teams/inbound/members/ana")
    await workspace.client.put("/teams/inbound/members/ana", json={"weight": 2})
    standing = await members(workspace)
    assert standing["ana"]["balance"] == 0
    assert sum(each["balance"] for each in standing.values()) == 0
    rebalanced = (await ledger(workspace))[-1]
    assert (rebalanced["cause"], rebalanced["changes"]["ana"]) == ("rebalanced", -left)


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("/teams/dach", ["pipeline[3].rule.then.team"]),
        (
            "/teams/inbound",
            [
                "follow_up[0].when.team",
                "paths.newsletter.accountable.team",
                "pipeline[3].rule.then.else[0].team",
                "pipeline[4].round_robin.team",
                "queues.partner-desk.claimable_by",
                "queues.unrouted.claimable_by",
            ],
        ),
    ],
)
async def test_a_planned_record_cannot_be_deleted(workspace: Workspace, url: str, places: list[str]) -> None:
    answer = await workspace.client.delete(url)
    assert answer.status_code == 409
    assert sorted(fault["path"] for fault in answer.json()["errors"]) == places
    await workspace.get(url)


async def test_a_deleted_owner_leaves_every_team_and_absence(workspace: Workspace) -> None:
    absence = {"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z"}
    await workspace.client.post("/owners/ana/absences", json=absence)
    await share(workspace, 5)
    assert (await workspace.client.delete("/owners/ana?open_leads=keep")).status_code == 204
    assert (await workspace.client.get("/owners/ana")).status_code == 404
    assert (await workspace.client.get("/owners/ana/absences")).status_code == 404
    for team in ("inbound", "dach"):
        standing = await members(workspace, team)
        assert "ana" not in standing
        assert sum(each["balance"] for each in standing.values()) == 0
    log = (await workspace.get("/changes?limit=1000"))["items"][-4:]
    assert sorted((each["resource_type"], each["action"]) for each in log) == [
        ("absences", "delete"), ("owners", "delete"), ("teams", "put"), ("teams", "put"),
    ]  # fmt: skip
    assert (await workspace.client.delete("/owners/ana")).status_code == 404


async def test_a_deleted_team_leaves_its_ledger(workspace: Workspace) -> None:
    await workspace.client.put("/teams/spare", json={"members": [{"owner": "ana"}, {"owner": "ben"}]})
    plan = {"pipeline": [{"round_robin": {"team": "spare"}}, {"queue": {"name": "q"}}], "queues": {"q": {}}}
    await workspace.client.post("/plans", json=plan)
    await workspace.client.post("/plans/2/publish")
    await share(workspace, 1)
    assert (await workspace.client.delete("/teams/spare")).status_code == 409
    await workspace.client.post("/plans/1/publish")
    assert (await workspace.client.delete("/teams/spare")).status_code == 204
    assert (await workspace.client.get("/teams/spare")).status_code == 404
    assert [turn["cause"] for turn in await ledger(workspace, "spare")] == ["turn", "rebalanced"]
