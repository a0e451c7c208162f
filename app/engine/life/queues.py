"""Queues: the order in which leads wait, and the terms on which they wait and are claimed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.engine.model.decision import Target
from app.engine.selection.ladder import ladder
from app.plan.document.queues import THOUSANDTHS, Queue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
RANK_UNITS = THOUSANDTHS * 3_600_000_000
"""One point of priority in the unit in which ranks are computed: a thousandth of a point, for a microsecond
of an hour."""


@dataclass(frozen=True, slots=True)
class QueueTerms:
    """What the plan says about one queue.

    - `claimable_by` is the team that may claim; None means every owner.
    - `aging` is in thousandths of a point of priority per hour.
    - `max_wait` is the longest wait, in working time if `wait_is_working`; then the lead goes to `then`.
    - `lease` is the time to touch a claimed lead, in working time if `lease_is_working`.
    - `max_claims` is how many untouched claims an owner may hold at once.
    - `hide` are the fields that nobody sees before the claim.
    - `crm` are the ids of the queue in CRMs, by kind.
    - `releases` says that its leads go to members of that team as soon as they are on shift and free.
    """

    claimable_by: str | None = None
    aging: int = 0
    max_wait: timedelta | None = None
    wait_is_working: bool = True
    then: tuple[Target, ...] = ()
    lease: timedelta | None = None
    lease_is_working: bool = False
    max_claims: int | None = None
    hide: tuple[str, ...] = ()
    releases: bool = False
    crm: Mapping[str, str] = field(default_factory=dict)


def compile_queues(written: Mapping[str, Queue]) -> dict[str, QueueTerms]:
    """The terms of each queue of a plan."""
    return {name: _terms(queue) for name, queue in written.items()}


def _terms(queue: Queue) -> QueueTerms:
    wait, claim = queue.max_wait, queue.claim
    return QueueTerms(
        claimable_by=queue.claimable_by,
        aging=queue.aging,
        max_wait=wait.for_ if wait is not None else None,
        wait_is_working=wait is None or wait.clock == "working",
        then=ladder(queue.ladder),
        lease=claim.lease,
        lease_is_working=claim.clock == "working",
        max_claims=claim.max,
        hide=claim.hide,
        releases=queue.release == "shift",
        crm=queue.crm,
    )


def queue_rank(priority: int, aging: int, since: datetime) -> float:
    """The place of a lead that entered its queue at `since`: the higher rank goes first.

    It is the priority less `aging` (in thousandths per hour) times the hours since 1970, so it stays the same
    while the lead waits. The order of the ranks is exact, because the whole number is computed first and
    rounded once.
    """
    entered = (since - _EPOCH) // _MICROSECOND
    return float(priority * RANK_UNITS - aging * entered) / RANK_UNITS
