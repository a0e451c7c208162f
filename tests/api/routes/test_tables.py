"""`/tables` over HTTP: responses, preconditions, and tables in use."""

from typing import Any

import pytest

from app.audit.verify import verify
from app.store.directory.tables import MAX_VERSIONS
from tests.dispatch.test_tables import PLAN, SIZES, ZIP, put, ready
from tests.support.workspace import Workspace


async def test_a_table_is_read_from_csv_and_lines_and_from_nothing_else(workspace: Workspace) -> None:
    for media, body, status in (
        ("text/csv; charset=utf-8", "country,owner\nDE,ana\n", 201),
        ("application/x-ndjson", '{"country": "DE", "owner": "ben"}\n', 200),
        ("text/csv", "country,owner\nDE\n", 422),
        ("text/html", "<table/>", 415),
    ):
        answer = await workspace.client.put("/tables/zip", content=body, headers={"Content-Type": media})
        assert answer.status_code == status, answer.text
    assert (await workspace.get("/tables/zip"))["rows"] == [["DE", {"owner": "ben"}]]


async def test_the_response_reports_warnings_and_changes(workspace: Workspace) -> None:
    first = await put(
        workspace,
        "zip",
        {"columns": ["postal_code"], "rows": [["02", {"team": "dach"}], ["9", {"owner": "ana"}]]},
    )
    assert (first["difference"]["added"], first["overlaps"]["total"], first["findings"]) == (2, 0, [])
    rows = [["02", {"team": "west"}], ["021", {"owner": "zed"}], ["021", {"owner": "ana"}]]
    returned = await put(workspace, "zip", {"columns": ["postal_code"], "rows": rows}, 200)
    assert {name: returned["difference"][name] for name in ("added", "removed", "changed")} == {
        "added": 1, "removed": 1, "changed": 1,
    }  # fmt: skip
    assert returned["difference"]["first"]["removed"] == [["9", {"owner": "ana"}]]
    assert returned["difference"]["first"]["changed"] == [["02", {"team": "west"}]]
    assert returned["duplicates"] == {"total": 1, "first": [{"row": 3, "other": 2, "same_target": False}]}
    assert returned["overlaps"] == {"total": 1, "first": [{"row": 2, "other": 1, "same_target": False}]}
    assert returned["unknown_names"]["first"] == [
        {"row": 1, "kind": "team", "name": "west"}, {"row": 2, "kind": "owner", "name": "zed"},
    ]  # fmt: skip
    assert {(each["path"], each["code"], each["severity"]) for each in returned["findings"]} == {
        ("rows[0].team", "unknown_team", "warning"),
        ("rows[1].owner", "unknown_owner", "warning"),
        ("rows[2]", "conflicting_rows", "warning"),
        ("rows[1]", "overlap", "warning"),
    }


async def test_ranges_that_share_values_overlap(workspace: Workspace) -> None:
    rows = [["1..49", {"owner": "ana"}], ["50..199", {"owner": "ana"}], [[100, None], {"owner": "ben"}]]
    returned = await put(workspace, "sizes", {"columns": ["employees"], "rows": rows})
    assert returned["overlaps"] == {"total": 1, "first": [{"row": 3, "other": 2, "same_target": False}]}


async def test_a_repeated_put_is_no_change_and_if_match_holds(workspace: Workspace) -> None:
    first = await put(workspace, "zip", ZIP)
    again = await put(workspace, "zip", ZIP, 200)
    assert again["revision"] == first["revision"]
    stale = {"If-Match": f'"{first["revision"] - 1}"'}
    answer = await workspace.client.put("/tables/zip", json=SIZES, headers=stale)
    assert answer.status_code == 412
    answer = await workspace.client.put("/tables/zip", json=ZIP, headers={"If-None-Match": "*"})
    assert answer.status_code == 412
    got = await workspace.client.get("/tables/zip")
    assert got.headers["ETag"] == f'"{first["revision"]}"'
    answer = await workspace.client.put("/tables/zip", json=SIZES, headers={"If-Match": got.headers["ETag"]})
    assert answer.status_code == 200


async def test_lists_and_the_change_log_omit_the_rows(workspace: Workspace) -> None:
    for id_ in ("b", "a", "c"):
        await put(workspace, id_, ZIP)
    page = await workspace.get("/tables?limit=2")
    assert [item["id"] for item in page["items"]] == ["a", "b"]
    assert set(page["items"][0]) == {"id", "columns", "row_count", "revision", "updated_at"}
    assert page["items"][0]["row_count"] == 4
    assert [item["id"] for item in (await workspace.get("/tables?after=b"))["items"]] == ["c"]
    await workspace.client.delete("/tables/a")
    log = (await workspace.get("/changes?resource_type=tables&resource_id=a"))["items"]
    assert [(each["action"], (each["after"] or each["before"])["rows"]) for each in log] == [
        ("put", 4),
        ("delete", 4),
    ]
    assert (await verify(workspace.pool, workspace.workspace_id)).clean


async def test_a_table_in_use_and_its_targets_cannot_be_deleted(workspace: Workspace) -> None:
    await ready(workspace)
    for url, path in (
        ("/tables/us-zip", "pipeline[0].rule.table"),
        ("/owners/ben", "tables.sizes.rows[1].owner"),
        ("/teams/dach", "tables.us-zip.rows[1].team"),
    ):
        refused = await workspace.client.delete(url)
        assert refused.status_code == 409, url
        assert path in [each["path"] for each in refused.json()["errors"]]
    other = await workspace.client.put("/tables/sizes", json={"columns": ["visits"], "rows": []})
    assert (other.status_code, other.json()["code"]) == (409, "in_use")
    await workspace.publish("pipeline: [{queue: {name: unrouted}}]\nqueues: {unrouted: {}}")
    assert (await workspace.client.delete("/tables/us-zip")).status_code == 204
    assert (await workspace.client.delete("/tables/us-zip")).status_code == 404
    assert (await workspace.client.get("/tables/us-zip")).status_code == 404


async def test_cells_that_the_plan_cannot_compare_are_reported(workspace: Workspace) -> None:
    await ready(workspace)
    rows = [[None, "many", {"owner": "ana"}], [None, "1-9", {"queue": "nowhere"}]]
    returned = await put(workspace, "sizes", {"columns": ["language", "employees"], "rows": rows}, 200)
    assert [each["code"] for each in returned["findings"]] == ["invalid_cell", "unknown_queue"]


async def test_rows_for_the_same_leads_say_whether_their_targets_differ(workspace: Workspace) -> None:
    rows = [["021", {"owner": "ana"}], ["100; 021", {"owner": "ben"}], ["100", {"owner": "ben"}]]
    returned = await put(workspace, "zip", {"columns": ["postal_code"], "rows": rows})
    assert returned["duplicates"]["first"] == [
        {"row": 2, "other": 1, "same_target": False}, {"row": 3, "other": 2, "same_target": True},
    ]  # fmt: skip
    assert [(each["path"], each["code"]) for each in returned["findings"]] == [
        ("rows[1]", "conflicting_rows"), ("rows[2]", "duplicate_row"),
    ]  # fmt: skip
    assert "owner ben" in returned["findings"][0]["detail"]
    assert "owner ana" in returned["findings"][0]["detail"]
    rule = {"name": "zip", "table": "zip", "match_on": {"postal_code": "postal"}}
    plan = {"pipeline": [{"rule": rule}, {"queue": {"name": "unrouted"}}], "queues": {"unrouted": {}}}
    published = await workspace.client.post("/plans", json=plan)
    assert [(each["path"], each["code"]) for each in published.json()["findings"]] == [
        ("pipeline[0].rule.table", "conflicting_rows"), ("pipeline[0].rule.table", "duplicate_row"),
    ]  # fmt: skip


async def test_a_cell_that_is_no_postal_code_is_reported_with_row_and_text(workspace: Workspace) -> None:
    rows = [["021", {"owner": "ana"}], ["94101-99", {"owner": "ben"}]]
    returned = await put(workspace, "zip", {"columns": ["postal_code"], "rows": rows})
    assert [(each["path"], each["code"]) for each in returned["findings"]] == [
        ("rows[1].postal_code", "invalid_cell")
    ]
    assert "Row 2 (line 3 of a CSV file)" in returned["findings"][0]["detail"]
    assert "94101-99" in returned["findings"][0]["detail"]


@pytest.mark.parametrize(
    ("table", "rule", "found"),
    [
        (None, {}, [("pipeline[0].rule.table", "unknown_table", "error")]),
        (ZIP, {"match_on": {"country": "eq"}}, [("pipeline[0].rule.match_on", "missing_column", "error")]),
        (
            ZIP,
            {"match_on": {"country": "eq", "postal_code": "eq", "state": "eq"}},
            [("pipeline[0].rule.match_on.state", "unknown_column", "error")],
        ),
        (ZIP, {"else": [{"team": "gone"}]}, [("pipeline[0].rule.else[0].team", "unknown_team", "error")]),
        (ZIP, {"sla": "fast"}, [("pipeline[0].rule.sla", "unknown_sla", "error")]),
        (
            {**ZIP, "rows": [["Nowhere", "1", {"owner": "ana"}]]},
            {},
            [("pipeline[0].rule.table", "invalid_cell", "warning")],
        ),
        (
            {**ZIP, "rows": [["US", "1", {"team": "gone"}]]},
            {},
            [("pipeline[0].rule.table", "unknown_team", "warning")],
        ),
        (
            {**ZIP, "rows": [["US", "1", {"team": "dach", "sla": "fast"}]]},
            {},
            [("pipeline[0].rule.table", "unknown_sla", "warning")],
        ),
    ],
)
async def test_a_plan_is_checked_against_the_tables(
    workspace: Workspace,
    table: dict[str, Any] | None,
    rule: dict[str, Any],
    found: list[tuple[str, str, str]],
) -> None:
    if table is not None:
        await put(workspace, "us-zip", table)
    by = {"country": "eq", "postal_code": "longest_prefix"}
    zip_rule = {"name": "zip", "table": "us-zip", "match_on": by, **rule}
    plan = {
        "queues": {"desk": {}, "gone": {}},
        "pipeline": [{"rule": zip_rule}, {"queue": {"name": "desk"}}],
    }
    returned = (await workspace.client.post("/plans", json=plan)).json()
    assert found == [(each["path"], each["code"], each["severity"]) for each in returned["findings"]]
    published = await workspace.client.post(f"/plans/{returned['version']}/publish", json={})
    assert published.status_code == (422 if found[0][2] == "error" else 200)


async def test_plan_tests_read_the_tables(workspace: Workspace) -> None:
    await put(workspace, "us-zip", ZIP)
    await put(workspace, "sizes", SIZES)
    cases = """
tests:
  - {lead: {country: US, postal_code: "02139"}, expect: {owner: ana, rule: zip}}
  - {lead: {country: US, postal_code: "90210"}, expect: {team: dach}}
  - {lead: {country: US, postal_code: "90210"}, given: {absent: [ana, ben]}, expect: {queue: desk}}
  - {lead: {country: DE, employees: 5}, expect: {team: WHICH}}
"""
    for which, findings in (("inbound", []), ("dach", ["test_failed"])):
        text = PLAN + cases.replace("WHICH", which)
        returned = await workspace.client.post(
            "/plans", content=text, headers={"Content-Type": "application/yaml"}
        )
        assert [each["code"] for each in returned.json()["findings"]] == ["unknown_queue", *findings]


async def rows_of(workspace: Workspace, path: str) -> list[list[Any]]:
    rows: list[list[Any]] = (await workspace.get(path))["rows"]
    return rows


async def test_versions_of_a_table_are_listed_compared_and_restored(workspace: Workspace) -> None:
    first = [["021", {"owner": "ana"}], ["100", {"owner": "ana"}]]
    second = [["021", {"owner": "ben"}], ["9", {"owner": "ana"}]]
    one = (await put(workspace, "zip", {"columns": ["postal_code"], "rows": first}))["revision"]
    two = (await put(workspace, "zip", {"columns": ["postal_code"], "rows": second}, 200))["revision"]
    listed = (await workspace.get("/tables/zip/versions"))["items"]
    assert [(each["revision"], each["row_count"]) for each in listed] == [(one, 2), (two, 2)]
    assert await rows_of(workspace, f"/tables/zip/versions/{one}") == first
    changes = await workspace.get(f"/tables/zip/diff?from={one}")
    assert {name: changes[name] for name in ("added", "removed", "changed")} == {
        "added": 1, "removed": 1, "changed": 1,
    }  # fmt: skip
    assert await workspace.get(f"/tables/zip/diff?from={one}&to={two}") == changes
    restored = await workspace.client.post("/tables/zip/rollback", json={"revision": one})
    assert restored.status_code == 200, restored.text
    assert restored.json()["difference"]["changed"] == 1
    assert restored.json()["revision"] > two
    assert restored.headers["etag"] == f'"{restored.json()["revision"]}"'
    assert await rows_of(workspace, "/tables/zip") == first
    again = await workspace.client.post("/tables/zip/rollback", json={"revision": one})
    assert again.json()["revision"] == restored.json()["revision"]
    assert len((await workspace.get("/tables/zip/versions"))["items"]) == 3


async def test_a_deleted_table_can_be_restored(workspace: Workspace) -> None:
    made = await put(workspace, "zip", ZIP)
    await workspace.client.delete("/tables/zip")
    restored = await workspace.client.post("/tables/zip/rollback", json={"revision": made["revision"]})
    assert restored.status_code == 200
    assert await rows_of(workspace, "/tables/zip") == ZIP["rows"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/tables/zip/versions/999999", None, 404),
        ("GET", "/tables/zip/diff?from=999999", None, 404),
        ("GET", "/tables/zip/diff", None, 422),
        ("GET", "/tables/zip/diff?from=0", None, 422),
        ("POST", "/tables/zip/rollback", {"revision": 999999}, 404),
        ("POST", "/tables/zip/rollback", {"revision": "one"}, 422),
        ("POST", "/tables/zip/rollback", {}, 422),
        ("POST", "/tables/none/rollback", {"revision": 1}, 404),
    ],
)
async def test_an_unknown_version_is_refused(
    workspace: Workspace, method: str, path: str, body: Any, status: int
) -> None:
    await put(workspace, "zip", ZIP)
    answer = await workspace.client.request(method, path, json=body)
    assert answer.status_code == status, answer.text


async def test_only_the_newest_versions_of_a_table_are_kept(workspace: Workspace) -> None:
    for number in range(MAX_VERSIONS + 2):
        await put(
            workspace, "zip", {**ZIP, "rows": [["US", f"{number}", {"owner": "ana"}]]}, 200 if number else 201
        )
    listed = await workspace.get("/tables/zip/versions?limit=200")
    assert len(listed["items"]) == MAX_VERSIONS
    present = (await workspace.get("/tables/zip"))["revision"]
    assert listed["items"][-1]["revision"] == present


async def test_a_rollback_is_refused_while_the_plan_matches_on_other_columns(workspace: Workspace) -> None:
    made = await put(workspace, "us-zip", {"columns": ["state"], "rows": [["CA", {"owner": "ana"}]]})
    for table in ("us-zip", "sizes"):
        await put(workspace, table, ZIP if table == "us-zip" else SIZES, 200 if table == "us-zip" else 201)
    await workspace.publish(PLAN)
    refused = await workspace.client.post("/tables/us-zip/rollback", json={"revision": made["revision"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
