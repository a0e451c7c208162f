"""Validation of directory records: faults, which stop a write, and findings, which do not."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.directory.calendar_findings import calendar_findings
from app.directory.editing import ACCOUNTS, DirectoryEdit
from app.engine.model.accounts import MAX_PARENTS, is_named_account
from app.engine.model.directory import Directory
from app.engine.model.records import weight_from
from app.errors import Fault
from app.intake.accounts import domains_of
from app.intake.domains import is_free_mail
from app.plan.findings import Finding, quote
from app.store.directory import accounts

Body = Mapping[str, Any]

_UNKNOWN_OWNER = "Unknown owner. Check the spelling, or add the owner."


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


async def findings(edit: DirectoryEdit, resource_type: str, id_: str, body: Body) -> list[Finding]:
    """Warnings about a record that was stored."""
    if resource_type == ACCOUNTS:
        return await _account_findings(edit, id_, body)
    if resource_type == "calendars":
        return list(calendar_findings(body["hours"], body.get("country")))
    return list(_owner_findings(id_, body, edit.snapshot.directory)) if resource_type == "owners" else []


def _owner_findings(id_: str, body: Body, directory: Directory) -> Iterator[Finding]:
    delegate, calendar = body.get("delegate"), body.get("calendar")
    if delegate == id_:
        yield _warning(
            "delegate", "unknown_owner", "An owner cannot be their own delegate. Use another owner."
        )
    elif delegate is not None and delegate not in directory.owners:
        yield _warning("delegate", "unknown_owner", _UNKNOWN_OWNER)
    if calendar is not None and calendar not in directory.calendars:
        text = "Unknown calendar. Until it is added, the owner is always on shift."
        yield _warning("calendar", "unknown_calendar", text)


async def _account_findings(edit: DirectoryEdit, id_: str, body: Body) -> list[Finding]:
    roles = {f"roles.{quote(role)}": owner for role, owner in body["roles"].items()}
    found = [
        _warning(path, "unknown_owner", _UNKNOWN_OWNER)
        for path, owner in {"owner": body.get("owner"), **roles}.items()
        if owner is not None and owner not in edit.snapshot.directory.owners
    ]
    if body.get("parent") is not None:
        found += await _parent_findings(edit, id_, body["parent"])
    domains = list(domains_of(body))
    if domains:
        shared = await accounts.find_shared_domains(edit.connection, edit.workspace_id, id_, domains)
        found += _domain_findings(domains, shared, body.get("tier"))
    return found


async def _parent_findings(edit: DirectoryEdit, id_: str, parent: str) -> list[Finding]:
    line, at = [id_], parent
    while at not in line and len(line) <= MAX_PARENTS:
        record = await edit.find(ACCOUNTS, at)
        if record is None:
            text = "Unknown account. Nothing is inherited until it is added."
            return [_warning("parent", "unknown_parent", text)] if at == parent else []
        if record.body.get("parent") is None:
            return []
        line.append(at)
        at = record.body["parent"]
    if at != id_:
        return []
    return [_warning("parent", "parent_cycle", "The account is its own ancestor. Use another parent.")]


def _domain_findings(domains: list[str], shared: set[str], tier: str | None) -> Iterator[Finding]:
    for position, domain in enumerate(domains):
        path = f"domains[{position}]"
        if is_free_mail(domain) and not is_named_account(tier):
            text = "Anybody can have an address at this domain. Remove it, or set the tier to named."
            yield _warning(path, "free_email_domain", text)
        elif domain in shared:
            text = "Another account has this domain. Leads go to the first one with an owner."
            yield _warning(path, "shared_domain", text)


def _warning(path: str, code: str, text: str) -> Finding:
    return Finding(path, code, text, "warning")
