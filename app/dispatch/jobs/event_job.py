"""What jobs have in common that take something a caller reports about a lead."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.persons import lead_of_keys
from app.dispatch.reported_events import Reporter, refusal_from_json
from app.engine.life.events import ReportedEvent
from app.engine.model.lead_keys import LeadKey
from app.errors import EventIdReused
from app.store.life.events import EarlierEvent


@dataclass(frozen=True, slots=True)
class EventAddress:
    """The assignment of an event: by its id, or by its lead's id or keys."""

    assignment_id: str | None = None
    lead_id: str | None = None
    keys: tuple[LeadKey, ...] = ()


@dataclass(eq=False, slots=True)
class EventJob(Job):
    """An event with an id of its source. A repeat gets the same answer, or the same refusal."""

    event: ReportedEvent = field(kw_only=True)
    address: EventAddress = field(kw_only=True)
    reporter: Reporter = field(kw_only=True)
    body_hash: str = field(kw_only=True)

    def assignment_ids(self) -> Sequence[str]:
        """The assignment."""
        return (self.address.assignment_id,) if self.address.assignment_id is not None else ()

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.address.lead_id,) if self.address.lead_id is not None else ()

    def identities(self) -> Sequence[LeadKey]:
        """The keys of the lead."""
        return self.address.keys

    def wants_history(self) -> bool:
        """The lead's assignments."""
        return True

    def event_ids(self) -> Sequence[tuple[str, str]]:
        """The source and the id of the event."""
        return ((self.reporter.source, self.event.id),) if self.event.id is not None else ()

    def repeated(self, status: int, body: bytes) -> Reply:
        """A repeat gets the same answer, marked as one, or the same refusal."""
        answer = orjson.loads(body)
        if status != 200:
            raise refusal_from_json(answer)
        return Reply(200, orjson.dumps({**answer, "replayed": True}), replayed=True)

    def earlier(self, session: DecisionSession) -> EarlierEvent | None:
        """The same event before."""
        if self.event.id is None:
            return None
        return session.earlier_event(self.reporter.source, self.event.id)

    def earlier_reply(self, session: DecisionSession) -> Reply | None:
        """The reply to the same event before. Raises EventIdReused for another body, or the same refusal."""
        earlier = self.earlier(session)
        if earlier is None:
            return None
        if earlier.body_hash != self.body_hash:
            raise EventIdReused
        return self.repeated(earlier.status, earlier.response)

    def lead_id(self, session: DecisionSession) -> str:
        """The lead that the address names by its id or keys. Raises NotFound or AmbiguousAssignment."""
        if self.address.lead_id is not None:
            return self.address.lead_id
        return lead_of_keys(session, self.address.keys, self.reporter.owner_id)
