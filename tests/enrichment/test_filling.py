"""Facts that a lead came without: who fills them, in which order, and what is kept of it."""

import json
from typing import Any

import orjson
import pytest

from app.audit.verify import verify
from app.store.stored_bytes import unpack
from tests.support.answering import answering
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

RULES = """
queues: {desk: {}, big: {}, soft: {}}
pipeline:
  - rule: {name: big, when: {employees: {gte: 500}}, then: {queue: big}}
  - rule: {name: soft, when: {industry: software}, then: {queue: soft}}
  - queue: {name: desk}
"""
FROM_ACCOUNTS = RULES + "enrichment: {providers: [{provider: accounts}]}\n"


def asking(base: str, more: str = "", fill: str = "industry: firm.sector, employees: firm.people") -> str:
    """A plan that asks a service by the domain of the address."""
    return f"""{RULES}
enrichment:
  deadline: 5s
  providers:
    - provider: accounts
    - provider: http
      name: firms
      timeout: 5s
      fill: {{{fill}}}
      settings: {{url: "{base}/by-domain/{{email_domain}}"}}
      {more}
"""


async def question_of(workspace: Workspace, answer: dict[str, Any]) -> dict[str, Any]:
    (row,) = await workspace.fetch(
        "SELECT inputs FROM assignments WHERE workspace_id = $1 AND id = $2", answer["assignment_id"]
    )
    return dict(orjson.loads(unpack(row["inputs"]))["question"])


async def firm(workspace: Workspace) -> None:
    body = {
        "name": "Larch Tools",
        "domains": ["larch.example"],
        "tier": "gold",
        "country": "AT",
        "customer_status": "prospect",
        "attributes": {"industry": "software", "employees": "1,200"},
    }
    answer = await workspace.client.put("/accounts/larch", json=body)
    assert answer.status_code in {200, 201}, answer.text


async def test_account_fills_what_the_lead_lacks_and_says_so(workspace: Workspace) -> None:
    await firm(workspace)
    await workspace.publish(FROM_ACCOUNTS)
    answer = await workspace.assign(email="mo@larch.example", country="DE")
    assert answer["queue"] == "big"
    assert answer["normalized"]["employees"] == 1200
    assert answer["normalized"]["origins"] == {
        "customer_status": "accounts",
        "employees": "accounts",
        "industry": "accounts",
        "tier": "accounts",
    }
    lead = await workspace.get(f"/leads/{answer['lead_id']}")
    assert (lead["fields"]["industry"], lead["fields"]["country"]) == ("software", "DE")
    assert lead["fields"]["origins"]["tier"] == "accounts"
    explained = await workspace.get(f"/assignments/{answer['assignment_id']}/explain")
    assert (explained["origins"]["industry"], explained["reproduced"]) == ("accounts", True)
    assert answer["trace"]["filled"]["industry"] == "accounts"
    question = await question_of(workspace, answer)
    assert question["filled"]["tier"] == ["gold", "accounts"]
    assert "tier" not in question["values"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_what_a_person_says_comes_before_what_anybody_knows(workspace: Workspace) -> None:
    await firm(workspace)
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"firm": {"sector": "retail", "people": 5}}), http) as service:
        await workspace.publish(asking(service.base))
        told = await workspace.assign(email="a@larch.example", employees=20)
        assert told["queue"] == "soft"
        assert told["normalized"]["origins"]["industry"] == "accounts"
        assert "employees" not in told["normalized"]["origins"]
        elsewhere = await workspace.assign(email="b@birch.example")
    assert (elsewhere["queue"], elsewhere["normalized"]["industry"]) == ("desk", "retail")
    assert elsewhere["normalized"]["origins"] == {"employees": "firms", "industry": "firms"}
    assert service.paths == ["/by-domain/larch.example", "/by-domain/birch.example"]


async def test_filled_values_go_along_when_a_lead_is_decided_again(workspace: Workspace) -> None:
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"firm": {"sector": "Software"}}), http) as service:
        await workspace.publish(asking(service.base).replace("industry: software", "industry: Software"))
        first = await workspace.assign(email="a@birch.example")
        again = await workspace.client.post("/reassign", json={"lead_id": first["lead_id"]})
        later = await workspace.assign(email="a@birch.example", industry="Retail")
    assert (first["queue"], again.json()["queue"]) == ("soft", "soft")
    assert again.json()["trace"]["filled"] == {"industry": "firms"}
    assert later["lead_id"] == first["lead_id"]
    lead = await workspace.get(f"/leads/{first['lead_id']}")
    assert (lead["fields"]["industry"], "origins" in lead["fields"]) == ("Retail", False)
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_filled_domain_finds_the_account(workspace: Workspace) -> None:
    await firm(workspace)
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"web": "https://www.larch.example/en"}), http) as service:
        await workspace.publish(asking(service.base, fill="website: web"))
        answer = await workspace.assign(email="mo@sub-firm.example")
    assert (answer["account"]["id"], answer["queue"]) == ("larch", "big")
    assert answer["normalized"]["origins"]["website"] == "firms"


async def test_filled_company_finds_the_account_by_its_name(workspace: Workspace) -> None:
    await firm(workspace)
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"name": "Larch Tools GmbH"}), http) as service:
        plan = asking(service.base, fill="company: name").replace("{email_domain}", "{email}")
        await workspace.publish(plan)
        answer = await workspace.assign(email="mo@gmail.com")
    assert (answer["account"]["id"], answer["normalized"]["origins"]["company"]) == ("larch", "firms")
    assert len(service.asked) == 1


async def test_suppressed_leads_are_sent_to_nobody(workspace: Workspace) -> None:
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"web": "https://rival.example"}), http) as service:
        await workspace.publish(asking(service.base, fill="website: web"))
        listed = await workspace.client.post(
            "/suppressions", json={"list": "rivals", "entries": ["blocked.example", "rival.example"]}
        )
        assert listed.status_code in {200, 201}, listed.text
        blocked = await workspace.assign(email="a@blocked.example")
        found_out = await workspace.assign(email="a@front.example")
    assert (blocked["outcome"], found_out["outcome"]) == ("blocked", "blocked")
    assert service.paths == ["/by-domain/front.example"]


async def test_known_lead_is_checked_again_with_what_was_found_out(workspace: Workspace) -> None:
    """The title says how senior somebody is; texts of a test and the domain of a rival are found, too."""
    answers: list[dict[str, Any]] = [{"title": "Head of Marketing", "city": "Test lead: dummy data for city"}]
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, answers[-1]), http) as service:
        plan = asking(service.base, fill="title: title, city: city, website: web", more="cache: 0")
        await workspace.publish(plan)
        first = await workspace.assign(email="a@front.example")
        filled = first["normalized"]
        assert (filled["title"], filled["seniority"], filled["function"]) == (
            "Head of Marketing", "head", "marketing",
        )  # fmt: skip
        assert filled["origins"]["seniority"] == "firms"
        assert first["junk"]["parts"] == {"platform_test": 30}
        body = {"list": "rivals", "entries": ["rival.example"]}
        assert (await workspace.client.post("/suppressions", json=body)).status_code == 200
        answers.append({"web": "https://rival.example"})
        back = await workspace.assign(email="a@front.example", source="fair")
    assert (back["lead_id"], back["outcome"]) == (first["lead_id"], "blocked")
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_dry_run_asks_nobody(workspace: Workspace) -> None:
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"firm": {"people": 900}}), http) as service:
        await workspace.publish(asking(service.base))
        answer = await workspace.client.post(
            "/assign", json={"lead": {"email": "a@birch.example"}, "dry_run": True}
        )
    assert (answer.json()["queue"], service.asked) == ("desk", [])


async def test_late_answer_is_named_and_the_lead_decided_without_it(workspace: Workspace) -> None:
    http = workspace.app.state.target_http
    async with answering(lambda _: None, http) as service:
        await workspace.publish(asking(service.base).replace("deadline: 5s", "deadline: 100ms"))
        answer = await workspace.assign(email="a@birch.example")
    assert (answer["queue"], answer["degraded"], answer["degraded_codes"]) == (
        "desk",
        ["firms"],
        {"firms": "late"},
    )


async def test_leads_of_a_batch_share_their_calls(workspace: Workspace) -> None:
    http = workspace.app.state.target_http
    async with answering(lambda _: (200, {"firm": {"people": 900}}), http) as service:
        await workspace.publish(asking(service.base))
        items = [{"lead": {"email": f"p{n}@firm{n % 3}.example"}} for n in range(12)]
        answer = await workspace.client.post("/assign/batch", json={"items": items})
    assert {each["decision"]["queue"] for each in answer.json()["items"]} == {"big"}
    assert len(service.asked) == 3


async def test_answer_that_no_database_keeps_as_it_is_fills_what_can_be_read(workspace: Workspace) -> None:
    document = {"firm": {"sector": "soft\0ware\n", "people": 10**40, "city": "\0", "tags": {"\0": "\0x"}}}
    http = workspace.app.state.target_http
    fill = "industry: firm.sector, employees: firm.people, city: firm.city, attributes.tags: firm.tags"
    async with answering(lambda _: (200, json.dumps(document).encode()), http) as service:
        await workspace.publish(asking(service.base, fill=fill))
        answer = await workspace.assign(email="a@birch.example")
        again = await workspace.assign(email="b@birch.example")
    assert (answer["normalized"]["industry"], answer["degraded"]) == ("software", [])
    assert again["normalized"]["origins"] == answer["normalized"]["origins"]
    assert len(service.asked) == 1
    assert (await verify(workspace.pool, workspace.workspace_id)).differences == []
