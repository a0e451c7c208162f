"""Conditions on the quality of contact data, through the API."""

from typing import Any

from app.audit.verify import verify
from tests.support.factories import PLAN
from tests.support.workspace import Workspace

BY_QUALITY = PLAN.replace(
    "pipeline:\n",
    "pipeline:\n"
    "  - rule: {name: throwaway, when: {contact.email_flags: {contains: disposable}}, then: {owner: ben}}\n"
    "  - rule: {name: private, when: {contact.email_flags: {contains: free}}, then: {owner: eve}}\n"
    "  - rule: {name: abroad, when: {geo_conflict: true}, then: {owner: ben}}\n"
    "  - rule: {name: typed, when: {contact.phone: implausible}, then: {owner: eve}}\n",
)


def step(answer: dict[str, Any]) -> str:
    """The step that settled the lead."""
    name: str = answer["trace"]["steps"][-1]["step"]
    return name


async def test_conditions_ask_for_quality_and_replay_is_exact(workspace: Workspace) -> None:
    await workspace.publish(BY_QUALITY)
    throwaway = await workspace.assign(email="x@10minutemail.com")
    assert step(throwaway) == "throwaway"
    assert throwaway["normalized"]["contact"] == {
        "email": "valid", "email_flags": ["disposable"], "phone": "missing",
    }  # fmt: skip
    abroad = await workspace.assign(email="x@kunde.example", country="DE", phone="+44 121 234 5678")
    assert (step(abroad), abroad["normalized"]["geo_conflict_parts"]) == ("abroad", ["phone"])
    typed = await workspace.assign(email="y@kunde.example", phone="1234567890", country="US")
    assert step(typed) == "typed"
    lead = await workspace.get(f"/leads/{typed['lead_id']}")
    assert lead["fields"]["contact"]["phone"] == "implausible"
    explained = await workspace.get(f"/assignments/{typed['assignment_id']}/explain")
    assert explained["reproduced"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_free_domain_of_a_named_account_is_the_companys(workspace: Workspace) -> None:
    await workspace.publish(BY_QUALITY)
    for id_, domain, tier in (("fr", "frontier.com", "named"), ("wi", "windstream.net", "smb")):
        body = {"domains": [domain], "tier": tier, "owner": "ana"}
        assert (await workspace.client.put(f"/accounts/{id_}", json=body)).status_code == 201
    named = await workspace.assign(email="sales@frontier.com")
    assert named["normalized"]["contact"]["email_flags"] == ["role"]
    assert step(named) != "private"
    other = await workspace.assign(email="mara@windstream.net")
    assert (step(other), other["normalized"]["contact"]["email_flags"]) == ("private", ["free"])
    assert (await verify(workspace.pool, workspace.workspace_id)).clean
