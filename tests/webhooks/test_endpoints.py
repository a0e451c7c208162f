"""Endpoints: their paths and secrets, what is shown of them, and what needs attention."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from app.webhooks.endpoints import path_hash, system_of
from tests.support.workspace import SECRETS_KEY, Filled, Workspace, open_filled
from tests.webhooks.deliveries import endpoint, event, send

SECRET, NEWER, NEWEST = "first secret ☂", "second secret", "third secret"
HUBSPOT: dict[str, Any] = {"kind": "hubspot", "secrets": [SECRET], "base_url": "https://crm.example"}
ALL_TEXT = """
SELECT string_agg(t, ' ') AS text FROM (
  SELECT to_json(directory)::text AS t FROM directory WHERE workspace_id = $1
  UNION ALL SELECT to_json(changes)::text FROM changes WHERE workspace_id = $1
  UNION ALL SELECT convert_from(secret, 'UTF8') FROM endpoint_secrets WHERE workspace_id = $1
  UNION ALL SELECT convert_from(path, 'UTF8') FROM webhook_paths WHERE workspace_id = $1) AS texts
"""


async def put(workspace: Workspace, id_: str = "crm", **fields: Any) -> dict[str, Any]:
    """An endpoint as the service answers it."""
    answer = await workspace.client.put(f"/endpoints/{id_}", json={**HUBSPOT, **fields})
    assert answer.status_code in {200, 201}, answer.text
    return dict(answer.json())


async def test_endpoint_has_a_path_of_its_own_that_edits_keep(workspace: Workspace) -> None:
    made, other = await put(workspace), await put(workspace, "other")
    assert made["path"].startswith("/webhooks/")
    assert len(made["path"]) >= len("/webhooks/") + 22  # 128 bits in Base64
    assert made["path"] != other["path"]

    again = await put(workspace, active=False)
    patched = await workspace.client.patch("/endpoints/crm", json={"mapping": {"users": {"1": "ana"}}})

    assert (again["path"], again["active"]) == (made["path"], False)
    assert patched.json()["path"] == made["path"]
    assert (await workspace.get("/endpoints/crm"))["mapping"] == {"users": {"1": "ana"}}
    listed = await workspace.get("/endpoints")
    assert [each["path"] for each in listed["items"]] == [made["path"], other["path"]]


async def test_secret_and_path_are_stored_only_encrypted(workspace: Workspace) -> None:
    made = await put(workspace)
    await workspace.client.post("/endpoints/crm/secrets", json={"secret": NEWER})
    await workspace.client.delete("/endpoints/crm")
    await put(workspace)

    ((text,),) = await workspace.fetch(ALL_TEXT)

    for clear in (SECRET, NEWER, made["path"].removeprefix("/webhooks/")):
        assert clear not in text
    assert SECRET not in str(await workspace.get("/endpoints/crm"))
    assert "added secret" in str(await workspace.get("/changes?resource_type=endpoints"))


async def test_put_and_patch_leave_secrets_alone(workspace: Workspace) -> None:
    made = await put(workspace)

    await put(workspace, secrets=[NEWER])
    await workspace.client.patch("/endpoints/crm", json={"secrets": [NEWER], "active": False})

    assert (await workspace.get("/endpoints/crm"))["secrets"] == made["secrets"]


async def test_a_secret_that_is_added_again_pushes_no_other_one_out(workspace: Workspace) -> None:
    first = (await put(workspace))["secrets"][0]

    answers = [
        await workspace.client.post("/endpoints/crm/secrets", json={"secret": NEWER}) for _ in range(3)
    ]

    assert {answer.status_code for answer in answers} == {201}
    (added,) = {answer.json()["id"] for answer in answers}
    shown = (await workspace.get("/endpoints/crm"))["secrets"]
    assert [each["id"] for each in shown] == [added, first["id"]]


async def test_of_three_secrets_the_oldest_goes(workspace: Workspace) -> None:
    first = (await put(workspace))["secrets"][0]["id"]
    ids = []
    for secret in (NEWER, NEWEST):
        answer = await workspace.client.post("/endpoints/crm/secrets", json={"secret": secret})
        assert answer.status_code == 201
        ids.append(answer.json()["id"])

    shown = (await workspace.get("/endpoints/crm"))["secrets"]

    assert [each["id"] for each in shown] == ids[::-1]
    assert first not in ids
    assert all(set(each) == {"id", "fingerprint", "since", "last_used_at"} for each in shown)
    gone = await workspace.client.delete(f"/endpoints/crm/secrets/{ids[0]}")
    assert gone.status_code == 204
    again = await workspace.client.delete(f"/endpoints/crm/secrets/{ids[0]}")
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"kind": "other"}, "kind", "not_allowed"),
        ({"kind": "salesforce"}, "organization_id", "required"),
        ({"kind": "dynamics"}, "organization_id", "required"),
        ({"secrets": ["short"]}, "secrets[0]", "too_short"),
        ({"secrets": [SECRET, NEWER, NEWEST]}, "secrets", "too_many_items"),
        ({"base_url": "ftp://x"}, "base_url", "invalid_format"),
        ({"base_url": "https://user@x"}, "base_url", "invalid_format"),
        ({"expires_at": "soon"}, "expires_at", "invalid_timestamp"),
        ({"options": {"allow_v2": True}}, "options.allow_v2", "unknown_field"),
        ({"sercets": []}, "sercets", "unknown_field"),
    ],
)
async def test_wrong_fields_are_refused_without_their_values(
    workspace: Workspace, fields: dict[str, Any], path: str, code: str
) -> None:
    answer = await workspace.client.put("/endpoints/crm", json={**HUBSPOT, **fields})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["path"], error["code"]) == (path, code)
    assert SECRET not in answer.text
    assert (await workspace.client.get("/endpoints/crm")).status_code == 404


async def test_kind_stays_as_it_is(workspace: Workspace) -> None:
    await put(workspace)
    answer = await workspace.client.patch("/endpoints/crm", json={"kind": "zoho"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_allowed")


async def test_deleted_endpoint_leaves_nothing(workspace: Workspace) -> None:
    made = await put(workspace)
    assert (await workspace.client.delete("/endpoints/crm")).status_code == 204
    assert (await workspace.client.get("/endpoints/crm")).status_code == 404
    assert (await put(workspace))["path"] != made["path"]
    hashes = await workspace.fetch("SELECT path_hash FROM webhook_paths WHERE workspace_id = $1")
    assert path_hash(made["path"].removeprefix("/webhooks/")) not in {row["path_hash"] for row in hashes}


async def codes(workspace: Workspace) -> list[str]:
    """The findings of the endpoint."""
    return [each["code"] for each in (await workspace.get("/endpoints/crm"))["findings"]]


async def test_what_is_missing_is_a_finding(workspace: Workspace) -> None:
    await put(workspace, secrets=[], base_url=None)
    assert await codes(workspace) == ["no_secret", "no_base_url"]
    await workspace.client.post("/endpoints/crm/secrets", json={"secret": NEWER})
    await put(workspace)
    assert await codes(workspace) == []


async def test_end_of_the_channel_is_a_finding_a_day_before_and_after_it(workspace: Workspace) -> None:
    noon = await workspace.start_at_noon()
    for hours, found in ((25, []), (23, ["expires_soon"]), (-1, ["expired"])):
        await put(workspace, expires_at=(noon + timedelta(hours=hours)).isoformat())
        assert await codes(workspace) == found


async def test_silence_far_beyond_the_usual_is_a_finding(workspace: Workspace) -> None:
    noon = await workspace.start_at_noon()
    await put(workspace)
    for hours in range(10, 58, 4):
        await workspace.fetch(
            """INSERT INTO endpoint_hours (workspace_id, endpoint_id, hour, last_at, deliveries, events)
               VALUES ($1, 'crm', $2::timestamptz - $3::interval, $2::timestamptz - $3::interval, 2, 3)""",
            noon,
            timedelta(hours=hours),
        )

    shown = await workspace.get("/endpoints/crm")

    (finding,) = shown["findings"]
    assert finding["code"] == "silent"
    assert finding["since"].startswith((noon - timedelta(hours=10)).isoformat()[:16])
    assert shown["usual_per_day"] == 12.0
    await workspace.client.patch("/endpoints/crm", json={"active": False})
    assert await codes(workspace) == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"payload": {"objectId": 5}}'])
async def test_deliveries_in_which_nothing_can_be_read_are_a_finding_until_one_can(
    workspace: Workspace, body: bytes
) -> None:
    path = await endpoint(workspace)

    async def deliver(sent: bytes, id_: str) -> tuple[int, list[str]]:
        assert (await send(workspace.client, path, sent, id_)).status_code == 200
        await workspace.app.state.receiver.tally.write()
        return (await workspace.get("/endpoints/crm"))["unrecognized"], await codes(workspace)

    assert await deliver(body, "msg_1") == (1, ["nothing_recognized"])
    assert await workspace.fetch("SELECT FROM crm_deliveries WHERE workspace_id = $1") == []
    assert await deliver(event("1"), "msg_2") == (1, [])
    assert await deliver(event("1"), "msg_2") == (1, [])


async def test_without_a_key_for_secrets_nothing_is_stored(filled: Filled) -> None:
    async with open_filled(filled, secrets_key=None) as workspace:
        answer = await workspace.client.put("/endpoints/crm", json=HUBSPOT)
        assert (answer.status_code, answer.json()["code"]) == (503, "secrets_key_missing")
        assert await workspace.get("/endpoints") == {"items": [], "next": None}


async def test_only_an_admin_sees_endpoints(workspace: Workspace) -> None:
    await put(workspace)
    async with workspace.caller(await workspace.issue_key("directory:write", "ops", "privacy")) as caller:
        answers: list[httpx2.Response] = [
            await caller.get("/endpoints"),
            await caller.get("/endpoints/crm"),
            await caller.put("/endpoints/crm", json=HUBSPOT),
        ]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_both_forms_of_an_organization_name_one_system() -> None:
    assert system_of("salesforce", "00D5g000000XyZa") == system_of("salesforce", "00D5g000000XyZaEAK")
    assert system_of("hubspot", None) == "hubspot"
    assert SECRETS_KEY.get_secret_value() not in repr(SECRETS_KEY)
