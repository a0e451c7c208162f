"""The first 50 steps, teams and reasons have series of their own; nothing that was shown ever falls."""

from collections import Counter

import pytest

from app.metrics.counters import REJECTS, TEAM_ASSIGNMENTS, WorkspaceCounters
from app.metrics.label_names import MAX_NAMES, LabelNames
from tests.support.metrics import samples
from tests.support.workspace import Workspace

TEAMS = [f"team-{number:02}" for number in range(60)]
REASONS = [f"reason-{number:02}" for number in range(55)]
BUSY, DELETED = TEAMS[50], TEAMS[3]


def plan(teams: list[str]) -> str:
    """A plan in which the source of a lead names its team, in this order."""
    rules = [
        f"  - rule: {{name: to-{team}, when: {{source: {team}}}, then: {{team: {team}}}}}" for team in teams
    ]
    reasons = [f"  {reason}: {{refund: true}}" for reason in REASONS]
    return "\n".join(
        ["queues: {rest: {}}", "reject_reasons:", *reasons, "pipeline:", *rules, "  - queue: {name: rest}"]
    )


async def publish(workspace: Workspace, text: str) -> None:
    headers = {"Content-Type": "application/yaml"}
    drafted = await workspace.client.post("/plans", content=text, headers=headers)
    assert drafted.status_code == 201, drafted.text
    version = drafted.json()["version"]
    published = await workspace.client.post(f"/plans/{version}/publish", json={})
    assert published.status_code == 200, published.text


async def shown(workspace: Workspace) -> tuple[dict[str, float], float]:
    """The assignments by team, and in all."""
    text = (await workspace.client.get("/metrics")).text
    found = samples(text, "lead_assignment_team_assignments_total")
    total = samples(text, "lead_assignment_decisions_total", outcome="assigned")
    return {team: count for (team,), count in found.items()}, total[()]


async def test_fifty_names_stay_until_another_version(workspace: Workspace) -> None:
    for team in TEAMS:
        await workspace.put("teams", team, {"name": team, "members": [{"owner": "ana"}]})
    await publish(workspace, plan(TEAMS))
    text = (await workspace.client.get("/metrics")).text
    named = [*TEAMS[:MAX_NAMES], "none", "other"]
    assert samples(text, "lead_assignment_team_assignments_total") == {(team,): 0 for team in named}
    assert set(samples(text, "lead_assignment_rejects_total")) == {
        (reason,) for reason in (*REASONS[:MAX_NAMES], "other")
    }
    steps = {step for _, step in samples(text, "lead_assignment_step_decisions_total")}
    assert steps == {f"to-{team}" for team in TEAMS[:MAX_NAMES]} | {"other"}
    for number in range(6):
        await workspace.assign(external_id=f"busy-{number}", source=BUSY)
    for number in range(2):
        await workspace.assign(external_id=f"deleted-{number}", source=DELETED)
    by_team, total = await shown(workspace)
    assert (by_team["other"], by_team[DELETED], total) == (6, 2, 8)
    assert sum(by_team.values()) == total
    left = [team for team in TEAMS if team != DELETED]
    await publish(workspace, plan(left))
    assert (await workspace.client.delete(f"/teams/{DELETED}")).status_code in (200, 204)
    await workspace.assign(external_id="busy-again", source=BUSY)
    by_team, total = await shown(workspace)
    assert (by_team[BUSY], by_team["other"], total) == (1, 8, 9)
    assert DELETED not in by_team


async def test_deleted_team_is_gone_with_the_next_scrape_and_its_count_is_not(workspace: Workspace) -> None:
    await workspace.put("teams", "gone", {"name": "Gone", "members": [{"owner": "ana"}]})
    await publish(workspace, "queues: {rest: {}}\npipeline:\n  - queue: {name: rest}\n")
    answer = await workspace.assign(external_id="a")
    to = {"lead_id": answer["lead_id"], "to": {"team": "gone"}}
    assert (await workspace.client.post("/reassign", json=to)).status_code == 201
    assert (await shown(workspace))[0]["gone"] == 1
    await workspace.client.delete("/teams/gone")
    by_team, total = await shown(workspace)
    assert "gone" not in by_team
    assert (by_team["other"], total) == (1, 1)


def test_names_keep_their_places_and_new_ones_get_the_free_ones() -> None:
    names = LabelNames().renewed([], [f"t{number}" for number in range(50)], [], [])
    later = names.renewed([], ["new", *(f"t{number}" for number in range(1, 50)), "newer"], [], [])
    assert set(later.teams) == {"new", *(f"t{number}" for number in range(1, 50))}
    assert names.renewed([], ["new", *names.teams], [], []).teams == names.teams


@pytest.mark.parametrize("names", [(), ("a",), ("b",), ("a", "b")])
def test_nothing_that_was_shown_falls_in_sum(names: tuple[str, ...]) -> None:
    counters, versions = (
        WorkspaceCounters(),
        {1: LabelNames(reasons=("a", "b")), 2: LabelNames(reasons=names)},
    )
    counters.add(1, Counter({(REJECTS, "a"): 3, (REJECTS, "b"): 2, (REJECTS, "c"): 1}))
    before = counters.settle(counters.take_pending(), versions, 1, ())
    assert {key[1]: count for key, count in before.items() if key[0] == REJECTS} == {
        "a": 3,
        "b": 2,
        "other": 1,
    }
    counters.add(2, Counter({(REJECTS, "a"): 1}))
    after = counters.settle(counters.take_pending(), versions, 2, ())
    assert sum(count for key, count in after.items() if key[0] == REJECTS) == 7
    assert all(after[key] >= count for key, count in before.items() if key in after)


def test_what_could_not_be_settled_is_counted_later() -> None:
    counters, versions = WorkspaceCounters(), {1: LabelNames(teams=("a",))}
    counters.add(1, Counter({(TEAM_ASSIGNMENTS, "a"): 1}))
    pending = counters.take_pending()
    counters.add(1, Counter({(TEAM_ASSIGNMENTS, "a"): 1}))
    counters.put_back(pending)
    assert counters.settle(counters.take_pending(), versions, 1, ("a",))[TEAM_ASSIGNMENTS, "a"] == 2
