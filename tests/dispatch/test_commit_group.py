"""A job sees what the earlier jobs of its commit group changed, as if each had a group of its own."""

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.claim import Claim
from app.dispatch.jobs.report_event import ReportEvent
from app.errors import QueueEmpty
from tests.support.workspace import open_workspace


async def test_claim_skips_a_lead_that_was_closed_just_before(database: str) -> None:
    async with open_workspace(database) as workspace:
        waiting = await workspace.assign(external_id="a", source="partner")
        dispatch: Dispatcher = workspace.app.state.dispatch
        closing = ReportEvent(assignment_id=waiting["assignment_id"], type="closed", actor="test")
        claiming = Claim(queue="partner-desk", owner_id="ben")
        closed, refused = await dispatch.ask_all(workspace.workspace_id, [closing, claiming])
        assert not isinstance(closed, Exception)
        assert isinstance(refused, QueueEmpty)
        assert refused.code == "queue_empty"
        lead = await workspace.get(f"/leads/{waiting['lead_id']}")
        assert (lead["state"], len(lead["assignments"])) == ("closed", 1)
