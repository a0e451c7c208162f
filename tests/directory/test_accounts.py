"""Accounts in the directory: the stored records, the findings, and the keys."""

from typing import Any

import pytest

from app.audit.verify import verify
from app.store.connection.pool import transaction
from tests.support.workspace import Workspace

ACME: dict[str, Any] = {
    "name": "ACME GmbH",
    "domains": ["acme.example"],
    "parent": None,
    "tier": "named",
    "owner": "ana",
    "roles": {"ae": "ana", "sdr": "ben"},
    "customer_status": "active",
    "open_opportunity": None,
    "attributes": {"segment": "big"},
    "crm": {"salesforce": "0011"},
}
KEYS = "SELECT kind, value, rank FROM account_keys WHERE workspace_id = $1 AND account_id = $2 ORDER BY 1, 2"


async def put(workspace: Workspace, id_: str, **body: Any) -> dict[str, Any]:
    answer = await workspace.client.put(f"/accounts/{id_}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    return dict(answer.json())


async def keys(workspace: Workspace, id_: str) -> list[tuple[Any, ...]]:
    async with transaction(workspace.pool, workspace.workspace_id, read_only=True) as connection:
        return [tuple(row) for row in await connection.fetch(KEYS, workspace.workspace_id, id_)]


async def test_an_account_is_stored_as_sent(workspace: Workspace) -> None:
    made = await workspace.client.put("/accounts/acme", json=ACME)
    assert (made.status_code, made.json()["findings"]) == (201, [])
    kept = await workspace.client.get("/accounts/acme")
    assert kept.json().items() >= ACME.items()
    assert kept.headers["ETag"] == made.headers["ETag"]
    changed = await workspace.client.patch("/accounts/acme", json={"roles": {"sdr": None}, "owner": None})
    assert (changed.json()["roles"], changed.json()["owner"]) == ({"ae": "ana"}, None)
    assert [each["id"] for each in (await workspace.get("/accounts"))["items"]] == ["acme"]
    log = (await workspace.get("/changes?resource_type=accounts"))["items"]
    assert [(each["action"], each["resource_id"]) for each in log] == [("put", "acme"), ("put", "acme")]
    stale = await workspace.client.put(
        "/accounts/acme", json=ACME, headers={"If-Match": made.headers["ETag"]}
    )
    assert stale.status_code == 412
    assert (await workspace.client.delete("/accounts/acme")).status_code == 204
    assert (await workspace.client.delete("/accounts/acme")).status_code == 404
    assert await keys(workspace, "acme") == []
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"domains": ["not a domain"]}, "domains[0]", "invalid_domain"),
        ({"domains": "acme.example"}, "domains", "wrong_type"),
        ({"customer_status": "happy"}, "customer_status", "not_allowed"),
        ({"roles": {"sdr": 7}}, "roles.sdr", "wrong_type"),
        ({"open_opportunity": [1]}, "open_opportunity", "wrong_type"),
        ({"crm": {"salesforce": "ä" * 200}}, "crm.salesforce", "too_long"),
        ({"team": "x"}, "team", "unknown_field"),
    ],
)
async def test_an_invalid_account_is_refused(
    workspace: Workspace, change: dict[str, Any], path: str, code: str
) -> None:
    answer = await workspace.client.put("/accounts/acme", json={**ACME, **change})
    assert answer.status_code == 422
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [(path, code)]


async def test_warnings_are_reported(workspace: Workspace) -> None:
    await put(workspace, "old", domains=["other.example"], owner="ana")
    returned = await put(
        workspace,
        "acme",
        owner="zoe",
        roles={"sdr": "yan", "ae": "ana"},
        parent="above",
        successor="heir",
        domains=["mail.other.example", "gmail.com", "own.example"],
    )
    assert [(each["path"], each["code"], each["severity"]) for each in returned["findings"]] == [
        ("owner", "unknown_owner", "warning"),
        ("roles.sdr", "unknown_owner", "warning"),
        ("parent", "unknown_parent", "warning"),
        ("successor", "unknown_successor", "warning"),
        ("domains[0]", "shared_domain", "warning"),
        ("domains[1]", "free_email_domain", "warning"),
    ]
    await put(workspace, "heir")
    returned = await put(workspace, "above", parent="acme", successor="heir")
    assert [(each["path"], each["code"]) for each in returned["findings"]] == [("parent", "parent_cycle")]
    assert (await put(workspace, "free", domains=["gmail.com"], tier="named"))["findings"][0]["code"] == (
        "shared_domain"
    )


async def test_account_keys_follow_the_record(workspace: Workspace) -> None:
    await put(
        workspace, "acme", domains=["stock.walmart.com", "www.münchen.de", "co.uk"], crm={"a": "1", "b": "2"}
    )
    expected = [("crm", "1", 1), ("crm", "2", 1), ("domain", "co.uk", 1), ("domain", "walmart.com", 1)]
    assert await keys(workspace, "acme") == [*expected, ("domain", "xn--mnchen-3ya.de", 1)]
    await put(workspace, "acme", domains=["walmart.com", "gmail.com"], owner="ana")
    assert await keys(workspace, "acme") == [("domain", "gmail.com", 2), ("domain", "walmart.com", 0)]
    await workspace.client.patch("/accounts/acme", json={"tier": "named"})
    assert await keys(workspace, "acme") == [("domain", "gmail.com", 0), ("domain", "walmart.com", 0)]


async def test_many_records_are_sent_as_lines(workspace: Workspace) -> None:
    lines = b"\n".join(b'{"id": "c%d", "domains": ["c%d.example"]}' % (at, at) for at in range(1500))
    headers = {"Content-Type": "application/x-ndjson"}
    url = "/accounts/bulk"
    returned = (await workspace.client.post(url, content=lines + b"\n{}", headers=headers)).json()
    assert (returned["created"], [each["line"] for each in returned["errors"]]) == (1500, [1501])
    again = lines.replace(b'c7.example"', b'seven.example"') + b'\n{"id": "c8", "domains": []}'
    returned = (await workspace.client.post(url, content=again, headers=headers)).json()
    assert (returned["updated"], returned["unchanged"]) == (2, 1499)
    assert await keys(workspace, "c7") == [("domain", "seven.example", 1)]
    assert await keys(workspace, "c8") == []


async def test_an_edit_of_accounts_leaves_the_rest_of_the_directory_in_memory(workspace: Workspace) -> None:
    """Another process keeps its directory, and decides the same."""
    await workspace.assign(email="a@people.example")
    await put(workspace, "acme", **ACME)
    async with workspace.edit() as edit:
        await edit.put("owners", "ana", {"name": "Ana", "active": False}, await edit.find("owners", "ana"))
        await edit.put("accounts", "b", {"domains": [], "roles": {}, "crm": {}}, None)
    returned = [await workspace.assign(email=f"b{at}@people.example") for at in range(4)]
    assert {each["owner"]["id"] for each in returned} == {"ben", "eve"}
    await put(workspace, "acme", **{**ACME, "tier": None})
    assert (await workspace.assign(email="c@people.example"))["owner"]["id"] in {"ben", "eve"}
    report = await verify(workspace.pool, workspace.workspace_id)
    assert report.clean, report.lines()
