"""Deliveries that are no lead yet: why, what is kept of them, and test leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from app.contract.endpoints import FETCHED_FORMS
from app.errors import NotFound, refused_at
from app.forms.leads import Unmappable, lead_of
from app.forms.mapping import form_map
from app.forms.stored import from_bytes, hash_of, to_bytes
from app.forms.vendors.base import Delivery, FormTerms, Unreadable
from app.forms.vendors.exports import read_export
from app.places import LISTS
from app.store.connection.pool import Pool, transaction
from app.store.crm.failures import FIRST, Failure
from app.store.directory import records
from app.store.forms import failures, test_leads
from app.webhooks.endpoints import RESOURCE_TYPE

PROBLEMS: Final[Mapping[str, str]] = {
    "unreadable": "The body is not what the form tool documents.",
    "no_identity": "No field is known as an e-mail address, a phone number or a company.",
    "invalid_mapping": "The mapping of the endpoint cannot be read by this version of the service.",
    "awaiting_fetch": "The form tool sent only ids. What they stand for has not been fetched yet.",
    "lead_not_found": "The form tool does not know the lead, or does not show it to this token.",
    "not_fetched": "The lead could not be fetched for 72 hours.",
    "too_large": "The body was larger than the limit and was not kept.",
    "rate_limited": "More came than the endpoint's rate allows. Run it again when the flood is over.",
    "endpoint_inactive": "The endpoint was not active. What came is processed when it is again.",
    "endpoint_deleted": "The endpoint was deleted. What came is processed if it is made again.",
    "unknown_lead": "An event came, but nothing about the lead that it belongs to.",
    "value_missing": "A part of the body has nothing in it.",
    "internal": "Processing failed because of a defect.",
}
"""What the codes mean."""


def problem_of(code: str | None) -> str:
    """What a code means."""
    return PROBLEMS.get(code or "", "The lead was refused with this code, see the list of errors.")


async def find(
    pool: Pool, workspace_id: int, id_: str
) -> tuple[Failure, bytes | None, Mapping[str, Any] | None]:
    """A failure, what is kept of its body, and the ids to fetch. Raises NotFound."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await failures.find(connection, workspace_id, id_)
    if found is None:
        raise NotFound
    failure, body, event = found
    fetch = from_bytes(event).fetch if event is not None else None
    return failure, body, fetch or None


async def complete(pool: Pool, workspace_id: int, id_: str, lead: Mapping[str, Any]) -> None:
    """Make a lead of a delivery that told only ids, or of which nothing could be made. Raises NotFound."""
    async with transaction(pool, workspace_id) as connection:
        found = await failures.find(connection, workspace_id, id_)
        if found is None:
            raise NotFound
        told = from_bytes(found[2]) if found[2] is not None else Delivery("lead", id_)
        if found[2] is not None and told.meaning != "fetch":
            raise NotFound
        completed = to_bytes(replace(told, meaning="lead", lead=lead, fetch={}))
        await failures.complete(connection, workspace_id, id_, completed)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of the rows of an upload.

    completed:   rows whose notification waited for them.
    not_waiting: rows without one, or whose lead is there already.
    unreadable:  rows without an id, or of which no lead can be made.
    """

    completed: int
    not_waiting: int
    unreadable: int


async def upload(pool: Pool, workspace_id: int, endpoint_id: str, raw: bytes, *, is_json: bool) -> Uploaded:
    """Make leads of the deliveries of an endpoint that told only ids, of a file that names them by their ids.

    Raises NotFound, and ValidationFailed for a kind that sends whole leads or a file that cannot be read.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        endpoint = await records.find_record(connection, workspace_id, RESOURCE_TYPE, endpoint_id)
    if endpoint is None:
        raise NotFound
    if endpoint.body["kind"] not in FETCHED_FORMS:
        raise refused_at(("endpoint",), "not_allowed", "must be of a kind that sends only ids")
    terms = FormTerms((), form_map(endpoint.body["mapping"]), endpoint.body["options"])
    kind = endpoint.body["kind"]
    try:
        count, leads = await LISTS.run(workspace_id, _leads_in, endpoint_id, kind, raw, is_json, terms)
    except Unreadable as error:
        raise refused_at((), "invalid_format", str(error)) from None
    async with transaction(pool, workspace_id) as connection:
        waiting = await failures.list_waiting(connection, workspace_id, endpoint_id, sorted(leads))
        for record, (id_, event) in waiting.items():
            told = from_bytes(event)
            lead = replace(leads[record], id=told.id, record=told.record, at=told.at or leads[record].at)
            await failures.complete(connection, workspace_id, id_, to_bytes(lead))
    return Uploaded(len(waiting), len(leads) - len(waiting), count - len(leads))


def _leads_in(
    endpoint_id: str, kind: str, raw: bytes, is_json: bool, terms: FormTerms
) -> tuple[int, dict[str, Delivery]]:
    """How many rows an export has, and the leads among them by the hash of their ids. Raises Unreadable."""
    rows = read_export(kind, raw, is_json, terms)
    return len(rows), {
        hash_of(endpoint_id, each.record).hex(): each.delivery
        for each in rows
        if each.record is not None and each.delivery is not None and _is_mappable(each.delivery)
    }


def _is_mappable(delivery: Delivery) -> bool:
    try:
        lead_of(delivery)
    except Unmappable:
        return False
    return True


async def page_of_tests(
    pool: Pool, workspace_id: int, after: str | None, limit: int
) -> Sequence[test_leads.TestLead]:
    """The test leads after `after`, the oldest first."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await test_leads.list_page(connection, workspace_id, after or FIRST, limit)
