"""One lead that cannot be decided is one caller's trouble: the others get their owners, and it is kept."""

import asyncio
from typing import Any

import httpx2
import orjson
import pytest

from tests.promises.audit import audit
from tests.support.callers import callers, insist
from tests.support.factories import ROUND_ROBIN_PLAN, keyed, lead
from tests.support.processes import Service, services
from tests.support.workspace import Workspace, stored_workspace

POISONOUS: dict[str, Any] = {
    **ROUND_ROBIN_PLAN,
    "pipeline": [{"poisonous": {}}, *ROUND_ROBIN_PLAN["pipeline"]],
}
REFUSE = "ALTER TABLE identities ADD CONSTRAINT poison CHECK (value <> 'guilty')"
CANARY = "canary@people.example"
GUILTY = {"lead": {"external_id": "guilty", "email": CANARY, "city": "Nowhere"}}


def bodies() -> list[dict[str, Any]]:
    """31 good leads, and a guilty one among them."""
    good: list[dict[str, Any]] = [lead(number) for number in range(31)]
    return [*good[:17], GUILTY, *good[17:]]


async def post(client: httpx2.AsyncClient, how: str) -> list[tuple[int, dict[str, Any]]]:
    """All bodies at once or as a batch. Returns statuses and bodies in order."""
    if how == "batch":
        response = await client.post("/assign/batch", json={"items": bodies()})
        items = response.json()["items"]
        return [(item["status"], item.get("decision") or item["problem"]) for item in items]
    responses = await asyncio.gather(*(client.post("/assign", json=body) for body in bodies()))
    return [(response.status_code, response.json()) for response in responses]


@pytest.mark.parametrize("how", ["at once", "batch"])
async def test_a_strategy_that_raises_passes_and_the_trace_names_the_error(database: str, how: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        await workspace.publish(POISONOUS)
        with services(database, 1) as running:
            async with callers(workspace, running) as (client,):
                returned = await post(client, how)
                nonsense = await insist(
                    client,
                    {
                        "lead": {
                            **GUILTY["lead"],
                            "city": "Elsewhere",
                            "email": "e@e.example",
                            "external_id": "e",
                        }
                    },
                )
            assert not running[0].logged_errors
            assert CANARY not in running[0].log()
        await audit(workspace)
    assert {status for status, _ in returned} == {201}
    first = returned[17][1]["trace"]["steps"][0]
    assert (first["code"], first["error"]) == ("error", "RuntimeError")
    assert CANARY not in orjson.dumps(returned[17][1]["trace"]).decode()
    assert returned[17][1]["team"] == "inbound"
    assert nonsense["trace"]["steps"][0]["error"] == "invalid_verdict"
    assert returned[0][1]["trace"]["steps"][0] == {
        "step": first["step"],
        "strategy": "poisonous",
        "code": "poisonous",
    }


@pytest.mark.parametrize("how", ["at once", "batch"])
async def test_a_lead_the_database_refuses_is_stored_and_counted_as_failed(database: str, how: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        await workspace.pool.execute(REFUSE)
        with services(database, 1) as running:
            async with callers(workspace, running) as (client,):
                returned = await post(client, how)
            assert CANARY not in running[0].log()
        books = await audit(workspace)
        kept = await workspace.fetch("SELECT code, request FROM failed_leads WHERE workspace_id = $1")
    statuses = [status for status, _ in returned]
    assert statuses == [500 if position == 17 else 201 for position in range(32)]
    assert returned[17][1]["code"] == "lead_not_decided"
    assert "Nowhere" not in str(returned[17][1])
    assert CANARY not in str(returned[17][1])
    assert [orjson.loads(row["request"])["lead"]["email"] for row in kept] == [CANARY]
    assert (books.decisions, books.received) == (31, 32)
    assert set(books.shares().values()) == {10, 11}


async def test_a_repaired_lead_is_decided_under_its_old_key(database: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        await workspace.pool.execute(REFUSE)
        with services(database, 1) as running:
            async with callers(workspace, running) as (client,):
                failed = await client.post("/assign", json=GUILTY, headers=keyed("guilty"))
                await workspace.pool.execute("ALTER TABLE identities DROP CONSTRAINT poison")
                answer = await insist(client, GUILTY, "guilty")
        await audit(workspace)
    assert failed.status_code == 500
    assert answer["outcome"] == "assigned"
    assert not answer["replayed"]


ODD: dict[str, dict[str, Any]] = {
    "is cut by trimming": {"external_id": " x ", "email": " "},
    "largest numbers": {
        "external_id": "n",
        "employees": 2**63 - 1,
        "attributes": {"a": -(2**63), "b": 1e15, "c": 5e-324},
    },
    "long texts": {"external_id": "t", "title": "ß" * 4096, "pages": ["\u2028" * 2700] * 3},
    "odd characters": {"external_id": "\u202e\ufeff\U0010ffff", "attributes": {"": {"\x01": "\x7f\x1b[31m"}}},
    "odd keys": {"external_id": "k", "attributes": {"$x": 1, "a.b": [[]], "'; --": {"{}": "%s %(a)s $1"}}},
    "quotes and slashes": {"external_id": "\\\"'{},NULL", "email": '"a\\"b"@people.example'},
    "foreign domain": {"email": "jos\u00e9@b\u00fccher.example"},
    "longest address": {"email": "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example"},
    "edges of time": {
        "external_id": "z",
        "last_seen_at": "1900-01-01T00:00:00+00:00",
        "trial_ends_at": "2200-12-31T23:59:59Z",
    },
    "many everything": {
        "external_id": "m",
        "engagement": [{"type": "page", "count": 1}] * 1000,
        "content": ["x"] * 1000,
    },
    "phone of anywhere": {"phone": "+" + "9" * 200, "country": "Atlantis"},
    "deep": {"external_id": "d", "attributes": {"a": {"a": {"a": {"a": {"a": [[[[1]]]]}}}}}},
    "only a company": {"company": "\u0130\u0131\u017f\ufb00"},
}


GROWS: dict[str, dict[str, Any]] = {
    "lead.external_id": {"external_id": "\ufb2c" * 85},
    "lead.crm.lead_id": {"crm": {"lead_id": "\U0001d160" * 63}},
}
"""255 bytes as sent, twice and three times as many when composed."""


async def _undisturbed(workspace: Workspace, service: Service, how: str) -> list[int]:
    async with workspace.connect(service.url) as client:
        if how == "batch":
            items = [{"lead": fields} for fields in ODD.values()]
            response = await client.post("/assign/batch", json={"items": items})
            return [item["status"] for item in response.json()["items"]]
        posts = [await client.post("/assign", json={"lead": fields}) for fields in ODD.values()]
        return [response.status_code for response in posts]


@pytest.mark.parametrize("how", ["single", "batch"])
async def test_every_valid_request_can_be_stored(database: str, how: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 1) as running:
            statuses = await _undisturbed(workspace, running[0], how)
            assert dict(zip(ODD, statuses, strict=True)) == dict.fromkeys(ODD, 201)
            assert not running[0].logged_errors
        books = await audit(workspace)
    assert books.decisions == len(ODD)


@pytest.mark.parametrize("path", GROWS)
async def test_ids_are_measured_as_stored(database: str, path: str) -> None:
    async with stored_workspace(database, [1, 1, 1]) as workspace:
        with services(database, 1) as running:
            async with callers(workspace, running) as (client,):
                response = await client.post("/assign", json={"lead": GROWS[path]})
            assert not running[0].logged_errors
        books = await audit(workspace)
    assert response.status_code == 422
    assert [(fault["path"], fault["code"]) for fault in response.json()["errors"]] == [(path, "too_long")]
    assert books.received == 0
