"""The account of a lead, matched by a commit group and shown in the response."""

from typing import Any

import pytest

from app.audit.verify import verify
from tests.support.factories import PLAN
from tests.support.workspace import Workspace

pytestmark = pytest.mark.alone

ASKING = PLAN.replace(
    "pipeline:\n",
    "pipeline:\n"
    "  - rule: {name: named, when: {account.tier: named}, then: {owner: ben}}\n"
    "  - rule: {name: opened, when: {account.open_opportunity: {exists: true}}, then: {owner: eve}}\n",
).replace("Call {lead.first_name} now", "Call {lead.first_name} of {account.name}, {account.roles.sdr}")


async def put(workspace: Workspace, id_: str, **body: Any) -> None:
    answer = await workspace.client.put(f"/accounts/{id_}", json=body)
    assert answer.status_code in {200, 201}, answer.text


async def test_an_account_is_matched_and_returned(workspace: Workspace) -> None:
    await workspace.publish(ASKING)
    roles = {"sdr": "ben", "ae": "ana", "csm": "gone"}
    await put(
        workspace, "acme", name="ACME", domains=["acme.example"], tier="named", roles=roles, owner="eve"
    )
    returned = await workspace.assign(email="a@mail.acme.example")
    assert (returned["owner"]["id"], returned["reason"]["code"]) == ("ben", "rule")
    assert returned["account"] == {"id": "acme", "name": "ACME", "matched_by": "email_domain", "role": "sdr"}
    others = {role: other["id"] for role, other in returned["account_team"].items()}
    assert others == {"owner": "eve", "ae": "ana"}
    assert returned["account_team"]["ae"].keys() == returned["owner"].keys()
    assert returned["trace"]["account"] == {
        "id": "acme",
        "matched_by": "email_domain",
        "candidates": [{"account": "acme", "matched_by": "email_domain", "code": "chosen"}],
    }
    stored = await workspace.get(f"/assignments/{returned['assignment_id']}")
    assert stored["account"] == returned["account"]
    explained = await workspace.get(f"/assignments/{returned['assignment_id']}/explain")
    assert explained["reproduced"]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_action_texts_name_the_account(workspace: Workspace) -> None:
    await workspace.publish(ASKING)
    await put(workspace, "acme", name="ACME", crm={"hubspot": "77"}, roles={"sdr": "ben"})
    returned = await workspace.assign(first_name="Jo", company="x", crm={"account_id": "77"})
    assert returned["account"]["matched_by"] == "crm"
    assert returned["actions"][0]["params"]["title"] == "Call Jo of ACME, ben"
    plain = await workspace.assign(first_name="Jo", company="y")
    assert (plain["account"], plain["account_team"]) == (None, {})
    assert plain["actions"][0]["params"]["title"] == "Call Jo of"


async def test_free_mail_domains_match_only_a_single_account(workspace: Workspace) -> None:
    await workspace.publish(ASKING)
    await put(workspace, "b", domains=["gmail.com"], owner="ana")
    returned = await workspace.assign(email="b@gmail.com")
    assert (returned["account"], returned["trace"]["account"]["candidates"][0]["code"]) == (
        None,
        "free_email_domain",
    )
    await put(workspace, "c", domains=["gmail.com"], tier="named")
    for number in range(30):
        await put(workspace, f"a{number}", domains=["gmail.com"], owner="eve")
    returned = await workspace.assign(email="c@gmail.com")
    assert returned["account"]["id"] == "c"
    assert len(returned["trace"]["account"]["candidates"]) == 10
    await put(workspace, "a", domains=["acme.example"], open_opportunity="006A")
    await put(workspace, "d", domains=["www.acme.example"], owner="gone")
    returned = await workspace.assign(email="d@acme.example", website="https://a.example")
    assert [each["code"] for each in returned["trace"]["account"]["candidates"]] == ["chosen", "lower_ranked"]
    assert (returned["account"]["id"], returned["reason"]["code"]) == ("d", "round_robin")
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_reassigned_claimed_and_replayed_leads_keep_their_account(workspace: Workspace) -> None:
    await put(workspace, "acme", name="ACME", domains=["acme.example"], tier="named", owner="ana")
    first = await workspace.assign(email="a@acme.example", source="partner")
    assert (first["queue"], first["account"]) == ("partner-desk", None)
    await workspace.publish(ASKING)
    claim = await workspace.client.post("/queues/partner-desk/claim", json={"owner_id": "ana"})
    assert claim.json()["account"] == {
        "id": "acme", "name": "ACME", "matched_by": "email_domain", "role": "owner",
    }  # fmt: skip
    again = await workspace.client.post("/reassign", json={"lead_id": first["lead_id"]})
    assert (again.json()["owner"]["id"], again.json()["reason"]["code"]) == ("ben", "rule")
    dry = await workspace.client.post("/assign", json={"lead": {"email": "z@acme.example"}, "dry_run": True})
    assert dry.json()["account"]["id"] == "acme"
    await workspace.client.delete("/accounts/acme")
    report = await verify(workspace.pool, workspace.workspace_id)
    assert (report.clean, report.decisions) == (True, 3), report.lines()


async def test_a_plan_without_accounts_reads_no_account_keys(workspace: Workspace) -> None:
    """With the table out of reach its leads are decided; those of a plan that asks for accounts are not."""
    await put(workspace, "acme", name="ACME", domains=["acme.example"])
    await workspace.assign(email="a@acme.example")  # a process asks for accounts until it knows the plan
    await workspace.pool.execute("ALTER TABLE account_keys RENAME TO out_of_reach")
    for number in range(5):
        returned = await workspace.assign(email=f"b{number}@acme.example")
        assert (returned["account"], returned["outcome"]) == (None, "assigned")
    await workspace.publish(ASKING)
    failed = await workspace.client.post("/assign", json={"lead": {"email": "c@acme.example"}})
    assert (failed.status_code, failed.json()["code"]) == (503, "database_unavailable")
    await workspace.pool.execute("ALTER TABLE out_of_reach RENAME TO account_keys")
    assert (await workspace.assign(email="d@acme.example"))["account"]["id"] == "acme"


async def test_salesforce_id_of_an_account_matches_in_both_forms(workspace: Workspace) -> None:
    await workspace.publish(ASKING)
    long, short = "001Dn000007RBGCIA4", "001Dn000007RBGC"
    await put(workspace, "long", crm={"salesforce": long})
    for number, id_ in enumerate((long, short, long.upper())):
        returned = await workspace.assign(company=f"Company {number}", crm={"account_id": id_})
        assert returned["account"]["id"] == "long"
    await workspace.client.delete("/accounts/long")
    await put(workspace, "short", crm={"salesforce": short})
    assert (await workspace.assign(company="ACME", crm={"account_id": long}))["account"]["id"] == "short"
