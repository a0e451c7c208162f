"""Signals: people who are leads already do something."""

from datetime import timedelta
from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.workspace import NOON, Workspace

PLAN = """
scores:
  interest:
    - {when: {engagement: {name: pricing, count: {gte: 1}}}, points: 10}
    - {when: {engagement: {name: demo, count: {gte: 1}}}, points: 20}
paths: {newsletter: {accountable: {owner: ana}}}
queues: {desk: {}}
pipeline:
  - rule: {name: ana, when: {source: ana}, then: {owner: ana}}
  - score: {model: [interest], bands: {hot: {gte: 30}, warm: {gte: 10}, cold: {}}}
  - rule: {name: hot, when: {band: hot}, then: {owner: ben}}
  - rule: {name: warm, when: {band: warm}, then: {queue: desk}}
  - rule: {name: rest, then: {path: newsletter}}
  - queue: {name: desk}
"""
CLOCK = """
INSERT INTO clocks (workspace_id, set_at, base_time, speed) VALUES ($1, now(), $2, 0)
ON CONFLICT (workspace_id) DO UPDATE SET set_at = excluded.set_at, base_time = excluded.base_time, speed = 0
"""


@pytest.fixture
async def site(workspace: Workspace) -> Workspace:
    """A workspace with this plan, at a noon where time stands still."""
    await at(workspace, 0)
    await workspace.publish(PLAN)
    return workspace


async def at(workspace: Workspace, hours: float) -> None:
    """So many hours after noon."""
    await workspace.pool.execute(CLOCK, workspace.workspace_id, NOON + timedelta(hours=hours))


async def signal(workspace: Workspace, name: str = "pricing", **body: Any) -> dict[str, Any]:
    sent = {"external_id": "lead-1", "engagement": [{"type": "page_view", "name": name}], **body}
    answer = await workspace.client.post("/signals", json=sent)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def is_clean(workspace: Workspace) -> bool:
    return (await verify(workspace.pool, workspace.workspace_id)).differences == []


async def test_the_owner_is_told_once_a_window_with_the_count(site: Workspace) -> None:
    lead = await site.assign(external_id="lead-1", source="ana")
    first = await signal(site)
    assert (first["effect"], first["assignment_id"]) == ("told", lead["assignment_id"])
    (action,) = first["actions"]
    assert action["id"] == f"{first['event_id']}.1"
    assert (action["type"], action["params"]["owner"], action["params"]["count"]) == ("notify", "ana", 1)
    for hours in (1, 3.9):
        await at(site, hours)
        assert (await signal(site))["effect"] == "none"
    await at(site, 4)
    told = await signal(site)
    assert told["actions"][0]["params"]["count"] == 3
    assert told["actions"][0]["params"]["text"] == "One of your leads was active 3 times."
    found = await site.get(f"/leads/{lead['lead_id']}")
    assert len(found["fields"]["engagement"]) == 4
    assert len(found["assignments"]) == 1
    assert await is_clean(site)


async def test_a_lead_on_a_path_is_decided_again_when_its_band_rises(site: Workspace) -> None:
    lead = await site.assign(external_id="lead-1")
    assert lead["path"] == "newsletter"
    assert (await signal(site, "blog"))["effect"] == "none"
    risen = await signal(site)
    assert (risen["effect"], risen["decision"]["queue"]) == ("decided", "desk")
    assert risen["decision"]["lead_id"] == lead["lead_id"]
    assert (await signal(site, "demo"))["effect"] == "none"
    await at(site, 4)
    assert (await signal(site, "blog"))["decision"]["owner"]["id"] == "ben"
    found = await site.get(f"/leads/{lead['lead_id']}")
    assert [each["cause"] for each in found["assignments"]] == ["assign", "signal", "signal"]
    assert [each["name"] for each in found["fields"]["engagement"]] == ["blog", "demo", "pricing", "blog"]
    assert await is_clean(site)


async def test_a_signal_stays_with_the_lead_when_it_comes_again(site: Workspace) -> None:
    await site.assign(external_id="lead-1")
    await signal(site, "blog")
    again = await site.assign(external_id="lead-1", source="ana", engagement=[{"name": "webinar"}])
    assert again["existing_lead"] is not None
    found = await site.get(f"/leads/{again['lead_id']}")
    assert [each["name"] for each in found["fields"]["engagement"]] == ["webinar", "blog"]


async def test_a_signal_is_idempotent_by_its_id(site: Workspace) -> None:
    await site.assign(external_id="lead-1", source="ana")
    first = await signal(site, id="s-1")
    assert await signal(site, id="s-1") == {**first, "replayed": True}
    sent = {"external_id": "lead-1", "id": "s-1", "engagement": [{"name": "other"}]}
    other = await site.client.post("/signals", json=sent)
    assert (other.status_code, other.json()["code"]) == (422, "event_id_reused")


async def test_a_signal_is_for_known_people_only(site: Workspace) -> None:
    lead = await site.assign(external_id="lead-1", email="Jo@people.example", source="ana")
    named: list[dict[str, Any]] = [
        {"lead_id": lead["lead_id"]},
        {"email": " jo@PEOPLE.example"},
    ]
    for each in named:
        answer = await site.client.post("/signals", json={**each, "engagement": [{"name": "x"}]})
        assert answer.json()["lead_id"] == lead["lead_id"]
    refused = {
        404: {"email": "nobody@people.example", "engagement": [{"name": "x"}]},
        422: {"email": "jo@people.example", "phone": "+49 30 123456", "engagement": [{"name": "x"}]},
    }
    for status, body in refused.items():
        assert (await site.client.post("/signals", json=body)).status_code == status


async def test_a_closed_lead_is_not_decided_again(site: Workspace) -> None:
    lead = await site.assign(external_id="lead-1")
    await site.client.post(f"/assignments/{lead['assignment_id']}/events", json={"type": "closed"})
    assert (await signal(site, "demo"))["effect"] == "none"
    assert (await site.get(f"/leads/{lead['lead_id']}"))["state"] == "closed"
