"""Leads and assignments as a caller may see them. The API and the console show these."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.api.hidden_fields import View, view_of
from app.api.http.auth import Caller
from app.api.lead_json import event_to_json, lead_to_json, reject_of, sla_to_json
from app.dispatch.dispatcher import Dispatcher
from app.errors import Erased, NotFound
from app.intake.arrival import normalize
from app.store.connection.pool import Pool, transaction
from app.store.leads import lead_detail
from app.store.leads.lead_detail import LeadDetail


async def assignment_document(
    pool: Pool, dispatch: Dispatcher, caller: Caller, assignment_id: str
) -> dict[str, Any]:
    """An assignment with its state and events. Raises NotFound or Erased."""
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        found = await lead_detail.find_assignment(connection, caller.workspace_id, assignment_id)
        if found is None:
            raise NotFound
        each, events = found
        shown = {
            **each.answer,
            "sla": sla_to_json(each),
            "state": each.state,
            "reject": reject_of(events),
            "events": [event_to_json(event) for event in events],
        }
        view = await view_of(connection, dispatch, caller)
        if view.plan is not None or caller.owner_id is not None:
            lead = await lead_detail.find_lead(connection, caller.workspace_id, each.lead_id)
            if lead is None or not view.shows(lead):
                raise NotFound
            shown = view.discreet(view.of_assignment(lead, shown))
    return shown


@contextmanager
def erased_as_seen_by(caller: Caller) -> Iterator[None]:
    """Nobody knows any more whose an erased lead was, so to a key of one owner it is unknown."""
    try:
        yield
    except Erased:
        if caller.owner_id is not None:
            raise NotFound from None
        raise


async def seen_lead(
    pool: Pool, dispatch: Dispatcher, caller: Caller, lead_id: str
) -> tuple[LeadDetail, View]:
    """A lead, and what the caller may see of it. Raises NotFound if that is nothing."""
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        lead = await lead_detail.find_lead(connection, caller.workspace_id, lead_id)
        view = await view_of(connection, dispatch, caller)
    if lead is None or not view.shows(lead):
        raise NotFound
    return lead, view


async def find_seen_leads(
    pool: Pool, dispatch: Dispatcher, caller: Caller, sent: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The leads with one of the keys that intake finds in these fields, as far as the caller may see them."""
    items: list[dict[str, Any]] = []
    async with transaction(pool, caller.workspace_id, read_only=True) as connection:
        view = await view_of(connection, dispatch, caller)
        for key in normalize(sent).keys:
            leads = await lead_detail.find_leads_by_key(connection, caller.workspace_id, key)
            items += [lead_to_json(lead, view) for lead in leads if view.shows(lead)]
    return items
