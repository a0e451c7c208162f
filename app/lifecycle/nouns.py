"""What must be so of a record for the directory to hold together, and what is merely worth telling."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.engine.documents import weight_from
from app.engine.model import Directory
from app.plan.findings import Finding
from app.problems import Fault


def faults(noun: str, body: Mapping[str, Any], directory: Directory) -> list[Fault]:
    """Why a record cannot be stored."""
    return list(_team_faults(body, directory)) if noun == "teams" else []


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


def findings(noun: str, id_: str, body: Mapping[str, Any], directory: Directory) -> list[Finding]:
    """What is odd about a record that was stored all the same."""
    delegate = body.get("delegate") if noun == "owners" else None
    if delegate is None or (delegate in directory.owners and delegate != id_):
        return []
    text = "Name another owner: nobody can stand in for himself."
    if delegate != id_:
        text = "Add this owner, or name another: leads cannot go to somebody who does not exist."
    return [Finding("delegate", "unknown_owner", text, "warning")]
