"""`GET /metrics/health` with data that came through the API."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from app.store import clocks
from tests.support.workspace import NOON, Workspace

PLAN = """
pipeline:
  - rule: {name: partners, when: {source: partner}, then: {owner: eve}}
  - rule: {name: never, when: {country: Bhutan}, then: {owner: eve}}
  - round_robin: {name: turns, team: inbound}
queues: {desk: {claimable_by: inbound}}
"""


async def at(workspace: Workspace, days: float) -> None:
    """Move the time of the workspace to so many days after the first noon."""
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, NOON + timedelta(days=days), speed=0.001)


async def send(workspace: Workspace, leads: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The decisions about these leads."""
    found = []
    for start in range(0, len(leads), 100):
        answer = await workspace.client.post(
            "/assign/batch", json={"items": [{"lead": lead} for lead in leads[start : start + 100]]}
        )
        found += [item["decision"] for item in answer.json()["items"]]
    return found


async def tell(workspace: Workspace, decisions: Iterable[dict[str, Any]], **event: Any) -> None:
    """Report the same event about each of these decisions."""
    ids = [each["assignment_id"] for each in decisions]
    for start in range(0, len(ids), 100):
        items = [{"assignment_id": id_, **event} for id_ in ids[start : start + 100]]
        answer = await workspace.client.post("/events", json={"items": items})
        assert all(item["status"] < 300 for item in answer.json()["items"]), answer.text


async def health(workspace: Workspace, **parameters: Any) -> dict[str, Any]:
    answer = await workspace.client.get("/metrics/health", params={"within": "1d", **parameters})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def month(workspace: Workspace) -> Workspace:
    """The usual workspace with this plan, at its first noon."""
    for owner in ("ana", "ben", "eve"):
        await workspace.put("owners", owner, {"name": owner.capitalize()})
    members = [{"owner": owner} for owner in ("ana", "ben", "eve")]
    await workspace.put("teams", "inbound", {"name": "Inbound", "members": members})
    await workspace.publish(PLAN)
    await at(workspace, 0)
    return workspace


def lead(number: int, **fields: Any) -> dict[str, Any]:
    return {"email": f"lead{number}@kunde{number}.example", **fields}


async def test_rule_that_never_fires_is_certain(month: Workspace) -> None:
    await send(month, [lead(number, source="web") for number in range(120)])
    await send(month, [lead(120 + number, source="partner") for number in range(5)])
    found = await health(month)
    (first,) = [each for each in found["findings"] if each["code"] == "rule_never_fires"]
    assert first["subject"] == {"kind": "rule", "id": "never"}
    assert first["confidence"]["level"] == "certain"
    assert first["evidence"]["reached"] == 120
    assert first["effect"]["interval"] == pytest.approx([0, 1.959964**2 / (120 + 1.959964**2)], abs=1e-6)
    assert found["figures"]["plan"]["rules"] == 2
    assert found["figures"]["plan"]["leads"] == 125


async def test_figures_of_scores_as_posted(month: Workspace) -> None:
    """Of 20 won 15 scored 0.8 and 5 scored 0.4; of 20 lost 5 scored 0.8 and 15 scored 0.4: 0.75 and 0.2."""
    scores = [0.8] * 15 + [0.4] * 5 + [0.8] * 5 + [0.4] * 15
    decisions = await send(month, [lead(number, score=score) for number, score in enumerate(scores)])
    await tell(month, decisions[:20], type="purchase")
    await tell(month, decisions[20:], type="lost")
    young = await health(month)
    assert young["figures"]["score"]["reason"] == "no_outcomes"
    assert young["figures"]["score"]["immature"] == 40
    await at(month, 2)
    figures = (await health(month))["figures"]["score"]
    assert (figures["auc"], figures["brier"], figures["reason"]) == (0.75, 0.2, None)
    assert (figures["positives"], figures["negatives"], figures["immature"]) == (20, 20, 0)


async def test_score_is_silent_with_three_of_each(month: Workspace) -> None:
    scores = (0.9, 0.7, 0.2, 0.8, 0.4, 0.3)
    decisions = await send(month, [lead(number, score=score) for number, score in enumerate(scores)])
    await tell(month, decisions[:3], type="purchase")
    await at(month, 2)
    found = await health(month)
    assert (found["figures"]["score"]["auc"], found["figures"]["score"]["reason"]) == (None, "too_few")
    assert found["findings"] == []


async def test_sale_that_was_reversed_is_none(month: Workspace) -> None:
    decisions = await send(month, [lead(number, score=number) for number in range(4)])
    for number, each in enumerate(decisions[:3]):
        await tell(month, [each], type="purchase", ref=f"deal {number}", amount=5, currency="EUR")
    await tell(month, decisions[:1], type="reversed", ref="deal 0")
    await at(month, 2)
    figures = (await health(month))["figures"]["score"]
    assert (figures["positives"], figures["negatives"]) == (2, 2)


async def test_owner_who_rejects_is_found_and_owners_are_compared_only_by_right(month: Workspace) -> None:
    decisions = await send(month, [lead(number, source="web") for number in range(180)])
    by_owner = {
        owner: [each for each in decisions if each["owner"]["id"] == owner] for owner in ("ana", "ben", "eve")
    }
    await tell(month, [*by_owner["ana"], *by_owner["eve"], *by_owner["ben"][:15]], type="accepted")
    await at(month, 2)
    found = await health(month)
    assert found["own"] is None
    key = await month.issue_key("ops")
    async with month.caller(key) as ops:
        without = (await ops.get("/metrics/health")).json()
    assert without["figures"]["owners"]["reason"] == "needs_scope_reports_owners"
    assert not any(each["subject"]["kind"] == "owner" for each in without["tests"])
    await month.client.put("/settings/reports", json={"owner_comparison": False})
    off = await health(month)
    assert off["figures"]["owners"]["reason"] == "off_by_settings"
    assert not any(each["subject"]["kind"] == "owner" for each in off["tests"])


async def test_conversion_of_owners_is_that_of_leads_by_turn(month: Workspace) -> None:
    """Each of three members gets 40 leads by turn; partners are no turn. Ana sells to 24, the others to 4."""
    decisions = await send(month, [lead(number, source="web") for number in range(120)])
    await send(month, [lead(1000 + number, source="partner") for number in range(30)])
    for owner, sold in (("ana", 24), ("ben", 4), ("eve", 4)):
        mine = [each for each in decisions if each["owner"]["id"] == owner]
        assert len(mine) == 40
        await tell(month, mine[:sold], type="purchase")
    await at(month, 2)
    found = await health(month)
    rows = {each["owner_id"]: each for each in found["figures"]["owners"]["rows"]}
    assert {owner: (row["leads"], row["converted"]) for owner, row in rows.items()} == {
        "ana": (40, 24), "ben": (40, 4), "eve": (40, 4),
    }  # fmt: skip
    assert rows["ana"]["expected"] == pytest.approx(40 * 32 / 120)
    (ana,) = [
        each
        for each in found["findings"]
        if each["code"] == "owner_conversion" and each["subject"]["id"] == "ana"
    ]
    assert ana["confidence"]["level"] == "confirmed"
    assert ana["evidence"]["odds_ratio"] == pytest.approx((24 * 72) / (8 * 16))
    assert ana["evidence"]["difference"] == pytest.approx(0.5)
    mine = [each for each in found["tests"] if each["code"] == "owner_conversion"]
    assert len(mine) == 3
    assert ana["confidence"]["p_value"] < 1e-7


async def test_queue_that_nobody_attends_to(month: Workspace) -> None:
    await month.publish("{pipeline: [{queue: {name: desk}}], queues: {desk: {claimable_by: inbound}}}")
    await send(month, [lead(number) for number in range(3)])
    await at(month, 0.5)
    assert (await health(month))["findings"] == []
    await at(month, 7)
    (found,) = (await health(month))["findings"]
    assert (found["code"], found["subject"]) == ("queue_unattended", {"kind": "queue", "id": "desk"})
    assert found["evidence"]["waiting"] == 3
    claimed = await month.client.post("/queues/desk/claim", json={"owner_id": "ana"})
    assert claimed.status_code < 300, claimed.text
    assert (await health(month))["findings"] == []


async def test_owner_sees_own_numbers_and_the_middle(month: Workspace) -> None:
    decisions = await send(month, [lead(number, source="web") for number in range(60)])
    await tell(month, [each for each in decisions if each["owner"]["id"] == "ana"], type="accepted")
    key = await month.issue_key("ops")
    await month.pool.execute(
        "UPDATE api_keys SET owner_id = 'ana' WHERE workspace_id = $1 AND scopes = '{ops}'",
        month.workspace_id,
    )
    async with month.caller(key) as own:
        found = (await own.get("/metrics/health")).json()
    assert found["findings"] == found["tests"] == []
    assert found["figures"] is None
    acceptance = next(each for each in found["own"] if each["measure"] == "acceptance")
    assert (acceptance["numerator"], acceptance["denominator"], acceptance["team_id"]) == (20, 20, "inbound")
    assert (acceptance["middle"], acceptance["middle_reason"]) == (None, "too_few_others")
    assert "ben" not in str(found)


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("from=2026-11-02&to=2026-11-02", ["to"], "out_of_range"),
        ("from=2026-11-02&to=2029-11-02", ["to"], "out_of_range"),
        ("within=soon", ["within"], "invalid_duration"),
        ("outcome=luck", ["outcome"], None),
        ("from=yesterday", ["from"], None),
    ],
)
async def test_bad_parameters_are_named(
    month: Workspace, query: str, path: list[str], code: str | None
) -> None:
    answer = await month.client.get(f"/metrics/health?{query}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert path[0] in str(error)
    assert code is None or error["code"] == code


async def test_same_period_has_the_same_tests_and_findings(month: Workspace) -> None:
    await send(month, [lead(number, source="web") for number in range(120)])
    await at(month, 2)
    first, second = await health(month), await health(month)
    assert first["tests"] == second["tests"]
    assert first["findings"] == second["findings"]


async def test_rule_that_fires_less_since_a_plan_is_told_with_the_change(month: Workspace) -> None:
    """Half of the leads are from Germany. From the eleventh day on a rule before it takes most of them."""
    before = (
        "{pipeline: [{rule: {name: dach, when: {country: DE}, then: {owner: ana}}}, {queue: {name: desk}}]}"
    )
    after = before.replace(
        "{pipeline: [", "{pipeline: [{rule: {name: fair, when: {source: fair}, then: {owner: ben}}}, "
    )
    await month.publish(before)
    number = 0
    for day in range(21):
        if day == 10:
            version = await month.publish(after)
        await at(month, day)
        leads = [lead(number + each, country="DE" if each % 2 else "FR", source="fair") for each in range(12)]
        number += 12
        await send(month, leads)
    found = await health(month)
    drifts = {each["subject"]["id"]: each for each in found["findings"] if each["code"] == "rule_drift"}
    assert drifts.keys() == {"dach", "desk"}
    drift = drifts["dach"]
    assert drift["subject"]["kind"] == "rule"
    assert {"kind": "plan", "what": str(version)} in drift["evidence"]["changes"]
    assert (drift["evidence"]["before"]["leads"], drift["evidence"]["before"]["fired"]) == (120, 60)
    assert (drift["evidence"]["after"]["leads"], drift["evidence"]["after"]["fired"]) == (120, 0)


async def test_claims_within_seconds_are_told(month: Workspace) -> None:
    await month.publish("{pipeline: [{queue: {name: desk}}], queues: {desk: {claimable_by: inbound}}}")
    day = 0.0
    for owner, wait in (("ana", 0.0), ("ben", 0.01), ("eve", 0.01)):
        for number in range(25):
            day += 0.02
            await at(month, day)
            (made,) = await send(month, [lead(len(owner) * 10_000 + ord(owner[0]) * 100 + number)])
            await at(month, day + wait)
            body = {"owner_id": owner, "lead_id": made["lead_id"]}
            answer = await month.client.post("/queues/desk/claim", json=body)
            assert answer.status_code < 300, answer.text
    found = await health(month)
    sniping = [each for each in found["findings"] if each["code"] == "claim_sniping"]
    assert [each["subject"] for each in sniping] == [{"kind": "owner", "id": "ana", "team": "desk"}]
    assert (sniping[0]["evidence"]["leads"], sniping[0]["evidence"]["hits"]) == (25, 25)
    assert (sniping[0]["evidence"]["other_leads"], sniping[0]["evidence"]["other_hits"]) == (50, 0)


async def test_rejects_that_others_sell_are_told(month: Workspace) -> None:
    """Each member rejects 24 leads. Of those of Ana 18 are sold by others, of those of the others 2."""
    await month.publish(
        "{reject_reasons: {no_fit: {refund: true}}, max_refunds_per_day: 100,"
        " pipeline: [{round_robin: {name: turns, team: inbound}}]}"
    )
    decisions = await send(month, [lead(number) for number in range(90)])
    rejected: dict[str, list[dict[str, Any]]] = {"ana": [], "ben": [], "eve": []}
    for each in decisions:
        mine = rejected[each["owner"]["id"]]
        if len(mine) < 24:
            body = {"type": "rejected", "reason": "no_fit", "by": each["owner"]["id"]}
            answer = await month.client.post(f"/assignments/{each['assignment_id']}/events", json=body)
            assert answer.status_code == 200, answer.text
            mine.append(each)
    for owner, sold in (("ana", 18), ("ben", 2), ("eve", 2)):
        items = [{"lead_id": each["lead_id"], "type": "purchase"} for each in rejected[owner][:sold]]
        answer = await month.client.post("/events", json={"items": items})
        assert all(item["status"] < 300 for item in answer.json()["items"]), answer.text
    await at(month, 2)
    found = await health(month)
    told = [each for each in found["findings"] if each["code"] == "rejects_close_elsewhere"]
    assert [each["subject"]["id"] for each in told] == ["ana"]
    assert (told[0]["evidence"]["leads"], told[0]["evidence"]["hits"]) == (24, 18)


async def test_offers_that_time_out_were_not_accepted_and_claims_are_none(month: Workspace) -> None:
    await month.publish("""
slas: {quick: {accept: 15m}}
queues: {desk: {}}
pipeline:
  - rule: {name: desk, when: {source: desk}, then: {queue: desk}}
  - round_robin: {team: inbound, sla: quick}
""")
    decisions = await send(month, [lead(number) for number in range(180)])
    for number in range(180, 220):
        await send(month, [lead(number, source="desk")])
        claimed = await month.client.post("/queues/desk/claim", json={"owner_id": "ana"})
        assert claimed.status_code < 300, claimed.text
    others = [each for each in decisions if each["owner"]["id"] != "ana"]
    anas = [each for each in decisions if each["owner"]["id"] == "ana"]
    await tell(month, [*others, *anas[:15]], type="accepted")
    await at(month, 2)
    found = await health(month)
    (low,) = [each for each in found["findings"] if each["code"] == "low_acceptance"]
    assert low["subject"] == {"kind": "owner", "id": "ana", "team": "inbound"}
    assert (low["evidence"]["leads"], low["evidence"]["hits"]) == (60, 15)


async def test_accepting_and_not_touching_is_told(month: Workspace) -> None:
    decisions = await send(month, [lead(number) for number in range(120)])
    await tell(month, decisions, type="accepted")
    await tell(month, [each for each in decisions if each["owner"]["id"] != "ana"], type="first_touch")
    await at(month, 2)
    found = await health(month)
    (sitting,) = [each for each in found["findings"] if each["code"] == "accept_and_sit"]
    assert sitting["subject"] == {"kind": "owner", "id": "ana", "team": "inbound"}
    assert (sitting["evidence"]["leads"], sitting["evidence"]["hits"]) == (40, 40)
    contact = {each["subject"]["id"] for each in found["findings"] if each["code"] == "low_contact"}
    assert contact == {"ana"}
