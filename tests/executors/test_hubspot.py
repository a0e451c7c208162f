"""The executor for HubSpot, against a CRM of the test that checks the shape of every call."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

FILE = Path(__file__).parents[2] / "examples" / "executor-hubspot" / "executor.py"
MARK = "lead_assignment_action_id"


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("executor_hubspot", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class HubSpot:
    """Contacts, tasks, notes and owners, by the calls that HubSpot documents."""

    def __init__(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {"101": {"hubspot_owner_id": ""}}
        self.made: dict[str, list[dict[str, Any]]] = {"tasks": [], "notes": []}
        self.deleted: list[str] = []
        self.busy = 0
        self.refuse = 0
        self.lose_answer = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["authorization"] == "Bearer token"
        if self.busy:
            self.busy -= 1
            return httpx2.Response(429, headers={"Retry-After": "7"})
        if self.refuse:
            return httpx2.Response(self.refuse, json={"category": "INVALID_AUTHENTICATION"})
        parts = request.url.path.strip("/").split("/")
        assert parts[:2] == ["crm", "v3"]
        if parts[2] == "owners":
            return self._owners(request)
        assert parts[2] == "objects"
        if parts[3] == "contacts":
            return self._contact(request, parts[4])
        return self._activity(request, parts[3], parts[4:])

    def _owners(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.params["limit"] == "100"
        if request.url.params["archived"] == "true":
            return httpx2.Response(200, json={"results": [{"id": "9", "email": "old@us.example"}]})
        if "after" in request.url.params:
            return httpx2.Response(200, json={"results": [{"id": "2", "email": "ben@us.example"}]})
        paging = {"next": {"after": "1"}}
        return httpx2.Response(
            200, json={"results": [{"id": "1", "email": "a@us.example"}], "paging": paging}
        )

    def _contact(self, request: httpx2.Request, id_: str) -> httpx2.Response:
        contact = self.contacts.get(id_)
        if contact is None:
            return httpx2.Response(404, json={"category": "OBJECT_NOT_FOUND"})
        if request.method == "PATCH":
            sent = json.loads(request.content)
            assert sent.keys() == {"properties"}
            contact.update(sent["properties"])
        elif "associations" in request.url.params:
            assert request.url.params["associations"] == "tasks"
            links = [{"id": str(n), "type": "contact_to_task"} for n, _ in enumerate(self.made["tasks"])]
            tasks = {"results": [*links, *links]} if links else {}
            return httpx2.Response(200, json={"id": id_, "associations": {"tasks": tasks}})
        else:
            assert request.method == "GET"
            asked = request.url.params["properties"].split(",")
            contact = {name: value for name, value in contact.items() if name in asked}
        return httpx2.Response(
            200, json={"id": id_, "properties": contact, "updatedAt": "2026-12-01T09:00:00Z"}
        )

    def _activity(self, request: httpx2.Request, kind: str, rest: list[str]) -> httpx2.Response:
        made = self.made[kind]
        if rest == ["batch", "read"]:
            asked = json.loads(request.content)
            assert asked["properties"] == [MARK, "hs_task_status"]
            results = [
                {"id": each["id"], "properties": made[int(each["id"])]["properties"]}
                for each in asked["inputs"]
            ]
            return httpx2.Response(200, json={"status": "COMPLETE", "results": results})
        if request.method == "DELETE":
            self.deleted.append(made[int(rest[0])]["properties"][MARK])
            return httpx2.Response(204)
        if request.method == "GET":
            assert request.url.params["idProperty"] == MARK
            there = any(each["properties"][MARK] == rest[0] for each in made)
            return httpx2.Response(200 if there else 404, json={})
        assert (request.method, rest) == ("POST", [])
        sent = json.loads(request.content)
        assert all(isinstance(value, str) for value in sent["properties"].values())
        assert "hs_timestamp" in sent["properties"]
        (association,) = sent["associations"]
        (link,) = association["types"]
        assert link == {
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": {"tasks": 204, "notes": 202}[kind],
        }
        made.append(sent)
        if self.lose_answer:
            self.lose_answer = False
            raise httpx2.ReadError("lost")
        return httpx2.Response(201, json={"id": "1"})


class Service:
    """A lease of given actions, and what the executor says about them."""

    def __init__(self, *actions: dict[str, Any]) -> None:
        self.record = "101"
        self.actions = [
            {
                "id": f"a.{n}",
                "token": "t",
                "lead_id": "L",
                "due_at": None,
                "created_at": "2026-12-01T09:00:00.5+00:00",
                "deliveries": 1,
                **each,
            }
            for n, each in enumerate(actions, 1)
        ]
        self.said: list[tuple[str, Any]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == "/actions/lease":
            return httpx2.Response(200, json={"items": self.actions})
        if path.startswith("/leads/"):
            decisions = [{"assignment_id": each} for each in ("a", "b")]
            fields = {"crm": {"lead_id": self.record}}
            return httpx2.Response(200, json={"fields": fields, "assignments": decisions})
        self.said.append((path, json.loads(request.content)))
        return httpx2.Response(200, json={})


@pytest.fixture
def hubspot() -> HubSpot:
    return HubSpot()


def executor(service: Service, hubspot: HubSpot, properties: str = "hubspot_owner_id,email") -> Any:
    return loaded().Executor(
        httpx2.Client(base_url="https://service.example", transport=httpx2.MockTransport(service)),
        httpx2.Client(
            base_url="https://api.hubapi.com",
            headers={"Authorization": "Bearer token"},
            transport=httpx2.MockTransport(hubspot),
        ),
        "crm",
        properties,
    )


def set_owner(to: str, expected: str | None = None) -> dict[str, Any]:
    params: dict[str, Any] = {"crm": {"hubspot": to}, "lead_id": "101"}
    return {
        "type": "set_owner",
        "params": params if expected is None else {**params, "expected_owner": {"hubspot": expected}},
    }


@pytest.mark.parametrize(
    ("shown", "expected", "after", "conflict"),
    [
        ("", None, "2", False), ("", "1", "2", False), ("1", "1", "2", False), ("2", "1", "2", False),
        ("7", "1", "7", True), ("7", None, "7", True),
    ],
)  # fmt: skip
def test_owner_is_written_only_over_the_expected_one_or_nobody(
    hubspot: HubSpot, shown: str, expected: str | None, after: str, conflict: bool
) -> None:
    hubspot.contacts["101"]["hubspot_owner_id"] = shown
    service = Service(set_owner("2", expected))
    executor(service, hubspot).work()
    assert hubspot.contacts["101"]["hubspot_owner_id"] == after
    *reported, done = service.said
    assert done == ("/actions/a.1/ack", {"token": "t"})
    record = {
        "object": "contact", "id": "101", "fields": {"hubspot_owner_id": shown}, "at": "2026-12-01T09:00:00Z",
    }  # fmt: skip
    assert reported == ([("/records", {"endpoint": "crm", "records": [record]})] if conflict else [])


def test_task_and_note_are_created_once_although_an_answer_is_lost(hubspot: HubSpot) -> None:
    hubspot.contacts["101"]["hubspot_owner_id"] = "2"
    hubspot.lose_answer = True
    task = {"type": "task", "params": {"title": "Call"}, "due_at": "2026-12-01T10:00:00Z"}
    service = Service(task, {"type": "x-note", "params": {"text": "From the form"}})
    executor(service, hubspot).work()
    assert service.said == [("/actions/a.1/nack", {"token": "t", "retry_after": 60.0})]
    executor(service, hubspot).work()
    (made,) = hubspot.made["tasks"]
    assert made["properties"] == {
        "hs_timestamp": "2026-12-01T10:00:00.000Z", "hubspot_owner_id": "2", MARK: "a.1",
        "hs_task_subject": "Call", "hs_task_status": "NOT_STARTED",
    }  # fmt: skip
    (note,) = (each["properties"] for each in hubspot.made["notes"])
    assert (note["hs_note_body"], note["hs_timestamp"]) == ("From the form", "2026-12-01T09:00:00.500Z")
    assert [path for path, _ in service.said[1:]] == ["/actions/a.1/ack", "/actions/a.2/ack"]


def test_busy_crm_gets_the_action_again_when_it_asked_for_it(hubspot: HubSpot) -> None:
    hubspot.busy = 1
    service = Service(set_owner("2"), set_owner("3"))
    executor(service, hubspot).work()
    assert service.said == [("/actions/a.1/nack", {"token": "t", "retry_after": 7.0})]


@pytest.mark.parametrize(("deliveries", "pause"), [(1, 60), (2, 120), (5, 960), (10, 14_400)])
def test_action_that_keeps_failing_waits_longer_each_time(
    hubspot: HubSpot, deliveries: int, pause: float
) -> None:
    hubspot.refuse = 401
    service = Service({**set_owner("2"), "deliveries": deliveries})
    executor(service, hubspot).work()
    assert service.said == [("/actions/a.1/nack", {"token": "t", "retry_after": pause})]


def test_owner_is_read_whatever_properties_are_set(hubspot: HubSpot) -> None:
    hubspot.contacts["101"]["hubspot_owner_id"] = "7"
    executor(Service(set_owner("2", "1")), hubspot, properties="email").work()
    assert hubspot.contacts["101"]["hubspot_owner_id"] == "7"


CANCELED = [({}, ["a.1"]), ({"assignment_id": "b"}, ["b.2"])]
"""The parameters of `cancel_task`, and the tasks canceled: of earlier decisions, or of the one named."""


@pytest.mark.parametrize(("params", "canceled"), CANCELED)
def test_open_tasks_of_earlier_decisions_about_the_lead_are_canceled(
    hubspot: HubSpot, params: dict[str, str], canceled: list[str]
) -> None:
    for mark, status in (
        ("a.1", "NOT_STARTED"),
        ("a.2", "COMPLETED"),
        ("b.2", "NOT_STARTED"),
        ("0.1", "WAITING"),
    ):
        hubspot.made["tasks"].append({"properties": {MARK: mark, "hs_task_status": status}})
    hubspot.made["tasks"].append({"properties": {MARK: None, "hs_task_status": "NOT_STARTED"}})
    service = Service({"type": "cancel_task", "params": params, "id": "b.1"})
    executor(service, hubspot).work()
    assert hubspot.deleted == canceled
    assert service.said == [("/actions/b.1/ack", {"token": "t"})]


def test_list_of_owners_that_fails_does_not_stop_the_actions(
    hubspot: HubSpot, capsys: pytest.CaptureFixture[str]
) -> None:
    hubspot.refuse = 403
    works = executor(Service(), hubspot)
    assert loaded()._attempt(works.post_owners) is None
    assert capsys.readouterr().err == "waits: HTTPStatusError, /crm/v3/owners answered 403\n"


def test_record_is_read_and_posted_and_one_that_is_gone_is_said_to_be(hubspot: HubSpot) -> None:
    read = [
        {"type": "read_record", "params": {"kind": "hubspot", "object": "contact", "id": id_}}
        for id_ in ("101", "404")
    ]
    service = Service(*read)
    executor(service, hubspot).work()
    records = [body["records"][0] for path, body in service.said if path == "/records"]
    assert [each.get("deleted", False) for each in records] == [False, True]
    assert records[0]["fields"] == {"hubspot_owner_id": ""}


def test_owners_of_all_pages_and_deactivated_ones_are_posted(hubspot: HubSpot) -> None:
    service = Service()
    executor(service, hubspot).post_owners()
    ((path, body),) = service.said
    assert (path, body["endpoint"]) == ("/reconcile/owners", "crm")
    assert [(each["id"], each["active"]) for each in body["owners"]] == [
        ("1", True), ("2", True), ("9", False),
    ]  # fmt: skip
