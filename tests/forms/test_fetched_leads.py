"""Leads of which a form tool tells only the ids are fetched from it, once each, while nothing else waits."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.outbox.safe_http import AllowedHosts
from tests.forms.deliveries import form, leads, post, settled
from tests.support.processes import PATIENCE
from tests.support.tls import tls_of
from tests.support.vendor import Asked, FormTool, Reply, form_tool
from tests.support.workspace import Filled, Workspace, open_filled

SECRET, TOKEN = "secret-of-our-app", "EAAB-page-token-0001"
AT = 1_764_490_000
RESTED = """
UPDATE form_tokens SET paused_until = now() WHERE workspace_id = $1 AND paused_until IS NOT NULL
"""
LEASE_ENDED = "UPDATE crm_inbox SET next_at = now() WHERE workspace_id = $1 AND code = 'awaiting_fetch'"


@pytest.fixture
async def fetching(filled: Filled) -> AsyncIterator[Workspace]:
    """A workspace that may ask this machine, and a worker that looks all the time."""
    async with open_filled(
        filled, env="development", worker_interval_seconds=0.02, allowed_target_hosts="127.0.0.1"
    ) as workspace:
        yield workspace


async def meta(workspace: Workspace, tool: FormTool, token: str | None = TOKEN, **fields: Any) -> str:
    options = {"fetch_url": tool.url}
    given = {"token": token} if token else {}
    return await form(workspace, "meta", "ads", secrets=[SECRET], options=options, **given, **fields)


def notice(*ids: str, changes: Sequence[Any] = ()) -> tuple[bytes, str]:
    """What Meta tells about leads, each of another page, and its signature."""
    told = [
        {"field": "leadgen", "value": {"leadgen_id": id_, "form_id": "31", "created_time": AT}} for id_ in ids
    ]
    entries = [{"id": f"80{place}", "changes": [each]} for place, each in enumerate([*told, *changes])]
    raw = json.dumps({"object": "page", "entry": entries}).encode()
    return raw, "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()


async def notify(workspace: Workspace, path: str, *ids: str, changes: Sequence[Any] = ()) -> None:
    raw, signature = notice(*ids, changes=changes)
    assert (await post(workspace, path, raw, x_hub_signature_256=signature)).status_code == 200


def lead_of(asked: Asked) -> Reply:
    """A lead as the Graph returns it."""
    id_ = asked.path.rpartition("/")[2]
    fields = {"full_name": f"Person {id_}", "email": f"p{id_}@kundin.example", "budget?": "5k"}
    return Reply(
        document={
            "id": id_,
            "created_time": "2025-11-30T08:06:40+0000",
            "form_id": "31",
            "field_data": [{"name": name, "values": [value]} for name, value in fields.items()],
        }
    )


def error(code: int, headers: Mapping[str, str] = {}) -> Reply:
    return Reply(400, {"error": {"message": "m", "type": "OAuthException", "code": code}}, headers)


async def known(workspace: Workspace, number: int) -> list[dict[str, Any]]:
    """The leads, once there are so many, and nothing more comes."""
    until = time.monotonic() + PATIENCE
    while len(found := await leads(workspace)) < number:
        assert time.monotonic() < until, (found, await waiting(workspace))
        await asyncio.sleep(0.02)
    await settled(workspace)
    return await leads(workspace)


async def waiting(workspace: Workspace) -> list[dict[str, Any]]:
    return list((await workspace.get("/intake/failures"))["items"])


async def state(workspace: Workspace, problem: str | None) -> dict[str, Any]:
    """The token as it is shown, once fetching has this problem."""
    until = time.monotonic() + PATIENCE
    while (token := (await workspace.get("/endpoints/ads"))["token"])["problem"] != problem:
        assert time.monotonic() < until, token
        await asyncio.sleep(0.02)
    return dict(token)


async def test_each_lead_is_fetched_and_decided_once(fetching: Workspace) -> None:
    async with form_tool(lead_of) as tool:
        path = await meta(fetching, tool)
        for _ in range(3):
            await notify(fetching, path, "601", "602", changes=[{"field": "leadgen"}])
        found = await known(fetching, 2)
    assert sorted(each["fields"]["email"] for each in found) == ["p601@kundin.example", "p602@kundin.example"]
    assert found[0]["fields"]["attributes"]["budget?"] == "5k"
    assert sorted(each.path.rpartition("/")[2] for each in tool.got) == ["601", "602"]
    assert {each.headers["authorization"] for each in tool.got} == {f"Bearer {TOKEN}"}
    assert all(TOKEN not in each.path and "access_token" not in each.query for each in tool.got)
    proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert {each.query["appsecret_proof"][0] for each in tool.got} == {proof}
    assert {each["code"] for each in await waiting(fetching)} == {"value_missing"}


@pytest.mark.parametrize("status", [429, 503])
async def test_a_tool_that_says_how_long_is_asked_again_then(fetching: Workspace, status: int) -> None:
    async with form_tool(lambda _: Reply(status, {}, {"Retry-After": "7"})) as tool:
        await notify(fetching, await meta(fetching, tool), "621")
        shown = await state(fetching, "rate_limited" if status == 429 else "unavailable")
    paused = datetime.fromisoformat(shown["paused_until"]) - datetime.fromisoformat(shown["failed_at"])
    assert timedelta(seconds=6.9) <= paused <= timedelta(seconds=9)


async def test_a_tool_that_wants_to_be_left_alone_is_and_only_its_endpoint_waits(fetching: Workspace) -> None:
    limited = True
    usage = {"31": [{"type": "leadgen", "estimated_time_to_regain_access": 20}]}

    def answer(asked: Asked) -> Reply:
        return error(80005, {"X-Business-Use-Case-Usage": json.dumps(usage)}) if limited else lead_of(asked)

    async with form_tool(answer) as tool:
        path = await meta(fetching, tool)
        await notify(fetching, path, "611", "612")
        shown = await state(fetching, "rate_limited")
        paused = datetime.fromisoformat(shown["paused_until"]) - datetime.fromisoformat(shown["failed_at"])
        assert timedelta(minutes=20) <= paused <= timedelta(minutes=25)
        # Meanwhile another form of the workspace is decided, and the first tool is not asked again.
        asked = len(tool.got)
        web = await form(fetching, "generic", "web")
        await post(fetching, web, {"email": "else@kundin.example"})
        assert [each["fields"]["email"] for each in await known(fetching, 1)] == ["else@kundin.example"]
        assert len(tool.got) == asked
        assert {each["code"] for each in await waiting(fetching)} == {"awaiting_fetch"}

        limited = False
        await fetching.fetch(RESTED)
        assert len(await known(fetching, 3)) == 3
    assert (await state(fetching, None))["last_fetched_at"] is not None
    assert await waiting(fetching) == []


async def test_a_refused_token_is_told_and_a_new_one_fetches_what_waits(fetching: Workspace) -> None:
    def answer(asked: Asked) -> Reply:
        return lead_of(asked) if asked.headers["authorization"] == "Bearer a-newer-token" else error(190)

    async with form_tool(answer) as tool:
        path = await meta(fetching, tool)
        await notify(fetching, path, "621")
        await state(fetching, "token_invalid")
        shown = await fetching.get("/endpoints/ads")
        assert "token_invalid" in {each["code"] for each in shown["findings"]}
        await notify(fetching, path, "622")
        await asyncio.sleep(0.3)
        assert len(tool.got) == 1
        answered = await fetching.client.put("/endpoints/ads/token", json={"token": "a-newer-token"})
        assert answered.status_code == 200
        assert len(await known(fetching, 2)) == 2
    assert b"newer" not in answered.content


async def test_without_a_token_leads_are_listed_and_one_that_is_unknown_stays_so(fetching: Workspace) -> None:
    def answer(asked: Asked) -> Reply:
        return error(100) if asked.path.endswith("/632") else lead_of(asked)

    async with form_tool(answer) as tool:
        path = await meta(fetching, tool, token=None)
        await notify(fetching, path, "631", "632", "4444444444444")
        listed = await waiting(fetching)
        assert [each["code"] for each in listed] == ["awaiting_fetch"] * 2
        assert "no_token" in {each["code"] for each in (await fetching.get("/endpoints/ads"))["findings"]}
        await asyncio.sleep(0.2)
        assert tool.got == []
        await fetching.client.put("/endpoints/ads/token", json={"token": TOKEN})
        assert len(await known(fetching, 1)) == 1
        until = time.monotonic() + PATIENCE
        while [each["code"] for each in await waiting(fetching)] != ["lead_not_found"]:
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
    assert sorted(each.path.rpartition("/")[2] for each in tool.got) == ["631", "632"]


async def test_an_outage_is_waited_for_and_given_up_after_three_days(fetching: Workspace) -> None:
    async with form_tool(lambda _: Reply(503, {})) as tool:
        path = await meta(fetching, tool)
        await notify(fetching, path, "641")
        await state(fetching, "unavailable")
        assert [each["code"] for each in await waiting(fetching)] == ["awaiting_fetch"]
        later = datetime.now(UTC) + timedelta(hours=73)
        assert (await fetching.client.put("/dev/clock", json={"at": later.isoformat()})).status_code == 200
        until = time.monotonic() + PATIENCE
        while [each["code"] for each in await waiting(fetching)] != ["not_fetched"]:
            assert time.monotonic() < until, await waiting(fetching)
            await asyncio.sleep(0.02)
        tool.answer = lead_of
        (failure,) = await waiting(fetching)
        await fetching.client.post(f"/intake/failures/{failure['id']}/retry")
        await fetching.fetch(RESTED)
        later += timedelta(hours=1)
        await fetching.client.put("/dev/clock", json={"at": later.isoformat()})
        assert len(await known(fetching, 1)) == 1


RESPONSE = {
    "id": "9a-1",
    "leadType": "SPONSORED",
    "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:77,3)",
    "submittedAt": 1_764_490_000_123,
    "testLead": False,
    "formResponse": {
        "answers": [
            {"questionId": 1, "answerDetails": {"textQuestionAnswer": {"answer": "Ingrid"}}},
            {"questionId": 2, "answerDetails": {"textQuestionAnswer": {"answer": "ingrid@fjord.example"}}},
            {"questionId": 3, "answerDetails": {"textQuestionAnswer": {"answer": "Before May"}}},
        ]
    },
}
ASKED_IN_FORM = {
    "id": 77,
    "name": "Spring",
    "content": {
        "questions": [
            {"questionId": 1, "predefinedField": "FIRST_NAME"},
            {"questionId": 2, "predefinedField": "EMAIL"},
            {"questionId": 3, "name": "when", "question": {"localized": {"en_US": "When do you start?"}}},
        ]
    },
}


def response_of(asked: Asked) -> Reply:
    """What LinkedIn answers."""
    if asked.path == "/rest/leadForms/77":
        return Reply(document=ASKED_IN_FORM)
    return Reply(document={**RESPONSE, "id": asked.path.rpartition("/")[2]})


async def tell(workspace: Workspace, path: str, response: str, action: str, at: int) -> None:
    """LinkedIn tells about a response."""
    raw = json.dumps(
        {
            "type": "LEAD_ACTION",
            "leadAction": action,
            "leadGenFormResponse": f"urn:li:leadGenFormResponse:{response}",
            "leadGenForm": "urn:li:leadGenForm:77",
            "occurredAt": at,
        }
    ).encode()
    mac = hmac.new(SECRET.encode(), b"hmacsha256=" + raw, hashlib.sha256).hexdigest()
    assert (await post(workspace, path, raw, x_li_signature=mac)).status_code == 200


async def linkedin(workspace: Workspace, tool: FormTool, token: str | None = TOKEN) -> str:
    given = {"token": token} if token else {}
    return await form(
        workspace, "linkedin", "ads", secrets=[SECRET], options={"fetch_url": tool.url}, **given
    )


async def test_questions_are_read_in_the_form_which_is_asked_for_once(fetching: Workspace) -> None:
    async with form_tool(response_of) as tool:
        path = await linkedin(fetching, tool)
        await tell(fetching, path, "9a-1", "CREATED", AT)
        (found,) = await known(fetching, 1)
        assert found["fields"]["first_name"] == "Ingrid"
        assert found["fields"]["email"] == "ingrid@fjord.example"
        assert found["fields"]["attributes"]["when"] == "Before May"
        await tell(fetching, path, "9a-2", "CREATED", AT * 1000)
        await tool.asked(3)
        await settled(fetching)
    assert [each.path for each in tool.got].count("/rest/leadForms/77") == 1


async def test_a_deleted_response_is_never_fetched_in_any_order(fetching: Workspace) -> None:
    async with form_tool(response_of) as tool:
        path = await linkedin(fetching, tool, token=None)
        await tell(fetching, path, "9b-1", "DELETED", AT + 50)
        await settled(fetching)
        await tell(fetching, path, "9b-1", "CREATED", AT)
        await tell(fetching, path, "9b-2", "CREATED", AT)
        await tell(fetching, path, "9b-2", "DELETED", AT + 50)
        await fetching.client.put("/endpoints/ads/token", json={"token": TOKEN})
        await tell(fetching, path, "9b-3", "CREATED", AT)
        await known(fetching, 1)
        until = time.monotonic() + PATIENCE
        while await waiting(fetching):
            assert time.monotonic() < until, await waiting(fetching)
            await asyncio.sleep(0.02)
    asked = {each.path for each in tool.got}
    assert asked == {"/rest/leadFormResponses/9b-3", "/rest/leadForms/77"}


async def test_tls_proves_the_name_and_no_redirect_is_followed(fetching: Workspace) -> None:
    name = "graph.vendor.example"
    server, client = tls_of(name)
    moved = False

    def answer(asked: Asked) -> Reply:
        return Reply(302, {}, {"Location": "http://127.0.0.1:1/"}) if moved else lead_of(asked)

    async with form_tool(answer, server, host=name) as tool:
        http = fetching.app.state.target_http
        http.allowed = AllowedHosts.parse(name, development=True)
        http.context = client

        async def at_home(host: str, port: int) -> list[str]:
            assert (host, port) == (name, tool.port)
            return ["127.0.0.1"]

        http.resolve = at_home
        path = await meta(fetching, tool)
        await notify(fetching, path, "651")
        await known(fetching, 1)
        moved = True
        await notify(fetching, path, "652")
        await state(fetching, "unexpected")


async def upload(workspace: Workspace, body: bytes, media: str = "text/csv") -> dict[str, Any]:
    url, headers = "/intake/failures/upload?endpoint=ads", {"Content-Type": media}
    answer = await workspace.client.post(url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_an_export_completes_what_waits_without_doubles(fetching: Workspace) -> None:
    async with form_tool(lead_of) as tool:
        path = await meta(fetching, tool, token=None)
        await notify(fetching, path, "661", "662", "663")
        sheet = (
            "id\tcreated_time\tform_id\tfull_name\temail\tphone_number\r\n"
            "l:661\t2025-11-30T09:06:40+01:00\tf:31\tOda Moe\toda@moe.example\tp:+4721000001\r\n"
            "l:669\t2025-11-30T09:06:40+01:00\tf:31\tNobody\tnobody@moe.example\tp:+4721000002\r\n"
        ).encode("utf-16")
        assert await upload(fetching, sheet) == {"completed": 1, "not_waiting": 1, "unreadable": 0}
        assert await upload(fetching, sheet) == {"completed": 0, "not_waiting": 2, "unreadable": 0}
        flat = json.dumps([{"id": 662, "email": "pal@moe.example"}, {"email": "no@id.example"}]).encode()
        done = await upload(fetching, flat, "application/json")
        assert done == {"completed": 1, "not_waiting": 0, "unreadable": 1}
        found = await known(fetching, 2)
        assert [each["fields"]["email"] for each in found] == ["oda@moe.example", "pal@moe.example"]
        assert found[0]["fields"]["phone"] == "+4721000001"
        # A token that comes later fetches only what is still missing, and repeats change nothing.
        await fetching.client.put("/endpoints/ads/token", json={"token": TOKEN})
        await notify(fetching, path, "661", "662", "663")
        assert len(await known(fetching, 3)) == 3
        assert (await upload(fetching, sheet))["completed"] == 0
    assert [each.path.rpartition("/")[2] for each in tool.got] == ["663"]


async def test_an_export_of_linkedin_is_read_by_its_headers(fetching: Workspace) -> None:
    async with form_tool(response_of) as tool:
        path = await linkedin(fetching, tool, token=None)
        await tell(fetching, path, "9c-1", "CREATED", AT)
        await tell(fetching, path, "9c-2", "CREATED", AT)
        sheet = (
            "Lead ID,First Name,Last Name,Email Address,Form Name,Lead Type\n9c-1,Lin,Ek,lin@ek.example,F,S\n"
        )
        assert (await upload(fetching, sheet.encode()))["completed"] == 1
        whole = {"elements": [{**RESPONSE, "id": "9c-2", "form": ASKED_IN_FORM}]}
        assert (await upload(fetching, json.dumps(whole).encode(), "application/json"))["completed"] == 1
        found = await known(fetching, 2)
    assert {each["fields"]["email"] for each in found} == {"lin@ek.example", "ingrid@fjord.example"}
    assert {each["fields"]["first_name"] for each in found} == {"Lin", "Ingrid"}
