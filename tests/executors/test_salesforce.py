"""The executor for Salesforce, against a CRM of the test that checks the shape of every call."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.executors.test_hubspot import CANCELED, Service

FILE = Path(__file__).parents[2] / "examples" / "executor-salesforce" / "executor.py"
MARK = "Lead_Assignment_Action_Id__c"
LEAD, ANA, BEN, PERSON, QUEUE = (
    "00Q5g00000AbCdEEAV", "0055g00000AnaAAAQ0", "0055g00000BenAAAQ0", "0055g00000PerAAAQ0",
    "00G5g00000QueAAAQ0",
)  # fmt: skip
MODIFIED = "2026-12-01T09:00:00.000+0000"


class Salesforce:
    """A lead, tasks and users, by the calls that Salesforce documents."""

    def __init__(self) -> None:
        self.leads: dict[str, dict[str, Any]] = {LEAD: {"OwnerId": ANA, "LastModifiedDate": MODIFIED}}
        self.tasks: list[dict[str, Any]] = []
        self.modified_meanwhile = False
        self.lose_answer = False
        self.deleted: list[str] = []
        self.logins = 0
        self.limited = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/services/oauth2/token":
            return self._log_in(request)
        if request.headers["authorization"] != f"Bearer token {self.logins}":
            return httpx2.Response(401, json=[{"errorCode": "INVALID_SESSION_ID"}])
        if self.limited:
            return httpx2.Response(403, json=[{"errorCode": "REQUEST_LIMIT_EXCEEDED"}])
        path = request.url.path.removeprefix("/services/data/v62.0/")
        assert path != request.url.path
        if path.startswith("query"):
            return self._query(path, request)
        if request.method == "DELETE":
            self.deleted.append(path.removeprefix("sobjects/Task/"))
            return httpx2.Response(204 if len(self.deleted) == 1 else 404)
        if path == "sobjects/Task":
            return self._create(request)
        assert path.startswith("sobjects/Lead/")
        lead = self.leads.get(path.rsplit("/", 1)[1])
        if lead is None:
            return httpx2.Response(404, json=[{"errorCode": "NOT_FOUND"}])
        if request.method == "GET":
            return httpx2.Response(200, json={"attributes": {"type": "Lead"}, **lead})
        assert request.method == "PATCH"
        assert request.headers["if-unmodified-since"] == "Tue, 01 Dec 2026 09:00:00 GMT"
        if self.modified_meanwhile:
            return httpx2.Response(412, json=[{"errorCode": "ENTITY_MODIFIED"}])
        sent = json.loads(request.content)
        assert sent.keys() == {"OwnerId"}
        lead.update(sent)
        return httpx2.Response(204)

    def _log_in(self, request: httpx2.Request) -> httpx2.Response:
        sent = dict(httpx2.QueryParams(request.content.decode()))
        assert sent == {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
        assert request.url.query == b""
        self.logins += 1
        return httpx2.Response(200, json={"access_token": f"token {self.logins}", "token_type": "Bearer"})

    def _query(self, path: str, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        if path == "query/next":
            records = [{"Id": BEN, "Email": "ben@us.example", "IsActive": False}]
            return httpx2.Response(200, json={"records": records, "done": True})
        text = request.url.params["q"]
        if " FROM User " in text:
            return httpx2.Response(200, json={
                "records": [{"Id": ANA, "Email": "ana@us.example", "IsActive": True}],
                "done": False, "nextRecordsUrl": "/services/data/v62.0/query/next",
            })  # fmt: skip
        if "IsClosed" in text:
            assert text.endswith(f" WHERE WhoId = '{LEAD}' AND IsClosed = false AND {MARK} != null")
            return httpx2.Response(200, json={"records": self.tasks, "done": True})
        found = [{"Id": "00T1"} for each in self.tasks if text.endswith(f" WHERE {MARK} = '{each[MARK]}'")]
        return httpx2.Response(200, json={"records": found, "done": True})

    def _create(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "POST"
        sent = json.loads(request.content)
        assert sent.keys() <= {
            MARK, "WhoId", "OwnerId", "Subject", "Description", "ActivityDate", "Status",
        }  # fmt: skip
        self.tasks.append(sent)
        if self.lose_answer:
            self.lose_answer = False
            raise httpx2.ReadError("lost")
        return httpx2.Response(201, json={"id": "00T1", "success": True, "errors": []})


@pytest.fixture
def salesforce() -> Salesforce:
    return Salesforce()


def executor(service: Service, salesforce: Salesforce) -> Any:
    spec = importlib.util.spec_from_file_location("executor_salesforce", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    service.record = LEAD
    return module.Executor(
        httpx2.Client(base_url="https://service.example", transport=httpx2.MockTransport(service)),
        httpx2.Client(
            base_url="https://acme.example",
            auth=module.Login("id", "secret"),
            transport=httpx2.MockTransport(salesforce),
        ),
        "crm",
    )


def set_owner(expected: str | None) -> dict[str, Any]:
    params: dict[str, Any] = {"crm": {"salesforce": BEN}, "lead_id": LEAD}
    return {
        "type": "set_owner",
        "params": params if expected is None else {**params, "expected_owner": {"salesforce": expected}},
    }


@pytest.mark.parametrize(
    ("shown", "expected", "after", "conflict"),
    [
        (ANA, ANA, BEN, False), (ANA, ANA[:15], BEN, False), (QUEUE, None, BEN, False),
        (BEN, ANA, BEN, False),
        (PERSON, ANA, PERSON, True), (PERSON, None, PERSON, True),
    ],
)  # fmt: skip
def test_owner_is_written_only_over_the_expected_one_or_a_queue(
    salesforce: Salesforce, shown: str, expected: str | None, after: str, conflict: bool
) -> None:
    salesforce.leads[LEAD]["OwnerId"] = shown
    service = Service(set_owner(expected))
    executor(service, salesforce).work()
    assert salesforce.leads[LEAD]["OwnerId"] == after
    *reported, done = service.said
    assert done == ("/actions/a.1/ack", {"token": "t"})
    fields = {"OwnerId": shown, "LastModifiedDate": MODIFIED}
    record = {"object": "lead", "id": LEAD, "fields": fields, "at": MODIFIED}
    assert reported == ([("/records", {"endpoint": "crm", "records": [record]})] if conflict else [])


def test_record_that_changed_between_reading_and_writing_is_read_again(salesforce: Salesforce) -> None:
    salesforce.modified_meanwhile = True
    service = Service(set_owner(ANA))
    executor(service, salesforce).work()
    assert service.said == [("/actions/a.1/nack", {"token": "t", "retry_after": 0.0})]
    assert salesforce.leads[LEAD]["OwnerId"] == ANA


def test_task_and_note_are_created_once_although_an_answer_is_lost(salesforce: Salesforce) -> None:
    salesforce.lose_answer = True
    task = {"type": "task", "params": {"title": "Call"}, "due_at": "2026-12-01T10:00:00Z"}
    service = Service(task, {"type": "x-note", "params": {"text": "From the form"}})
    executor(service, salesforce).work()
    executor(service, salesforce).work()
    assert salesforce.tasks == [
        {
            MARK: "a.1", "WhoId": LEAD, "OwnerId": ANA, "Subject": "Call", "ActivityDate": "2026-12-01",
            "Status": "Not Started",
        },
        {
            MARK: "a.2", "WhoId": LEAD, "OwnerId": ANA, "Subject": "Note", "Description": "From the form",
            "Status": "Completed",
        },
    ]  # fmt: skip
    assert [path for path, _ in service.said] == ["/actions/a.1/nack", "/actions/a.1/ack", "/actions/a.2/ack"]


def test_token_that_has_ended_is_replaced_and_the_call_repeated(salesforce: Salesforce) -> None:
    service = Service(set_owner(ANA))
    works = executor(service, salesforce)
    works.post_owners()
    salesforce.logins += 1
    works.work()
    assert salesforce.leads[LEAD]["OwnerId"] == BEN
    assert salesforce.logins == 3


def test_action_waits_while_the_limit_of_calls_is_reached(salesforce: Salesforce) -> None:
    salesforce.limited = True
    service = Service({**set_owner(ANA), "deliveries": 3})
    executor(service, salesforce).work()
    assert service.said == [("/actions/a.1/nack", {"token": "t", "retry_after": 240.0})]


def test_converted_lead_is_reported_and_its_tasks_go_to_the_contact(salesforce: Salesforce) -> None:
    contact = "0035g00000AbCdEAAV"
    salesforce.leads[LEAD] |= {"IsConverted": True, "ConvertedContactId": contact}
    service = Service(set_owner(ANA), {"type": "task", "params": {"title": "Call"}})
    executor(service, salesforce).work()
    assert salesforce.leads[LEAD]["OwnerId"] == ANA
    assert [path for path, _ in service.said] == ["/records", "/actions/a.1/ack", "/actions/a.2/ack"]
    assert service.said[0][1]["records"][0]["fields"]["ConvertedContactId"] == contact
    assert [each["WhoId"] for each in salesforce.tasks] == [contact]


@pytest.mark.parametrize(("params", "canceled"), CANCELED)
def test_open_tasks_of_earlier_decisions_about_the_lead_are_canceled(
    salesforce: Salesforce, params: dict[str, str], canceled: list[str]
) -> None:
    salesforce.tasks = [{"Id": mark, MARK: mark} for mark in ("a.1", "b.2", "0.1")]
    service = Service({"type": "cancel_task", "params": params, "id": "b.1"})
    executor(service, salesforce).work()
    assert salesforce.deleted == canceled
    assert service.said == [("/actions/b.1/ack", {"token": "t"})]


def test_users_of_all_pages_are_posted(salesforce: Salesforce) -> None:
    service = Service()
    executor(service, salesforce).post_owners()
    ((path, body),) = service.said
    assert path == "/reconcile/owners"
    assert [(each["id"], each["active"]) for each in body["owners"]] == [(ANA, True), (BEN, False)]
