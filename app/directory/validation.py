"""Validation of directory records: the faults that stop a write."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.engine.model.directory import Directory
from app.engine.model.records import weight_from
from app.errors import Fault

Body = Mapping[str, Any]


def faults(resource_type: str, body: Body, directory: Directory) -> list[Fault]:
    """The reasons why a record cannot be stored."""
    return list(_team_faults(body, directory)) if resource_type == "teams" else []


def _team_faults(body: Body, directory: Directory) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, member in enumerate(body["members"]):
        path = ("members", position, "owner")
        if member["owner"] in seen:
            yield Fault(path, "duplicate_member", "is a member already")
        elif member["owner"] not in directory.owners:
            yield Fault(path, "unknown_owner", "is not an owner of the directory")
        seen.add(member["owner"])
    if body["members"] and not any(weight_from(member["weight"]) for member in body["members"]):
        yield Fault(("members",), "zero_weights", "must have a member with a weight above 0")
