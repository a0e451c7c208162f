"""What is odd about an account that was stored all the same."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.directory.editing import ACCOUNTS, DirectoryEdit
from app.engine.model.accounts import MAX_PARENTS, is_named
from app.intake.accounts import domains_of
from app.intake.domains import is_free_mail
from app.plan.findings import Finding, quote
from app.store.directory import accounts


async def findings(edit: DirectoryEdit, id_: str, body: Mapping[str, Any]) -> list[Finding]:
    """Names that name nobody, a circle of parents, and domains by which it is not found, or not it alone."""
    found = list(_owners(body, edit.snapshot.directory.owners))
    if body.get("parent") is not None:
        found += await _parents(edit, id_, body["parent"])
    domains = list(domains_of(body))
    if domains:
        shared = await accounts.find_shared_domains(edit.connection, edit.workspace_id, id_, domains)
        found += _domains(domains, shared, body.get("tier"))
    return found


def _owners(body: Mapping[str, Any], known: Mapping[str, object]) -> Iterator[Finding]:
    named = {
        "owner": body.get("owner"),
        **{f"roles.{quote(role)}": id_ for role, id_ in body["roles"].items()},
    }
    for path, owner in named.items():
        if owner is not None and owner not in known:
            text = "Add this owner, or name another: leads cannot go to somebody who does not exist."
            yield Finding(path, "unknown_owner", text, "warning")


async def _parents(edit: DirectoryEdit, id_: str, parent: str) -> list[Finding]:
    line, at = [id_], parent
    while at not in line and len(line) <= MAX_PARENTS:
        record = await edit.find(ACCOUNTS, at)
        if record is None:
            text = "Add this account, or name another: nothing can be inherited from it."
            return [Finding("parent", "unknown_parent", text, "warning")] if at == parent else []
        if record.body.get("parent") is None:
            return []
        line.append(at)
        at = record.body["parent"]
    if at != id_:
        return []
    text = "Name another parent: as it is, the account stands above itself."
    return [Finding("parent", "parent_cycle", text, "warning")]


def _domains(domains: list[str], shared: set[str], tier: str | None) -> Iterator[Finding]:
    for position, domain in enumerate(domains):
        if is_free_mail(domain) and not is_named(tier):
            text = "Take this domain out, or give the account the tier named: anybody gets an address there."
            yield Finding(f"domains[{position}]", "free_email_domain", text, "warning")
        elif domain in shared:
            text = "Take this domain out of one of the accounts: only the first that has an owner gets leads."
            yield Finding(f"domains[{position}]", "shared_domain", text, "warning")
