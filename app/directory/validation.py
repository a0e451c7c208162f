"""What must be so of a record for the directory to hold together, and what is merely worth telling."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.directory import account_findings
from app.directory.editing import ACCOUNTS, DirectoryEdit
from app.engine.model.directory import Directory
from app.engine.model.records import weight_from
from app.errors import Fault
from app.plan.findings import Finding


def faults(resource_type: str, body: Mapping[str, Any], directory: Directory) -> list[Fault]:
    """Why a record cannot be stored."""
    return list(_team_faults(body, directory)) if resource_type == "teams" else []


def _team_faults(body: Mapping[str, Any], directory: Directory) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, member in enumerate(body["members"]):
        path = ("members", position, "owner")
        if member["owner"] in seen:
            yield Fault(path, "duplicate_member", "names an owner who is a member already")
        elif member["owner"] not in directory.owners:
            yield Fault(path, "unknown_owner", "names an owner that does not exist")
        seen.add(member["owner"])
    if body["members"] and not any(weight_from(member["weight"]) for member in body["members"]):
        yield Fault(("members",), "zero_weights", "needs a member with a weight above 0")


async def findings(
    edit: DirectoryEdit, resource_type: str, id_: str, body: Mapping[str, Any]
) -> list[Finding]:
    """What is odd about a record that was stored all the same."""
    if resource_type == ACCOUNTS:
        return await account_findings.findings(edit, id_, body)
    return list(_owner_findings(id_, body, edit.snapshot.directory)) if resource_type == "owners" else []


def _owner_findings(id_: str, body: Mapping[str, Any], directory: Directory) -> Iterator[Finding]:
    delegate, calendar = body.get("delegate"), body.get("calendar")
    if delegate == id_:
        text = "Name another owner: nobody can stand in for himself."
        yield Finding("delegate", "unknown_owner", text, "warning")
    elif delegate is not None and delegate not in directory.owners:
        text = "Add this owner, or name another: leads cannot go to somebody who does not exist."
        yield Finding("delegate", "unknown_owner", text, "warning")
    if calendar is not None and calendar not in directory.calendars:
        text = "Add this calendar, or name another: without it the owner counts as always on shift."
        yield Finding("calendar", "unknown_calendar", text, "warning")
