"""Deliveries are verified, stored once, and answered; nothing else happens while the CRM waits."""

import asyncio
import json
from typing import Any

import pytest

from app import places
from tests.support.workspace import Filled, Workspace, open_filled
from tests.webhooks.deliveries import BASE_URL, SECRET, endpoint, event, hubspot, send, standard

ROWS = "SELECT record_id, state, code FROM crm_inbox WHERE workspace_id = $1 ORDER BY record_id"
DELIVERIES = "SELECT body, headers FROM crm_deliveries WHERE workspace_id = $1"
OTHER_SECRET = "whsec_" + "QUJD" * 12


async def rows(workspace: Workspace) -> list[tuple[Any, ...]]:
    """What the inbox holds."""
    return [tuple(row) for row in await workspace.fetch(ROWS)]


@pytest.fixture
async def idle(filled: Filled) -> Any:
    """A workspace whose worker does not run, so that the inbox stays as it is."""
    async with open_filled(filled, no_worker=True, public_base_url=BASE_URL) as workspace:
        yield workspace


async def test_delivery_is_stored_with_its_events_and_answered_without_a_body(idle: Workspace) -> None:
    path = await endpoint(idle)
    body = b"[" + event("1", firstname="CANARY") + b"," + event("2") + b"]"
    async with idle.caller(None) as crm:
        answer = await send(crm, path, body, "msg_1")

    assert (answer.status_code, answer.content) == (200, b"")
    assert await rows(idle) == [("1", "pending", None), ("2", "pending", None)]
    ((stored, headers),) = await idle.fetch(DELIVERIES)
    assert stored == body
    assert set(json.loads(headers)) == {"content-type", "webhook-id", "webhook-timestamp"}


async def test_long_delivery_waits_for_its_place_and_holds_up_no_short_one(idle: Workspace) -> None:
    path = await endpoint(idle)
    long = b"[" + b",".join(event(str(n), text="x" * 100) for n in range(200)) + b"]"
    async with idle.caller(None) as crm:
        async with places.WEBHOOKS.take(idle.workspace_id):
            waits = asyncio.create_task(send(crm, path, long, "msg_1"))
            assert (await send(crm, path, event("1001"), "msg_2")).status_code == 200
            assert not waits.done()
        assert (await waits).status_code == 200
    assert len(await rows(idle)) == 201


async def test_flood_of_one_endpoint_is_put_off_and_the_others_are_served(filled: Filled) -> None:
    limits = {"no_worker": True, "public_base_url": BASE_URL, "webhook_rate": "3/min"}
    async with open_filled(filled, **limits) as workspace, workspace.caller(None) as crm:
        path, other = await endpoint(workspace), await endpoint(workspace, "other")
        forged = {"webhook-id": "msg_0", "webhook-signature": "v1,AAAA", "webhook-timestamp": "1"}
        for _ in range(20):
            assert (await crm.post(path, content=event("1"), headers=forged)).status_code == 401
        answers = [await send(crm, path, event(str(n)), f"msg_{n}") for n in range(3)]
        assert [answer.status_code for answer in answers] == [200, 503, 503]
        assert 1 <= int(answers[1].headers["retry-after"]) <= 20
        assert (await send(crm, other, event("9"), "msg_9")).status_code == 200
        assert [row[0] for row in await rows(workspace)] == ["0", "9"]
        metrics = (await workspace.client.get("/metrics")).text
        assert 'lead_assignment_requests_rate_limited_total{limit="endpoint"} 2.0' in metrics


async def test_who_tries_unknown_paths_gets_no_more_of_them_looked_up(idle: Workspace) -> None:
    path = await endpoint(idle)
    async with idle.caller(None) as crm:
        assert (await send(crm, path, event("1"), "msg_1")).status_code == 200
        tried = [await crm.post(f"/webhooks/unknown-{n}", content=b"{}") for n in range(62)]
        assert [answer.status_code for answer in tried] == [404] * 60 + [429] * 2
        assert 1 <= int(tried[-1].headers["retry-after"]) <= 61
        assert (await send(crm, path, event("2"), "msg_2")).status_code == 200


async def test_repeat_is_accepted_and_stored_once_however_many_come_at_once(idle: Workspace) -> None:
    path = await endpoint(idle)
    body = event("1")
    async with idle.caller(None) as crm:
        answers = await asyncio.gather(*(send(crm, path, body, "msg_1") for _ in range(20)))
        other = await send(crm, path, body, "msg_2")

    assert {answer.status_code for answer in [*answers, other]} == {200}
    assert len(await rows(idle)) == 2
    assert len(await idle.fetch(DELIVERIES)) == 2
    assert (await idle.get("/endpoints/crm"))["duplicates"] == 19


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        (b" ", {}),
        (b"", {"webhook-signature": "v1,AAAA"}),
        (b"", {"webhook-signature": "v1,\u00e9"}),
        (b"", {"webhook-id": "msg_2"}),
        (b"", {"webhook-timestamp": "1"}),
        (b"", {"authorization": "Bearer dev-key"}),
    ],
)
async def test_delivery_that_is_not_genuine_gets_one_answer_and_leaves_nothing(
    idle: Workspace, change: bytes, headers: dict[str, str]
) -> None:
    path = await endpoint(idle)
    body = event("1")
    sent = {**standard(body, "msg_1"), **headers}
    if "authorization" in headers:
        sent = headers
    encoded = {name.encode(): value.encode("latin-1") for name, value in sent.items()}
    async with idle.caller(None) as crm:
        answer = await crm.post(path, content=body + change, headers=encoded)

    assert answer.status_code == 401
    problem = answer.json()
    assert (problem["code"], problem.get("detail")) == ("webhook_refused", None)
    assert await rows(idle) == []
    assert (await idle.get("/endpoints/crm"))["refused"] == 1


async def test_many_forged_deliveries_do_not_keep_a_genuine_one_out(idle: Workspace) -> None:
    path = await endpoint(idle)
    body = event("1")
    async with idle.caller(None) as crm:
        for number in range(120):
            forged = await send(crm, path, body, f"msg_{number}", secret=OTHER_SECRET)
            assert forged.status_code == 401
        assert (await send(crm, path, body, "msg_1")).status_code == 200
    assert len(await rows(idle)) == 1


async def test_unknown_deleted_and_inactive_endpoints_look_the_same(workspace: Workspace) -> None:
    deleted, inactive = await endpoint(workspace, "a"), await endpoint(workspace, "b", active=False)
    assert (await workspace.client.delete("/endpoints/a")).status_code == 204
    async with workspace.caller(None) as crm:
        answers = [
            await send(crm, path, event("1"), "msg_1")
            for path in ("/webhooks/nothing", deleted, inactive, "/webhooks/failures")
        ]
    assert [answer.status_code for answer in answers[:3]] == [404] * 3
    bodies = [{**answer.json(), "request_id": ""} for answer in answers[:3]]
    assert bodies[0] == bodies[1] == bodies[2]
    assert answers[3].status_code in {404, 405}


async def test_edit_of_an_endpoint_counts_from_its_next_delivery(idle: Workspace) -> None:
    path = await endpoint(idle)
    async with idle.caller(None) as crm:
        assert (await send(crm, path, event("1"), "msg_1")).status_code == 200
        made = await idle.client.post("/endpoints/crm/secrets", json={"secret": OTHER_SECRET})
        newer = await send(crm, path, event("2"), "msg_2", secret=OTHER_SECRET)
        older = await send(crm, path, event("3"), "msg_3")
        shown = (await idle.get("/endpoints/crm"))["secrets"]
        await idle.client.delete(f"/endpoints/crm/secrets/{shown[1]['id']}")
        deleted = await send(crm, path, event("4"), "msg_4")
        await idle.client.patch("/endpoints/crm", json={"active": False})
        inactive = await send(crm, path, event("5"), "msg_5", secret=OTHER_SECRET)

    assert (made.status_code, newer.status_code, older.status_code) == (201, 200, 200)
    assert [each["last_used_at"] is not None for each in shown] == [True, True]
    assert (deleted.status_code, inactive.status_code) == (401, 404)


async def test_signed_address_is_the_configured_one_whatever_the_request_says(idle: Workspace) -> None:
    secret = "client secret"
    path = await endpoint(idle, kind="hubspot", secrets=[secret])
    own = await endpoint(idle, "own", kind="hubspot", secrets=[secret], base_url="https://own.example/crm")
    body = b"[]"
    for headers in ({}, {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}):
        async with idle.caller(None) as crm:
            good = await crm.post(path, content=body, headers={**hubspot(path, body, secret), **headers})
            evil = await crm.post(
                path, content=body, headers={**hubspot(path, body, secret, "https://evil.example"), **headers}
            )
            base = await crm.post(
                own,
                content=body,
                headers={**hubspot(own, body, secret, "https://own.example/crm"), **headers},
            )
        assert (good.status_code, evil.status_code, base.status_code) == (200, 401, 200)


async def test_what_is_genuine_but_unreadable_is_accepted_and_kept_as_a_failure(idle: Workspace) -> None:
    path = await endpoint(idle)
    body = b'{"type": CANARY'
    async with idle.caller(None) as crm:
        answers = [await send(crm, path, body, "msg_1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    (failure,) = (await idle.get("/webhooks/failures"))["items"]
    assert (failure["code"], failure["object"], failure["tries"]) == ("unreadable", None, 0)
    assert "CANARY" not in str(failure)
    url = f"/webhooks/failures/{failure['id']}"
    async with idle.caller(await idle.issue_key("privacy")) as officer:
        assert (await officer.get(url)).json()["body"] == body.decode()
        assert (await officer.get("/webhooks/failures")).status_code == 403


async def test_large_bodies_are_refused_by_kind_of_body(idle: Workspace) -> None:
    path = await endpoint(idle)
    async with idle.caller(None) as crm:
        json_body = await crm.post(path, content=b"x" * (1024 * 1024 + 1))
        xml = await crm.post(
            path, content=b"x" * (256 * 1024 + 1), headers={"content-type": "text/xml; charset=UTF-8"}
        )
    assert (json_body.status_code, xml.status_code) == (413, 413)


async def test_path_is_in_no_log_and_no_metric(idle: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    path = await endpoint(idle)
    async with idle.caller(None) as crm:
        await send(crm, path, event("1"), "msg_1")
        await send(crm, path, event("1"), "msg_1", secret=OTHER_SECRET)
        await crm.get(path)
    metrics = (await idle.client.get("/metrics")).text

    random_part = path.removeprefix("/webhooks/")
    assert "/webhooks/{path}" in metrics
    assert 'lead_assignment_webhook_refusals_total{code="signature_mismatch",kind="standard"} 1.0' in metrics
    for text in (metrics, capsys.readouterr().out):
        assert random_part not in text
        assert SECRET not in text
