"""Executes actions in HubSpot: leases them from the service, and writes owners, tasks and notes.

Run it with the settings of `README.md` in the environment. Any number of them can run.
"""

import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import httpx2

OBJECTS = {"contact": "contacts", "company": "companies", "deal": "deals", "lead": "leads"}
"""The paths of objects whose plural is not the singular with an s."""
MARK = "lead_assignment_action_id"
"""The property of tasks and notes that holds the id of the action. It must be unique (see README.md)."""
TASK_TO_CONTACT, NOTE_TO_CONTACT = 204, 202
"""HubSpot's ids of these associations."""
LEASE_SECONDS = 300
OWNERS_EVERY_SECONDS = 3600


class Executor:
    """Works for one HubSpot account. `endpoint` is the id of its endpoint in the service."""

    def __init__(
        self, service: httpx2.Client, hubspot: httpx2.Client, endpoint: str, properties: str
    ) -> None:
        self._service, self._hubspot = service, hubspot
        self._endpoint, self._properties = endpoint, properties

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
                answer = self._hubspot.get("/crm/v3/owners", params=query).raise_for_status().json()
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
            pause = error.response.headers.get("Retry-After", "")
            return float(pause) if pause.isdigit() else 60.0
        except httpx2.TransportError:
            return 30.0
        return None

    def _execute(self, action: dict[str, Any]) -> None:
        kind, params = action["type"], action["params"]
        if kind == "set_owner":
            self._set_owner(action["lead_id"], params)
        elif kind == "task":
            self._create("tasks", action, TASK_TO_CONTACT, _task(action))
        elif kind == "x-note":
            self._create("notes", action, NOTE_TO_CONTACT, {"hs_note_body": params.get("text", "")})
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
        shown = found["properties"].get("hubspot_owner_id") or "" if found is not None else None
        if shown in ("", params.get("expected_owner", {}).get("hubspot")) and shown is not None:
            body = {"properties": {"hubspot_owner_id": owner}}
            self._hubspot.patch(f"/crm/v3/objects/contacts/{contact}", json=body).raise_for_status()
        elif shown != owner:
            # The service takes the record as what it is: a change of the owner by a person.
            self._post_record("contact", contact)

    def _create(self, path: str, action: dict[str, Any], association: int, fields: dict[str, Any]) -> None:
        """Create a task or a note, once for each action."""
        url = f"/crm/v3/objects/{path}"
        there = self._hubspot.get(f"{url}/{action['id']}", params={"idProperty": MARK})
        contact = self._contact_of(action["lead_id"])
        if there.status_code != 404 or contact is None:
            there.raise_for_status()
            return
        found = self._read("contact", contact)
        if found is None:
            return
        owner = found["properties"].get("hubspot_owner_id")
        at = action["due_at"] or action["created_at"]
        properties = {"hs_timestamp": at, "hubspot_owner_id": owner, MARK: action["id"], **fields}
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": association}
        body = {
            "properties": {name: value for name, value in properties.items() if value},
            "associations": [{"to": {"id": contact}, "types": [link]}],
        }
        self._hubspot.post(url, json=body).raise_for_status()

    def _contact_of(self, lead_id: str) -> str | None:
        """HubSpot's id of a lead, if the service knows it."""
        fields = self._say("GET", f"/leads/{lead_id}")["fields"]
        found: str | None = fields.get("crm", {}).get("lead_id")
        return found

    def _read(self, kind: str, id_: str) -> dict[str, Any] | None:
        path = f"/crm/v3/objects/{OBJECTS.get(kind, kind + 's')}/{id_}"
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
            base_url="https://api.hubapi.com", headers={"Authorization": f"Bearer {token}"}
        ) as hubspot,
    ):
        executor = Executor(service, hubspot, os.environ["LEAD_ASSIGNMENT_ENDPOINT"], properties)
        owners_next = 0.0
        while True:
            try:
                if time.monotonic() >= owners_next:
                    executor.post_owners()
                    owners_next = time.monotonic() + OWNERS_EVERY_SECONDS
                busy = executor.work()
            except httpx2.HTTPError as error:
                print(f"waits: {type(error).__name__}", file=sys.stderr)  # noqa: T201 - a program
                busy = 0
            if not busy:
                time.sleep(5)


if __name__ == "__main__":
    main()
