"""Leads matched by a table: decided, traced, explained and replayed."""

from typing import Any

from app.audit.verify import verify
from tests.support.workspace import Workspace

PLAN = """
queues: {unrouted: {claimable_by: inbound}, desk: {}}
slas: {hot: {accept: 5m}}
returning_leads: {window: 0}
pipeline:
  - rule: {name: zip, table: us-zip, match_on: {country: eq, postal_code: longest_prefix},
           priority: 7, sla: hot, else: [{queue: desk}]}
  - rule: {name: size, when: {country: DE}, table: sizes, match_on: {language: eq, employees: range}}
  - queue: {name: unrouted}
"""
ZIP: dict[str, Any] = {
    "columns": ["country", "postal_code"],
    "rows": [
        ["US", "021", {"owner": "ana"}],
        ["US", "9", {"team": "dach", "skills": ["enterprise"]}],
        ["US", "", {"queue": "desk"}],
        ["FR", None, {"queue": "gone"}],
    ],
}
SIZES: dict[str, Any] = {
    "columns": ["language", "employees"],
    "rows": [[None, "1-49", {"team": "inbound"}], [None, "200+", {"owner": "ben"}]],
}


async def put(workspace: Workspace, id_: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = await workspace.client.put(f"/tables/{id_}", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def ready(workspace: Workspace) -> int:
    """Both tables and the plan; the revision of the first."""
    revision = (await put(workspace, "us-zip", ZIP))["revision"]
    await put(workspace, "sizes", SIZES)
    drafted = await workspace.client.post(
        "/plans", content=PLAN, headers={"Content-Type": "application/yaml"}
    )
    assert drafted.status_code == 201, drafted.text
    version = drafted.json()["version"]
    published = await workspace.client.post(f"/plans/{version}/publish", json={"comment": "try"})
    assert published.status_code == 200, published.text
    return int(revision)


async def test_the_matching_row_decides_and_the_trace_names_it(workspace: Workspace) -> None:
    revision = await ready(workspace)
    returned = await workspace.assign(email="a@b.example", country="United States", postal_code="02139")
    assert returned["owner"]["id"] == "ana"
    assert returned["sla"]["name"] == "hot"
    assert returned["priority"] == 7
    entry = returned["trace"]["steps"][0]
    assert entry["table"] == "us-zip"
    assert (entry["revision"], entry["row"]) == (revision, 1)
    assert entry["matched_by_column"] == {"country": "eq", "postal_code": "prefix of 3"}
    assert returned["reason"]["text"] == "Assigned to Ana by rule zip (row 1 of table us-zip)."
    west = await workspace.assign(email="b@b.example", country="US", postal_code="90210")
    assert (west["team"], west["owner"]["id"]) == ("dach", "ana")
    assert (await workspace.assign(email="c@b.example", country="US"))["queue"] == "desk"


async def test_the_pipeline_goes_on_without_a_matching_row(workspace: Workspace) -> None:
    await ready(workspace)
    returned = await workspace.assign(email="a@b.example", country="DE", employees=100)
    assert returned["queue"] == "unrouted"
    codes = [(step["step"], step["code"], step.get("row")) for step in returned["trace"]["steps"]]
    assert codes == [
        ("zip", "no_matching_row", None),
        ("size", "no_matching_row", None),
        ("unrouted", "queue", None),
    ]
    big = await workspace.assign(email="b@b.example", country="DE", employees=200)
    assert big["owner"]["id"] == "ben"
    gone = await workspace.assign(email="c@b.example", country="FR")
    assert gone["queue"] == "desk"


async def test_a_new_table_revision_counts_from_the_next_lead_on(workspace: Workspace) -> None:
    first = await ready(workspace)
    await workspace.assign(email="a@b.example", country="US", postal_code="02139")
    changed = {**ZIP, "rows": [["US", "021", {"owner": "ben"}], *ZIP["rows"][1:]]}
    second = (await put(workspace, "us-zip", changed, 200))["revision"]
    assert second > first
    returned = await workspace.assign(email="b@b.example", country="US", postal_code="02139")
    assert returned["owner"]["id"] == "ben"
    assert returned["trace"]["steps"][0]["revision"] == second


async def test_replay_needs_no_former_table(workspace: Workspace) -> None:
    await ready(workspace)
    leads = [
        ("US", "02139"),
        ("US", "99999"),
        ("US", "x"),
        ("DE", "1"),
        ("DE", "1"),
        ("DE", "1"),
        ("FR", "1"),
    ]
    items = [
        {"lead": {"email": f"p{at}@b.example", "country": country, "postal_code": code, "employees": at * 40}}
        for at, (country, code) in enumerate(leads)
    ]
    answer = await workspace.client.post("/assign/batch", json={"items": items})
    returned = [item["decision"] for item in answer.json()["items"]]
    await put(workspace, "us-zip", {**ZIP, "rows": ZIP["rows"][2:]}, 200)
    await put(workspace, "sizes", {**SIZES, "rows": []}, 200)
    report = await verify(workspace.pool, workspace.workspace_id)
    assert report.lines()[-1] == "OK"
    for each in returned:
        again = await workspace.get(f"/assignments/{each['assignment_id']}/explain")
        assert again["reproduced"]
        assert again["steps"][0]["revision"] == each["trace"]["steps"][0]["revision"]


async def test_a_dry_run_finds_the_same(workspace: Workspace) -> None:
    await ready(workspace)
    lead = {"email": "a@b.example", "country": "US", "postal_code": "02139"}
    answer = await workspace.client.post("/assign", json={"lead": lead, "dry_run": True})
    assert answer.json()["owner"]["id"] == "ana"
