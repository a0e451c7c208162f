"""Findings about directory records: warnings that do not stop a write."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from app.directory.calendar_findings import calendar_findings
from app.directory.editing import ACCOUNTS
from app.engine.model.accounts import MAX_PARENTS, is_named_account
from app.engine.model.directory import Directory
from app.intake.accounts import domains_of
from app.intake.mail_domains import is_free_mail
from app.plan.findings import Finding, quote
from app.store.connection.pool import Connection, Pool, transaction
from app.store.directory import accounts, records
from app.store.path.current_state import read_current_state_on
from app.values.languages import unknown_languages

Body = Mapping[str, Any]
Item = tuple[str, Body]
"""An id and a body."""

_UNKNOWN_OWNER = "Unknown owner. Check the spelling, or add the owner."


async def findings_of(
    connection: Connection, workspace_id: int, directory: Directory, resource_type: str, items: Sequence[Item]
) -> list[list[Finding]]:
    """The findings about each of these stored records, in order."""
    if resource_type == ACCOUNTS:
        return await _account_findings(connection, workspace_id, directory, items)
    return [_findings(resource_type, id_, body, directory) for id_, body in items]


async def findings_now(
    pool: Pool, workspace_id: int, resource_type: str, items: Sequence[Item]
) -> list[list[Finding]]:
    """The same, with the directory as it is now."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        directory = (await read_current_state_on(connection, workspace_id)).facts.directory
        return await findings_of(connection, workspace_id, directory, resource_type, items)


def _findings(resource_type: str, id_: str, body: Body, directory: Directory) -> list[Finding]:
    if resource_type == "calendars":
        return list(calendar_findings(body["hours"], body.get("country")))
    return list(_owner_findings(id_, body, directory)) if resource_type == "owners" else []


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
    for position, text in enumerate(body.get("languages") or ()):
        if unknown_languages(text):
            known = "Unknown language. Use a tag, such as de, or the name of the language."
            yield _warning(f"languages[{position}]", "unknown_language", known)


async def _account_findings(
    connection: Connection, workspace_id: int, directory: Directory, items: Sequence[Item]
) -> list[list[Finding]]:
    parents = await _read_parents(connection, workspace_id, items)
    heirs = {body["successor"] for _, body in items if body.get("successor") is not None}
    known = await records.find_records(connection, workspace_id, ACCOUNTS, sorted(heirs)) if heirs else {}
    wanted = [(domain, id_) for id_, body in items for domain in domains_of(body)]
    shared = await accounts.find_shared_domains(connection, workspace_id, wanted) if wanted else set()
    found = []
    for id_, body in items:
        domains = list(domains_of(body))
        of_others = {domain for domain in domains if (domain, id_) in shared}
        found.append(
            [
                *_account_owner_findings(body, directory),
                *_parent_findings(id_, body, parents),
                *_successor_findings(body, known),
                *_domain_findings(domains, of_others, body.get("tier")),
            ]
        )
    return found


def _account_owner_findings(body: Body, directory: Directory) -> Iterator[Finding]:
    roles = {f"roles.{quote(role)}": owner for role, owner in body["roles"].items()}
    for path, owner in {"owner": body.get("owner"), **roles}.items():
        if owner is not None and owner not in directory.owners:
            yield _warning(path, "unknown_owner", _UNKNOWN_OWNER)


async def _read_parents(
    connection: Connection, workspace_id: int, items: Sequence[Item]
) -> dict[str, str | None]:
    """The parent of every account above these, by id; accounts that do not exist are left out."""
    found: dict[str, str | None] = {}
    missing = {body["parent"] for _, body in items if body.get("parent") is not None}
    for _ in range(MAX_PARENTS):
        if not missing:
            break
        read = await records.find_records(connection, workspace_id, ACCOUNTS, sorted(missing))
        found |= {id_: record.body.get("parent") for id_, record in read.items()}
        missing = {found[id_] for id_ in read if found[id_] is not None} - found.keys()
    return found


def _parent_findings(id_: str, body: Body, parents: Mapping[str, str | None]) -> Iterator[Finding]:
    line, at = [id_], body.get("parent")
    if at is not None and at not in parents:
        text = "Unknown account. Nothing is inherited until it is added."
        yield _warning("parent", "unknown_parent", text)
    while at is not None and at not in line and len(line) <= MAX_PARENTS:
        line.append(at)
        at = parents.get(at)
    if at == id_:
        yield _warning("parent", "parent_cycle", "The account is its own ancestor. Use another parent.")


def _successor_findings(body: Body, known: Collection[str]) -> Iterator[Finding]:
    successor = body.get("successor")
    if successor is not None and successor not in known:
        text = "Unknown account. Until it is added, leads stay with the account itself."
        yield _warning("successor", "unknown_successor", text)


def _domain_findings(domains: list[str], shared: set[str], tier: str | None) -> Iterator[Finding]:
    for position, domain in enumerate(domains):
        path = f"domains[{position}]"
        if is_free_mail(domain) and not is_named_account(tier):
            text = "Anybody can have an address at this domain. Remove it, or set the tier to named."
            yield _warning(path, "free_email_domain", text)
        elif domain in shared:
            text = "Another account has this domain. What a lead says about its company decides between them."
            yield _warning(path, "shared_domain", text)


def _warning(path: str, code: str, text: str) -> Finding:
    return Finding(path, code, text, "warning")
