"""What can be asked of a pass."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.engine.model.accounts import AccountKey
from app.engine.model.advice import PluginResults
from app.engine.model.decision import Target
from app.engine.selection.shifts import HELD
from app.intake.accounts import keys_of_lead
from app.intake.arrival import IncomingLead
from app.store.path.idempotency import Answer as Answer
from app.store.path.idempotency import IdempotencyKey as IdempotencyKey


@dataclass(eq=False, slots=True)
class Job:
    """One request on its way through a pass. `bulk` gives way to single ones, `taken` is under way.

    `advised` is what plugins said about its lead, when they were `asked` so many times.
    """

    key: IdempotencyKey | None = None
    bulk: bool = False
    taken: bool = False
    advised: PluginResults | None = None
    asked: int = 0
    done: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def identities(self) -> Sequence[tuple[str, str]]:
        """The keys by which a pass must look for a known person."""
        return ()

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys by which a pass must look for the lead's account, as far as the job itself tells them."""
        return ()


@dataclass(eq=False, slots=True)
class Assign(Job):
    """A lead that arrived."""

    arrival: IncomingLead = field(kw_only=True)
    trigger: str = field(kw_only=True)
    exclude: frozenset[str] = frozenset()
    _account_keys: tuple[AccountKey, ...] | None = field(default=None, init=False)

    def identities(self) -> Sequence[tuple[str, str]]:
        """The lead's match keys."""
        return self.arrival.keys

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys of the lead's account, made when they are first asked for: most plans never do."""
        if self._account_keys is None:
            self._account_keys = keys_of_lead(self.arrival.values)
        return self._account_keys


@dataclass(eq=False, slots=True)
class Reassign(Job):
    """A lead that is to be decided again; `to` says where, when that is settled already."""

    lead_id: str = field(kw_only=True)
    reason: str | None = None
    exclude: frozenset[str] = frozenset()
    to: Target | None = None


@dataclass(eq=False, slots=True)
class Claim(Job):
    """An owner takes the first lead of a queue, or the one he names."""

    queue: str = field(kw_only=True)
    owner_id: str = field(kw_only=True)
    lead_id: str | None = None

    def looks_for(self) -> tuple[str, str | None, str | None]:
        """What to read of a queue for it: the queue, the lead if one is named, and for whom.

        It makes a difference for whom only where leads wait for somebody, and any of them will do.
        """
        return self.queue, self.lead_id, self.owner_id if self.queue == HELD and not self.lead_id else None


@dataclass(eq=False, slots=True)
class ImportLead(Job):
    """A lead that exists already, with its present owner; `since` None is now, `closed` is done with."""

    bulk: bool = True
    arrival: IncomingLead = field(kw_only=True)
    owner_id: str = field(kw_only=True)
    team: str | None = None
    since: datetime | None = None
    closed: bool = False

    def identities(self) -> Sequence[tuple[str, str]]:
        """The lead's match keys."""
        return self.arrival.keys


@dataclass(eq=False, slots=True)
class Release(Job):
    """A held lead whose time has come is decided anew, if it still waits as this assignment says."""

    bulk: bool = True
    lead_id: str = field(kw_only=True)
    assignment_id: str = field(kw_only=True)


@dataclass(eq=False, slots=True)
class ReportEvent(Job):
    """Something happened with an assignment."""

    assignment_id: str = field(kw_only=True)
    type: str = field(kw_only=True)
    actor: str = field(kw_only=True)
