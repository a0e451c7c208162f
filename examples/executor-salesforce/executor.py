"""Executes actions in Salesforce: leases them from the service, and writes owners, tasks and notes.

Run it with the settings of `README.md` in the environment. Any number of them can run.
"""

import os
import sys
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx2

API = "/services/data/v62.0"
OBJECTS = {"lead": "Lead", "contact": "Contact", "account": "Account", "deal": "Opportunity"}
"""Salesforce's names of objects."""
PREFIXES = {"00Q": "Lead", "003": "Contact"}
"""The objects that leads can be, by the first letters of their ids."""
MARK = "Lead_Assignment_Action_Id__c"
"""The field of activities that holds the id of the action (see README.md)."""
LEASE_SECONDS = 300
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60.0, 4 * 3600.0
"""An action that fails waits longer each time: ten tries last for about eight hours."""
OWNERS_EVERY_SECONDS = 3600


class Login(httpx2.Auth):
    """Gets an access token by the client credentials flow, and a new one when Salesforce has ended it."""

    requires_response_body = True

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._form = {
            "grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret,
        }  # fmt: skip
        self._token = ""

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send a request with the token; once more with a new one after 401."""
        if not self._token:
            yield from self._log_in(request)
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401:
            yield from self._log_in(request)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _log_in(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        url = request.url.copy_with(path="/services/oauth2/token", query=None)
        answer = yield httpx2.Request("POST", url, data=self._form)
        self._token = answer.raise_for_status().json()["access_token"]


class Executor:
    """Works for one Salesforce organization. `endpoint` is the id of its endpoint in the service."""

    def __init__(self, service: httpx2.Client, salesforce: httpx2.Client, endpoint: str) -> None:
        self._service, self._salesforce, self._endpoint = service, salesforce, endpoint

    def work(self) -> int:
        """Lease actions once and execute them. Returns how many there were."""
        leased = self._say("POST", "/actions/lease", {"limit": 20, "seconds": LEASE_SECONDS})["items"]
        failed: set[str] = set()
        for action in leased:
            # The later actions of a lead went back with the one that failed.
            if action["lead_id"] in failed:
                continue
            pause = self._pause_after(action)
            url, token = f"/actions/{action['id']}", {"token": action["token"]}
            if pause is None:
                self._service.post(f"{url}/ack", json=token)
            else:
                failed.add(action["lead_id"])
                self._service.post(f"{url}/nack", json={**token, "retry_after": pause})
        return len(leased)

    def post_owners(self) -> None:
        """Tell the service which users are active."""
        as_of = datetime.now(UTC).isoformat()
        users = self._query("SELECT Id, Email, IsActive FROM User WHERE UserType = 'Standard'")
        owners = [{"id": each["Id"], "email": each["Email"], "active": each["IsActive"]} for each in users]
        body = {"endpoint": self._endpoint, "as_of": as_of, "owners": owners}
        self._say("POST", "/reconcile/owners", body)

    def _pause_after(self, action: dict[str, Any]) -> float | None:
        """Execute an action. Returns None, or in how many seconds it is to be tried again."""
        try:
            self._execute(action)
        except httpx2.HTTPStatusError as error:
            # 412: the record was changed between reading and writing. It is read again at once.
            if error.response.status_code == 412:
                return 0.0
            said = error.response.headers.get("Retry-After", "")
            if said.isdigit():
                return min(float(said), MAX_PAUSE_SECONDS)
        except httpx2.TransportError:
            pass
        else:
            return None
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (action["deliveries"] - 1), MAX_PAUSE_SECONDS))

    def _execute(self, action: dict[str, Any]) -> None:
        kind, params = action["type"], action["params"]
        if kind == "set_owner":
            self._set_owner(action["lead_id"], params)
        elif kind == "task":
            due = (action["due_at"] or action["created_at"])[:10]
            fields = {"Subject": params.get("title", ""), "Description": params.get("text", "")}
            self._create_task(action, {**fields, "ActivityDate": due, "Status": "Not Started"})
        elif kind == "x-note":
            # A note is a task that is done, so that it shows in the activity history.
            fields = {"Subject": "Note", "Description": params.get("text", ""), "Status": "Completed"}
            self._create_task(action, fields)
        elif kind == "cancel_task":
            self._cancel_tasks(action)
        elif kind == "read_record":
            self._post_record(params["object"], params["id"])
        else:
            print(f"not executed: {kind} {action['id']}", file=sys.stderr)  # noqa: T201 - a program

    def _set_owner(self, lead_id: str, params: dict[str, Any]) -> None:
        """Write the owner, unless a person has set another one since the decision."""
        record, owner = params.get("lead_id") or self._record_of(lead_id), params["crm"].get("salesforce")
        if record is None or owner is None:
            return
        name = PREFIXES.get(record[:3], "Lead")
        found = self._read(name, record)
        shown = found["OwnerId"] if found is not None else None
        expected = params.get("expected_owner", {}).get("salesforce")
        if found is not None and found.get("IsConverted"):
            # A converted lead cannot be changed. The record says which contact it is now.
            self._post_record(name.lower(), record)
            return
        # In Salesforce a record always has an owner. A queue is nobody.
        if found is not None and shown is not None and (_same(shown, expected) or shown.startswith("00G")):
            at = datetime.fromisoformat(found["LastModifiedDate"])
            unmodified = {"If-Unmodified-Since": format_datetime(at.astimezone(UTC), usegmt=True)}
            url = f"{API}/sobjects/{name}/{record}"
            self._salesforce.patch(url, json={"OwnerId": owner}, headers=unmodified).raise_for_status()
        elif not _same(shown, owner):
            # The service takes the record as what it is: a change of the owner by a person.
            self._post_record(name.lower(), record)

    def _create_task(self, action: dict[str, Any], fields: dict[str, Any]) -> None:
        """Create a task, once for each action."""
        record = self._record_of(action["lead_id"])
        # The text is quoted: no query language of Salesforce takes parameters.
        there = self._query(f"SELECT Id FROM Task WHERE {MARK} = '{_quoted(action['id'])}'")  # noqa: S608
        if there or record is None:
            return
        found = self._read(PREFIXES.get(record[:3], "Lead"), record)
        if found is None:
            return
        who = found.get("ConvertedContactId") or record
        body = {MARK: action["id"], "WhoId": who, **{name: each for name, each in fields.items() if each}}
        # Tasks belong to users, never to the queue that a lead is in.
        if found["OwnerId"].startswith("005"):
            body["OwnerId"] = found["OwnerId"]
        self._salesforce.post(f"{API}/sobjects/Task", json=body).raise_for_status()

    def _cancel_tasks(self, action: dict[str, Any]) -> None:
        """Delete the open tasks that were created for earlier decisions. They go to the recycle bin."""
        lead = self._say("GET", f"/leads/{action['lead_id']}")
        record = lead["fields"].get("crm", {}).get("lead_id")
        if record is None:
            return
        who = f"WhoId = '{_quoted(record)}' AND IsClosed = false AND {MARK} != null"
        for task in self._query(f"SELECT Id, {MARK} FROM Task WHERE {who}"):  # noqa: S608 - it is quoted
            if _is_canceled(task[MARK], action, lead):
                gone = self._salesforce.delete(f"{API}/sobjects/Task/{task['Id']}")
                if gone.status_code != 404:
                    gone.raise_for_status()

    def _record_of(self, lead_id: str) -> str | None:
        """Salesforce's id of a lead, if the service knows it."""
        fields = self._say("GET", f"/leads/{lead_id}")["fields"]
        found: str | None = fields.get("crm", {}).get("lead_id")
        return found

    def _query(self, text: str) -> list[dict[str, Any]]:
        """The records of a query, of all its pages."""
        answer = self._salesforce.get(f"{API}/query", params={"q": text}).raise_for_status().json()
        records: list[dict[str, Any]] = answer["records"]
        while not answer["done"]:
            answer = self._salesforce.get(answer["nextRecordsUrl"]).raise_for_status().json()
            records += answer["records"]
        return records

    def _read(self, name: str, id_: str) -> dict[str, Any] | None:
        answer = self._salesforce.get(f"{API}/sobjects/{name}/{id_}")
        if answer.status_code == 404:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _post_record(self, kind: str, id_: str) -> None:
        """Tell the service what a record holds now."""
        found = self._read(OBJECTS.get(kind, kind.capitalize()), id_)
        record: dict[str, Any] = {"object": kind, "id": id_}
        if found is None:
            record["deleted"] = True
        else:
            fields = {name: value for name, value in found.items() if name != "attributes"}
            record |= {"fields": fields, "at": found["LastModifiedDate"]}
        self._say("POST", "/records", {"endpoint": self._endpoint, "records": [record]})

    def _say(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._service.request(method, path, json=body)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


def _is_canceled(mark: str, action: dict[str, Any], lead: dict[str, Any]) -> bool:
    """Whether a task with this mark was created for an earlier decision about the lead, or the one named."""
    decision, named = mark.rpartition(".")[0], action["params"].get("assignment_id")
    if named is not None:
        return bool(decision == named)
    own = {each["assignment_id"] for each in lead["assignments"]}
    return decision in own and decision < action["id"].rpartition(".")[0]


def _same(one: str | None, other: str | None) -> bool:
    """Whether two ids are the same. Both forms, of 15 and of 18 characters, begin with the same 15."""
    return one is not None and other is not None and one[:15] == other[:15]


def _quoted(text: str) -> str:
    """A text as a query writes it."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def main() -> None:
    """Work until a signal ends it."""
    key = os.environ["LEAD_ASSIGNMENT_KEY"]
    login = Login(os.environ["SALESFORCE_CLIENT_ID"], os.environ["SALESFORCE_CLIENT_SECRET"])
    with (
        httpx2.Client(
            base_url=os.environ["LEAD_ASSIGNMENT_URL"], headers={"Authorization": f"Bearer {key}"}
        ) as service,
        httpx2.Client(base_url=os.environ["SALESFORCE_URL"], auth=login) as salesforce,
    ):
        executor = Executor(service, salesforce, os.environ["LEAD_ASSIGNMENT_ENDPOINT"])
        owners_next = 0.0
        while True:
            if time.monotonic() >= owners_next:
                owners_next = time.monotonic() + OWNERS_EVERY_SECONDS
                _attempt(executor.post_owners)
            if not _attempt(executor.work):
                time.sleep(5)


def _attempt(work: Callable[[], int | None]) -> int | None:
    """Do something that may fail: the list of users never stops the actions. Returns None if it failed."""
    try:
        return work()
    except httpx2.HTTPError as error:
        what = error.request.url.path
        if isinstance(error, httpx2.HTTPStatusError):
            what += f" answered {error.response.status_code}"
        print(f"waits: {type(error).__name__}, {what}", file=sys.stderr)  # noqa: T201 - a program
    return None


if __name__ == "__main__":
    main()
