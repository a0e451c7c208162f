"""What a plan may cost: over a limit it is refused with the figure and the place, whatever it is."""

import json
from itertools import permutations
from typing import Any

import orjson
import pytest

from app.directory.editing import edit_directory
from app.engine.lookup.tables import TableContent
from app.errors import Overloaded
from app.plan.findings import MAX_FINDINGS, Finding, most_severe
from app.plan_check.capabilities import Capabilities
from app.plans.limited import LONG_BYTES, TooCostly, length_of, run_limited
from app.plans.versions import prepare_activation
from app.registry import strategies
from tests.support.workspace import Workspace

QUEUE: dict[str, Any] = {"queue": {"name": "q"}}


def plan(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"queues": {"q": {}}, "pipeline": [*steps, QUEUE], **more}


def words(name: str, count: int) -> dict[str, Any]:
    return {"from": "attributes.a", **{f"{name}{number}": [f"v{number}"] for number in range(count)}}


def rows(count: int) -> list[dict[str, Any]]:
    return [{"when": {"attributes.a": f"v{number}"}, "points": 1} for number in range(count)]


SCORE = {"score": {"model": ["fit"], "bands": {"hot": {}}}}
TEST = {"lead": {"country": "DE"}, "expect": {"queue": "q"}}
UNINDEXED = [
    {"rule": {"name": f"r{at}", "when": {"employees": {"gte": at}}, "then": {"queue": "q"}}}
    for at in range(1200)
]

IN_A_ROW = {f"f{at}": {"from": f"f{at + 1}", "DE": ["DE"]} for at in range(600)}
IN_A_ROW["f600"] = {"from": "country", "DE": ["DE"]}
"""Of a short plan, which is checked in the process itself."""
LOOK_UPS = [
    {"rule": {"name": f"r{at}", "table": "zips", "match_on": dict.fromkeys(order, "eq")}}
    for at, order in enumerate(list(permutations(("country", "city", "state")))[:5])
]


@pytest.mark.parametrize(
    ("costly", "path", "figure"),
    [
        (
            plan(
                *({"round_robin": {"team": f"t{at}-{{seg}}-{{reg}}"}} for at in range(200)),
                fields={"seg": words("s", 40), "reg": words("r", 40)},
            ),
            "pipeline[0].round_robin",
            "320,000 combinations",
        ),
        (plan(SCORE, scores={"fit": rows(20_000)}), "scores", "40,003 comparisons for one lead"),
        (plan(*UNINDEXED, tests=[TEST] * 10_000), "tests", "comparisons in its tests"),
        (plan(follow_up=[{"do": [{"type": "tag", "name": "x"}] * 201}]), "follow_up", "201 actions"),
        (plan(fields=IN_A_ROW), "fields.f0", "601 derived fields that need one another in a row"),
        (plan(*LOOK_UPS), "pipeline", "5 different `match_on` of the table `zips`"),
    ],
)
async def test_a_plan_over_a_limit_is_refused_with_the_figure(
    workspace: Workspace, costly: dict[str, Any], path: str, figure: str
) -> None:
    answer = await workspace.client.post("/plans", json=costly)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert (fault["path"], fault["code"]) == (path, "too_costly")
    assert figure in fault["detail"]
    assert "the limit is" in fault["detail"]


async def test_a_long_plan_is_checked_in_a_process_of_its_own_like_a_short_one(workspace: Workspace) -> None:
    rules = [
        {"rule": {"name": f"r{at}", "when": {"attributes.a": f"v{at}"}, "then": {"queue": "q"}}}
        for at in range(LONG_BYTES // 60)
    ]
    unknown = {"rule": {"name": "last", "when": {"country": "DE"}, "then": {"team": "inbond"}}}
    answer = await workspace.client.post("/plans", json=plan(*rules, unknown, tests=[TEST], close_idle="90d"))
    assert answer.status_code == 201, answer.text
    (finding,) = answer.json()["findings"]
    assert finding["code"] == "unknown_team"
    assert "Did you mean inbound?" in finding["detail"]
    version = answer.json()["version"]
    refused = await workspace.client.post(f"/plans/{version}/publish")
    assert [each["code"] for each in refused.json()["errors"]] == ["unknown_team"]
    answer = await workspace.client.post("/plans", json=plan(*rules, tests=[TEST]))
    assert answer.json()["tests_run"] == 1
    published = await workspace.client.post(f"/plans/{answer.json()['version']}/publish")
    assert published.status_code == 200, published.text


async def test_a_long_plan_is_not_checked_again_while_everybody_waits(workspace: Workspace) -> None:
    long = plan(*UNINDEXED[:300])
    assert len(orjson.dumps(long)) > LONG_BYTES
    await workspace.put("owners", "ana", {"name": "Ana"})
    assert (await workspace.client.post("/plans", json=long)).status_code == 201
    switch = await prepare_activation(
        workspace.pool, workspace.workspace_id, Capabilities(strategies()), 2, None, "publish"
    )
    await workspace.put("owners", "ana", {"name": "Ana B."})
    with pytest.raises(Overloaded):
        async with edit_directory(workspace.pool, workspace.workspace_id, "ops") as edit:
            await switch(edit)
    assert (await workspace.client.post("/plans/2/publish")).status_code == 200


async def test_a_process_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(TooCostly):
        await run_limited(1, LONG_BYTES, bytes, 3 << 30)


@pytest.mark.parametrize("length", [1, LONG_BYTES])
async def test_a_check_that_goes_too_deep_is_too_costly(length: int) -> None:
    with pytest.raises(TooCostly):
        await run_limited(1, length, json.loads, "[" * 100_000)


async def test_an_error_of_the_process_is_raised() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await run_limited(1, LONG_BYTES, int, "x")


def test_findings_are_asked_for_no_longer_than_they_are_kept() -> None:
    asked = 0

    def findings() -> Any:
        nonlocal asked
        for number in range(10_000):
            asked += 1
            yield Finding(f"[{number}]", "unknown_team", "…", "error" if number % 2 else "warning")

    kept = most_severe(findings())
    assert len(kept) == MAX_FINDINGS
    assert {each.severity for each in kept} == {"error"}
    assert asked == 2 * MAX_FINDINGS


async def test_default_names_of_many_steps_are_found_quickly(workspace: Workspace) -> None:
    answer = await workspace.client.post("/plans", json=plan(*([QUEUE] * 900)))
    assert answer.status_code == 201, answer.text


def test_a_short_plan_with_a_long_table_counts_as_long() -> None:
    table = TableContent(["country"], [{"queue": "q"}], [["DE", 0]] * 1_000)
    assert length_of(b"short") < LONG_BYTES < length_of(b"short", [table])
