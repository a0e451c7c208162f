"""Every route that takes an id answers the id of another workspace like an unknown one (S-27)."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import orjson
import pytest_asyncio

from tests.api.routes.test_routes import GUARDED
from tests.support.workspace import Workspace, create_workspace, running_app

UNKNOWN = "01890000-0000-7000-8000-000000000000"
HOURS = {"timezone": "UTC", "hours": "24/7"}
LEAVE = {"from": "2099-01-01", "to": "2099-01-02"}
ROWS = {"columns": ["country"], "rows": [["US", {"team": "inbound"}]]}
PLAN = """
queues: {their-desk: {claimable_by: inbound}}
pipeline:
  - queue: {name: their-desk}
"""

SENT: dict[str, Any] = {
    "GET /accounts/{id}": None,
    "PUT /accounts/{id}": {"domains": ["x.example"]},
    "PATCH /accounts/{id}": {"tier": "named"},
    "DELETE /accounts/{id}": None,
    "POST /actions/{id}/ack": {},
    "POST /actions/{id}/nack": {"token": UNKNOWN},
    "GET /assignments/{assignment_id}": None,
    "GET /assignments/{assignment_id}/explain": None,
    "GET /assignments/{assignment_id}/why-not": None,
    "POST /assignments/{assignment_id}/events": {"type": "closed"},
    "POST /assignments/{assignment_id}/release": {},
    "POST /assignments/{assignment_id}/unblock": {},
    "GET /calendars/{id}": None,
    "PUT /calendars/{id}": HOURS,
    "PATCH /calendars/{id}": {"timezone": "UTC"},
    "DELETE /calendars/{id}": None,
    "DELETE /enrichment/secrets/{id}": None,
    "PUT /enrichment/secrets/{id}": {"host": "firms.example", "secret": "long"},
    "GET /endpoints/{id}": None,
    "PUT /endpoints/{id}": {"kind": "hubspot", "secrets": ["long enough"]},
    "PATCH /endpoints/{id}": {"active": False},
    "DELETE /endpoints/{id}": None,
    "POST /endpoints/{id}/secrets": {"secret": "long enough"},
    "DELETE /endpoints/{id}/secrets/{secret_id}": None,
    "PUT /endpoints/{id}/token": {"token": "a-token-that-is-long-enough"},
    "DELETE /endpoints/{id}/token": None,
    "POST /endpoints/{id}/path": None,
    "GET /intake/failures/{problem_id}": None,
    "POST /intake/failures/{problem_id}/retry": None,
    "POST /intake/failures/{problem_id}/complete": {"lead": {"email": "a@b.example"}},
    "GET /webhooks/failures/{failure_id}": None,
    "POST /webhooks/failures/{failure_id}/retry": None,
    "GET /jobs/{job_id}": None,
    "POST /jobs/{job_id}/cancel": None,
    "GET /leads/{lead_id}": None,
    "DELETE /leads/{lead_id}": None,
    "GET /leads/{lead_id}/export": None,
    "GET /leads/{lead_id}/preferences": None,
    "PUT /leads/{lead_id}/preferences": {"origin": "center"},
    "POST /leads/merge/{merge_id}/undo": None,
    "GET /metrics/{report}": None,
    "GET /queues/{name}": None,
    "GET /queues/{name}/leads": None,
    "GET /owners/{id}": None,
    "GET /owners/{id}/status": None,
    "GET /owners/{id}/passed-over": None,
    "POST /owners/{id}/console-link": None,
    "PUT /owners/{id}": {"name": "X"},
    "PATCH /owners/{id}": {"name": "X"},
    "DELETE /owners/{id}": None,
    "GET /owners/{id}/absences": None,
    "POST /owners/{id}/absences": LEAVE,
    "DELETE /owners/{id}/absences/{absence_id}": None,
    "GET /plans/{version}": None,
    "POST /plans/{version}/publish": {},
    "POST /plans/{version}/dry-run": {"lead": {"email": "a@b.example"}},
    "POST /plans/{version}/rollback": {},
    "POST /queues/{name}/claim": {"owner_id": "ben"},
    "DELETE /suppressions/{suppression_id}": None,
    "GET /tables/{id}": None,
    "GET /tables/{id}/versions": None,
    "GET /tables/{id}/versions/{revision}": None,
    "GET /tables/{id}/diff": None,
    "POST /tables/{id}/rollback": {"revision": 1},
    "PUT /tables/{id}": ROWS,
    "DELETE /tables/{id}": None,
    "GET /targets/{id}": None,
    "PUT /targets/{id}": {"url": "https://8.8.8.8/", "secret": "whsec_" + "QUJD" * 8},
    "PATCH /targets/{id}": {"active": False},
    "DELETE /targets/{id}": None,
    "GET /targets/{id}/deliveries": None,
    "POST /targets/{id}/resend": {"ids": ["x"]},
    "POST /targets/{id}/secrets": {},
    "DELETE /targets/{id}/secrets/{secret_id}": None,
    "GET /teams/{id}": None,
    "PUT /teams/{id}": {"name": "X"},
    "PATCH /teams/{id}": {"name": "X"},
    "DELETE /teams/{id}": None,
    "GET /teams/{id}/ledger": None,
    "PUT /teams/{id}/members/{owner}": {"weight": 1},
    "PATCH /teams/{id}/members/{owner}": {"weight": 1},
    "DELETE /teams/{id}/members/{owner}": None,
}  # fmt: skip
"""A body that is right, for each of them; the id is all there is to be refused."""
QUERIES = {"DELETE /suppressions/{suppression_id}": "?reason=mistake", "GET /tables/{id}/diff": "?from=1"}
OF_THEIR_OWN = {"id", "revision", "updated_at", "request_id", "instance", "path", "secrets"}
HEADERS_OF_THEIR_OWN = {"x-request-id", "date", "etag", "content-length", "ratelimit"}


@pytest_asyncio.fixture
async def both(database: str) -> AsyncIterator[tuple[Workspace, dict[str, str]]]:
    """One workspace, and the ids of everything that is in another."""
    async with running_app(database) as app:
        ours, theirs = await create_workspace(app, "ours"), await create_workspace(app, "theirs")
        async with ours.client, theirs.client:
            yield ours, await filled(theirs)


async def filled(workspace: Workspace) -> dict[str, str]:
    """An id for each kind of place, each with something behind it."""
    for resource_type, body in (("tables", ROWS), ("accounts", {}), ("calendars", HOURS), ("owners", {})):
        made = await workspace.client.put(f"/{resource_type}/theirs", json=body)
        assert made.status_code == 201
        if resource_type == "tables":
            revision = made.json()["revision"]
    team = {"members": [{"owner": "theirs"}]}
    assert (await workspace.client.put("/teams/theirs", json=team)).status_code == 201
    endpoint = {"kind": "hubspot", "secrets": ["long enough"], "options": {"allow_v1": True}}
    endpoint = (await workspace.client.put("/endpoints/theirs", json=endpoint)).json()
    target = await workspace.client.put("/targets/theirs", json={"url": "https://8.8.8.8/"})
    assert target.status_code == 201
    secret = {"host": "firms.example", "secret": "theirs"}
    assert (await workspace.client.put("/enrichment/secrets/theirs", json=secret)).status_code == 201
    absence = (await workspace.client.post("/owners/theirs/absences", json=LEAVE)).json()
    for _ in range(3):
        await workspace.publish(PLAN)
    returned = await workspace.assign(email="a@people.example")
    return {
        "id": "theirs", "owner": "theirs", "absence_id": absence["id"], "lead_id": returned["lead_id"],
        "assignment_id": returned["assignment_id"], "name": "their-desk", "report": "theirs",
        "job_id": await job_of(workspace), "version": str(returned["plan_version"]),
        "secret_id": endpoint["secrets"][0]["id"], "revision": str(revision),
        "failure_id": await failure_of(workspace, endpoint["path"]),
        "suppression_id": await suppression_of(workspace), "problem_id": await problem_of(workspace),
        "merge_id": await merge_of(workspace),
    }  # fmt: skip


async def failure_of(workspace: Workspace, path: str) -> str:
    """A delivery that is genuine and cannot be read."""
    signature = hashlib.sha256(b"long enough{").hexdigest()
    headers = {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": "v1"}
    assert (await workspace.client.post(path, content=b"{", headers=headers)).status_code == 200
    return str((await workspace.client.get("/webhooks/failures")).json()["items"][0]["id"])


async def problem_of(workspace: Workspace) -> str:
    """A delivery of a form that nothing can be made of."""
    path = (await workspace.client.put("/endpoints/form", json={"kind": "generic"})).json()["path"]
    return str((await workspace.client.post(path, json={"n": 1})).headers["X-Problem-Id"])


async def suppression_of(workspace: Workspace) -> str:
    """An entry of a suppression list, made by a reject."""
    await workspace.publish(f"reject_reasons: {{rival: {{suppress: email}}}}{PLAN}")
    lead = await workspace.assign(email="rival@people.example")
    url = f"/assignments/{lead['assignment_id']}/events"
    answer = await workspace.client.post(url, json={"type": "rejected", "reason": "rival"})
    return str(answer.json()["suppression"]["id"])


async def merge_of(workspace: Workspace) -> str:
    """A merge of two leads."""
    leads = [(await workspace.assign(email=f"{name}@people.example"))["lead_id"] for name in "xy"]
    made = await workspace.client.post("/leads/merge", json={"leads": leads, "reason": "one person"})
    return str(made.json()["id"])


async def job_of(workspace: Workspace) -> str:
    """A bulk job."""
    made = await workspace.client.post("/reassign", json={"filter": {"queue": "their-desk"}})
    return str(made.json()["job_id"])


UNKNOWN_ID_CASES = {
    **dict.fromkeys(("id", "owner", "name", "report"), "nobody"),
    **dict.fromkeys(
        (
            "absence_id",
            "lead_id",
            "assignment_id",
            "job_id",
            "suppression_id",
            "secret_id",
            "failure_id",
            "problem_id",
            "merge_id",
        ),
        UNKNOWN,
    ),
    "version": "999",
    "revision": "999",
}


def returned(answer: httpx2.Response, ids: Mapping[str, str]) -> tuple[object, ...]:
    """What a caller can see of a response, without what differs each time."""
    body = orjson.loads(answer.content) if answer.content else None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in OF_THEIR_OWN}
    text = orjson.dumps(body).decode()
    for id_ in ids.values():
        text = text.replace(f'"{id_}"', '"ID"')
    headers = {name: value for name, value in answer.headers.items() if name not in HEADERS_OF_THEIR_OWN}
    return answer.status_code, text, headers


def test_every_route_that_takes_an_id_is_here() -> None:
    assert {f"{method} {path}" for method, path, _ in GUARDED if "{" in path} == SENT.keys()


async def test_id_of_another_workspace_is_as_unknown_as_an_unused_one(
    both: tuple[Workspace, dict[str, str]],
) -> None:
    ours, theirs = both
    for route, body in SENT.items():
        method, path = route.split()
        made = method == "PUT" and not any(part in path for part in ("members", "preferences", "token"))
        answers = []
        for ids in (theirs, UNKNOWN_ID_CASES):
            url = re.sub(r"{(\w+)}", lambda place, ids=ids: ids[place[1]], path)  # type: ignore[misc]
            url += QUERIES.get(route, "")
            answers.append(returned(await ours.client.request(method, url, json=body), ids))
            if made:
                assert (await ours.client.delete(url)).status_code == 204
        assert answers[0] == answers[1], route
        assert answers[0][0] == (201 if made else 404), (route, answers[0])
