"""Actions without the fields that the queues of a plan hide until a lead is claimed."""

from collections.abc import Sequence
from dataclasses import replace

from app.dispatch.dispatcher import Dispatcher
from app.engine.compile.plan import Plan
from app.engine.life.hidden_fields import hidden_values, redacted
from app.store.connection.pool import Connection
from app.store.leads.current_leads import CurrentLead, find_leads
from app.store.life.deliveries import StoredAction
from app.store.path.journal import read_plan_version


async def redact_actions(
    connection: Connection, dispatch: Dispatcher, workspace_id: int, actions: Sequence[StoredAction]
) -> list[StoredAction]:
    """Actions as everybody may see them, for those who are no callers."""
    plan = await plan_that_hides(connection, dispatch, workspace_id)
    return await redact_with(connection, workspace_id, plan, actions)


async def plan_that_hides(connection: Connection, dispatch: Dispatcher, workspace_id: int) -> Plan | None:
    """The active plan, if one of its queues hides fields."""
    version = await read_plan_version(connection, workspace_id)
    plan = await dispatch.plans.fetch(workspace_id, version)
    return plan if any(terms.hide for terms in plan.queues.values()) else None


async def redact_with(
    connection: Connection, workspace_id: int, plan: Plan | None, actions: Sequence[StoredAction]
) -> list[StoredAction]:
    """Actions without what the hidden fields of their leads hold, as this plan says.

    A lead that was given back is hidden again in the actions of its claim as well.
    """
    if plan is None:
        return list(actions)
    leads = await find_leads(connection, workspace_id, sorted({each.lead_id for each in actions}))
    secrets = {id_: _secrets_of(lead, plan) for id_, lead in leads.items()}
    return [
        replace(each, params=redacted(each.params, secrets[each.lead_id]))
        if secrets.get(each.lead_id)
        else each
        for each in actions
    ]


def _secrets_of(lead: CurrentLead, plan: Plan) -> frozenset[str]:
    """What nobody may see of a lead that waits."""
    if lead.prior.state != "queued":
        return frozenset()
    return hidden_values(lead.values, plan.terms_of(lead.prior.queue or "").hide)
