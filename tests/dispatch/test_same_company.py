"""People of one company who come within a while get one owner, over the API."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from app.store import clocks
from tests.support.workspace import NOON, Workspace, client_of, running_app

PLAN: Mapping[str, Any] = {
    "same_company": "30d",
    "queues": {"desk": {}},
    "pipeline": [{"round_robin": {"team": "inbound"}}, {"queue": {"name": "desk"}}],
}


@pytest.fixture
async def office(workspace: Workspace) -> Workspace:
    await workspace.start_at_noon()
    await workspace.publish(PLAN)
    return workspace


def owner(decision: Mapping[str, Any]) -> str:
    return str(decision["owner"]["id"])


def first_step(decision: Mapping[str, Any]) -> dict[str, Any]:
    return dict(decision["trace"]["steps"][0])


async def turns(workspace: Workspace) -> Counter[str]:
    rows = await workspace.fetch(
        "SELECT chosen FROM ledger_entries WHERE workspace_id = $1 AND cause = 'turn'"
    )
    return Counter(row["chosen"] for row in rows)


async def assert_clean(workspace: Workspace) -> None:
    assert (await verify(workspace.pool, workspace.workspace_id)).differences == []


async def at(workspace: Workspace, after: timedelta) -> None:
    async with workspace.pool.acquire() as connection:
        await clocks.set_clock(connection, workspace.workspace_id, NOON + after, speed=1)


async def test_colleagues_who_come_to_two_services_at_the_same_moment_get_one_owner(
    office: Workspace,
) -> None:
    leads = [{"lead": {"email": f"p{number}@werft.example"}} for number in range(5)]
    async with (
        running_app(office.app.state.settings.database_url) as other,
        client_of(other, office.key) as elsewhere,
    ):
        calls = [
            (elsewhere if number % 2 else office.client).post("/assign", json=lead)
            for number, lead in enumerate(leads)
        ]
        answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({owner(answer.json()) for answer in answers}) == 1
    assert sum((await turns(office)).values()) == 5
    codes = Counter(answer.json()["reason"]["code"] for answer in answers)
    assert codes == {"round_robin": 1, "same_company": 4}
    await assert_clean(office)


async def test_with_per_company_only_the_first_takes_a_turn(office: Workspace) -> None:
    await office.publish({**PLAN, "count": "per_company"})
    decisions = [await office.assign(email=f"p{number}@werft.example") for number in range(4)]
    assert len({owner(each) for each in decisions}) == 1
    assert sum((await turns(office)).values()) == 1
    await assert_clean(office)


async def test_trace_names_the_lead_that_is_followed(office: Workspace) -> None:
    one = await office.assign(email="a@werft.example")
    other = await office.assign(email="b@sub.werft.example")
    assert other["reason"]["code"] == "same_company"
    assert first_step(other) == {
        "step": "same_company",
        "strategy": "same_company",
        "code": "same_company",
        "colleagues": [{"owner": owner(one), "lead_id": one["lead_id"], "code": "chosen"}],
    }
    explained = await office.get(f"/assignments/{other['assignment_id']}/explain")
    assert explained["reproduced"] is True


@pytest.mark.parametrize("domain", ["gmail.com", "uni-kiel.de", "werft.onmicrosoft.com", "werft.github.io"])
async def test_strangers_of_one_domain_take_turns(office: Workspace, domain: str) -> None:
    decisions = [await office.assign(email=f"p{number}@{domain}") for number in range(4)]
    assert len({owner(each) for each in decisions}) > 1
    assert {each["reason"]["code"] for each in decisions} == {"round_robin"}


async def test_school_is_a_company_if_the_plan_says_so(office: Workspace) -> None:
    await office.publish({**PLAN, "same_company": {"window": "30d", "education": True}})
    decisions = [await office.assign(email=f"p{number}@uni-kiel.de") for number in range(4)]
    assert len({owner(each) for each in decisions}) == 1


async def test_domain_of_an_agency_or_another_account_is_no_company(office: Workspace) -> None:
    await office.put("accounts", "lila", {"domains": ["lila.example"], "agency": True})
    decisions = [await office.assign(email=f"p{number}@lila.example") for number in range(4)]
    assert {each["reason"]["code"] for each in decisions} == {"round_robin"}


async def test_domain_whose_people_name_more_than_twenty_companies_is_none(office: Workspace) -> None:
    for number in range(21):
        await office.assign(email=f"p{number}@portal.example", company=f"Betrieb {chr(97 + number)}x")
    last = await office.assign(email="last@portal.example", company="Betrieb ax")
    assert last["reason"]["code"] == "round_robin"


async def test_company_is_followed_within_the_window_and_not_after_it(office: Workspace) -> None:
    await office.assign(email="a@werft.example")
    await at(office, timedelta(days=29))
    assert (await office.assign(email="b@werft.example"))["reason"]["code"] == "same_company"
    await at(office, timedelta(days=58))
    assert (await office.assign(email="c@werft.example"))["reason"]["code"] == "same_company"
    await at(office, timedelta(days=89))
    assert (await office.assign(email="d@werft.example"))["reason"]["code"] == "round_robin"


@pytest.mark.parametrize("why", ["absent", "inactive", "excluded"])
async def test_owner_who_is_not_there_does_not_get_the_colleague(office: Workspace, why: str) -> None:
    one = await office.assign(email="a@werft.example")
    body: dict[str, Any] = {"lead": {"email": "b@werft.example"}}
    if why == "absent":
        day = {"from": "2030-11-20", "to": "2030-11-21"}
        url = f"/owners/{owner(one)}/absences"
        assert (await office.client.post(url, json=day)).status_code == 201
    elif why == "inactive":
        url = f"/owners/{owner(one)}"
        assert (await office.client.patch(url, json={"active": False})).status_code == 200
    else:
        body["exclude"] = [owner(one)]
    other = (await office.client.post("/assign", json=body)).json()
    assert owner(other) != owner(one)
    assert first_step(other)["code"] == "colleague_unavailable"
    assert first_step(other)["colleagues"][0]["code"] == why
    third = await office.assign(email="c@werft.example")
    assert owner(third) == owner(other)
    await assert_clean(office)


async def test_returning_lead_keeps_its_own_owner(office: Workspace) -> None:
    await office.assign(email="a@werft.example")
    other = await office.assign(email="b@werft.example")
    names = {each["id"] for each in (await office.get("/owners"))["items"]} - {owner(other)}
    moved = await office.client.post("/reassign", json={"lead_id": other["lead_id"], "to": min(names)})
    assert moved.status_code == 201
    again = await office.assign(email="b@werft.example", city="Kiel")
    assert again["reason"]["code"] in ("duplicate", "reengaged")
    assert owner(again) == min(names)
    assert owner(await office.assign(email="c@werft.example")) == min(names)


async def test_bulk_and_dry_run_decide_like_single_calls(office: Workspace) -> None:
    items = [{"lead": {"email": f"p{number}@werft.example"}} for number in range(3)]
    dry = await office.client.post("/assign", json={**items[0], "dry_run": True})
    assert dry.status_code == 200
    answer = await office.client.post("/assign/batch", json={"items": items})
    decisions = [each["decision"] for each in answer.json()["items"]]
    assert len({owner(each) for each in decisions}) == 1
    assert decisions[0]["reason"]["code"] == "round_robin"


async def test_plan_that_does_not_ask_stores_no_company(office: Workspace) -> None:
    await office.publish({name: part for name, part in PLAN.items() if name != "same_company"})
    decisions = [await office.assign(email=f"p{number}@werft.example") for number in range(3)]
    assert {each["reason"]["code"] for each in decisions} == {"round_robin"}
    assert await office.fetch("SELECT FROM identities WHERE workspace_id = $1 AND kind = 'company'") == []


async def test_erasing_one_lead_leaves_its_colleagues(office: Workspace) -> None:
    one = await office.assign(email="a@werft.example", first_name="Kim", last_name="Vega")
    other = await office.assign(email="b@werft.example", first_name="Lou", last_name="Ott")
    assert (await office.client.delete(f"/leads/{one['lead_id']}")).status_code == 200
    rows = await office.fetch(
        "SELECT lead_id::text AS lead_id FROM identities WHERE workspace_id = $1 AND kind = 'company'"
    )
    assert [row["lead_id"] for row in rows] == [other["lead_id"]]
    assert owner(await office.assign(email="c@werft.example")) == owner(other)


async def test_colleagues_who_wait_join_the_first_who_gets_an_owner(office: Workspace) -> None:
    waits = {"rule": {"name": "wait", "when": {"source": "fair"}, "then": {"queue": "desk"}}}
    await office.publish({**PLAN, "pipeline": [waits, *PLAN["pipeline"]]})
    early = [await office.assign(email=f"w{number}@werft.example", source="fair") for number in range(3)]
    stranger = await office.assign(email="x@kontor.example", source="fair")
    assert {each["outcome"] for each in early} == {"queued"}
    first = await office.assign(email="first@werft.example")
    for each in early:
        found = await office.get(f"/leads/{each['lead_id']}")
        assert (found["state"], found["owner"]["id"]) == ("assigned", owner(first))
        assert found["assignments"][-1]["reason"]["code"] == "same_company"
    assert (await office.get(f"/leads/{stranger['lead_id']}"))["state"] == "queued"
    await assert_clean(office)
