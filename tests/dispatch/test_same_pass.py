"""What one job of a pass leaves behind is seen by the next, as if each had a pass of its own."""

from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.base import Claim, ReportEvent
from app.errors import Conflict
from tests.office import open_office


async def test_who_claims_does_not_get_a_lead_that_was_closed_just_before(database: str) -> None:
    async with open_office(database) as office:
        waiting = await office.assign(external_id="a", source="partner")
        dispatch: Dispatcher = office.app.state.dispatch
        closing = ReportEvent(assignment_id=waiting["assignment_id"], type="closed", actor="test")
        claiming = Claim(queue="partner-desk", owner_id="ben")
        closed, refused = await dispatch.ask_all(office.workspace_id, [closing, claiming])
        assert not isinstance(closed, Exception)
        assert isinstance(refused, Conflict)
        assert refused.code == "queue_empty"
        lead = await office.get(f"/leads/{waiting['lead_id']}")
        assert (lead["state"], len(lead["assignments"])) == ("closed", 1)
