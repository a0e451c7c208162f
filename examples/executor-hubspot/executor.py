"""Executes actions in HubSpot: leases them from the service, and writes owners, tasks and notes.

Run it with the settings of `README.md` in the environment. Any number of them can run.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2

OBJECTS_API, OWNERS_API = "/crm/v3/objects", "/crm/v3/owners"
OBJECTS = {"contact": "contacts", "company": "companies", "deal": "deals", "lead": "leads"}
"""The paths of objects whose plural is not the singular with an s."""
MARK = "lead_assignment_action_id"
"""The property of tasks and notes that holds the id of the action. It must be unique (see README.md)."""
TASK_TO_CONTACT, NOTE_TO_CONTACT = 204, 202
"""HubSpot's ids of these associations."""
OWNER = "hubspot_owner_id"
BATCH = 100
"""HubSpot reads so many tasks in one call."""
LEASE_SECONDS = 300
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60.0, 4 * 3600.0
"""An action that fails waits longer each time: ten tries last for about eight hours."""
OWNERS_EVERY_SECONDS = 3600


class Executor:
    """Works for one HubSpot account. `endpoint` is the id of its endpoint in the service."""

    def __init__(
        self, service: httpx2.Client, hubspot: httpx2.Client, endpoint: str, properties: str
    ) -> None:
        self._service, self._hubspot = service, hubspot
        self._endpoint = endpoint
        # Without the owner in it, every contact would look as if nobody had it.
        self._properties = properties if OWNER in properties.split(",") else f"{properties},{OWNER}"

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
        """Tell the service who is active. HubSpot sends no event when a user is deactivated."""
        as_of = datetime.now(UTC).isoformat()
        owners: list[dict[str, Any]] = []
        for archived in ("false", "true"):
            after: str | None = ""
            while after is not None:
                query = {"limit": "100", "archived": archived} | ({"after": after} if after else {})
                answer = self._hubspot.get(OWNERS_API, params=query).raise_for_status().json()
                owners += [
                    {"id": each["id"], "email": each.get("email"), "active": archived == "false"}
                    for each in answer["results"]
                ]
                after = answer.get("paging", {}).get("next", {}).get("after")
        body = {"endpoint": self._endpoint, "as_of": as_of, "owners": owners}
        self._say("POST", "/reconcile/owners", body)

    def _pause_after(self, action: dict[str, Any]) -> float | None:
        """Execute an action. Returns None, or in how many seconds it is to be tried again."""
        try:
            self._execute(action)
        except httpx2.HTTPStatusError as error:
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
            self._create("tasks", action, TASK_TO_CONTACT, _task(action))
        elif kind == "x-note":
            self._create("notes", action, NOTE_TO_CONTACT, {"hs_note_body": params.get("text", "")})
        elif kind == "cancel_task":
            self._cancel_tasks(action)
        elif kind == "read_record":
            self._post_record(params["object"], params["id"])
        else:
            print(f"not executed: {kind} {action['id']}", file=sys.stderr)  # noqa: T201 - a program

    def _set_owner(self, lead_id: str, params: dict[str, Any]) -> None:
        """Write the owner, unless a person has set another one since the decision."""
        contact, owner = params.get("lead_id") or self._contact_of(lead_id), params["crm"].get("hubspot")
        if contact is None or owner is None:
            return
        found = self._read("contact", contact)
        shown = found["properties"].get(OWNER) or "" if found is not None else None
        if shown in ("", params.get("expected_owner", {}).get("hubspot")) and shown is not None:
            body = {"properties": {OWNER: owner}}
            self._hubspot.patch(f"{OBJECTS_API}/contacts/{contact}", json=body).raise_for_status()
        elif shown != owner:
            # The service takes the record as what it is: a change of the owner by a person.
            self._post_record("contact", contact)

    def _create(self, path: str, action: dict[str, Any], association: int, fields: dict[str, Any]) -> None:
        """Create a task or a note, once for each action."""
        url = f"{OBJECTS_API}/{path}"
        there = self._hubspot.get(f"{url}/{action['id']}", params={"idProperty": MARK})
        contact = self._contact_of(action["lead_id"])
        if there.status_code != 404 or contact is None:
            there.raise_for_status()
            return
        found = self._read("contact", contact)
        if found is None:
            return
        at = _milliseconds(action["due_at"] or action["created_at"])
        owner = found["properties"].get(OWNER)
        properties = {"hs_timestamp": at, OWNER: owner, MARK: action["id"], **fields}
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": association}
        body = {
            "properties": {name: value for name, value in properties.items() if value},
            "associations": [{"to": {"id": contact}, "types": [link]}],
        }
        self._hubspot.post(url, json=body).raise_for_status()

    def _cancel_tasks(self, action: dict[str, Any]) -> None:
        """Delete the open tasks that were created for earlier decisions. HubSpot keeps them restorable."""
        lead = self._say("GET", f"/leads/{action['lead_id']}")
        contact = lead["fields"].get("crm", {}).get("lead_id")
        if contact is None:
            return
        url = f"{OBJECTS_API}/contacts/{contact}"
        found = self._hubspot.get(url, params={"associations": "tasks"})
        if found.status_code == 404:
            return
        links = found.raise_for_status().json().get("associations", {}).get("tasks", {}).get("results", [])
        ids = list(dict.fromkeys(each["id"] for each in links))
        for start in range(0, len(ids), BATCH):
            asked = {
                "properties": [MARK, "hs_task_status"],
                "inputs": [{"id": id_} for id_ in ids[start : start + BATCH]],
            }
            read = self._hubspot.post(f"{OBJECTS_API}/tasks/batch/read", json=asked).raise_for_status().json()
            for task in read["results"]:
                mark, status = task["properties"].get(MARK), task["properties"].get("hs_task_status")
                if mark and status != "COMPLETED" and _is_canceled(mark, action, lead):
                    self._hubspot.delete(f"{OBJECTS_API}/tasks/{task['id']}").raise_for_status()

    def _contact_of(self, lead_id: str) -> str | None:
        """HubSpot's id of a lead, if the service knows it."""
        fields = self._say("GET", f"/leads/{lead_id}")["fields"]
        found: str | None = fields.get("crm", {}).get("lead_id")
        return found

    def _read(self, kind: str, id_: str) -> dict[str, Any] | None:
        path = f"{OBJECTS_API}/{OBJECTS.get(kind, kind + 's')}/{id_}"
        answer = self._hubspot.get(path, params={"properties": self._properties})
        if answer.status_code == 404:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _post_record(self, kind: str, id_: str) -> None:
        """Tell the service what a record holds now."""
        found = self._read(kind, id_)
        record: dict[str, Any] = {"object": kind, "id": id_}
        if found is None:
            record["deleted"] = True
        else:
            record |= {"fields": found["properties"], "at": found["updatedAt"]}
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


def _milliseconds(at: str) -> str:
    """A time as HubSpot writes it: in UTC, with milliseconds."""
    utc = datetime.fromisoformat(at).astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _task(action: dict[str, Any]) -> dict[str, Any]:
    params = action["params"]
    return {
        "hs_task_subject": params.get("title", ""),
        "hs_task_body": params.get("text", ""),
        "hs_task_status": "NOT_STARTED",
    }


def main() -> None:
    """Work until a signal ends it."""
    key, token = os.environ["LEAD_ASSIGNMENT_KEY"], os.environ["HUBSPOT_TOKEN"]
    properties = os.environ.get("HUBSPOT_PROPERTIES", "hubspot_owner_id,firstname,lastname,email,phone")
    with (
        httpx2.Client(
            base_url=os.environ["LEAD_ASSIGNMENT_URL"], headers={"Authorization": f"Bearer {key}"}
        ) as service,
        httpx2.Client(
            base_url=os.environ.get("HUBSPOT_URL", "https://api.hubapi.com"),
            headers={"Authorization": f"Bearer {token}"},
        ) as hubspot,
    ):
        executor = Executor(service, hubspot, os.environ["LEAD_ASSIGNMENT_ENDPOINT"], properties)
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
