"""Leads of which a form tool tells only the ids are fetched from it, once each, while nothing else waits."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.forms.deliveries import form, leads, post, settled
from tests.support.processes import PATIENCE
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


async def notify(workspace: Workspace, path: str, *ids: str, changes: Sequence[Any] = ()) -> None:
    """Meta tells about leads of two pages."""
    told = [
        {"field": "leadgen", "value": {"leadgen_id": id_, "form_id": "31", "created_time": AT}} for id_ in ids
    ]
    entries = [{"id": f"80{place}", "changes": [each]} for place, each in enumerate([*told, *changes])]
    raw = json.dumps({"object": "page", "entry": entries}).encode()
    mac = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    answer = await post(workspace, path, raw, x_hub_signature_256=f"sha256={mac}")
    assert answer.status_code == 200


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


def error(code: int, status: int = 400, **headers: str) -> Reply:
    return Reply(status, {"error": {"message": "m", "type": "OAuthException", "code": code}}, headers)


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
    assert {each["code"] for each in await waiting(fetching)} == {"value_missing"}
