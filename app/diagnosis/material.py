"""What a diagnosis is made from: counts, the plans in use, and the queues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.diagnosis.drift import Change
from app.diagnosis.plan_structure import PlanStructure
from app.diagnosis.queues import QueueState
from app.diagnosis.rates import Measure
from app.store.diagnosis.conversions import LeftOut, OwnerCount, ScoreCount
from app.store.diagnosis.group_counts import GroupCount, TimeCount
from app.store.diagnosis.junk_signals import SignalCount
from app.store.diagnosis.plan_use import StepCount
from app.store.enrichment.open_breakers import FailingProvider


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants to know: the local days from `first` until before `end`, and which outcome counts.

    `within` is how much time a lead has for its outcome. `owners` says whether owners may be compared:
    `on`, `off` by the settings of the workspace, or `forbidden` for the key.
    """

    first: date
    end: date
    outcome: str
    within: timedelta
    owners: str = "on"


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that was read, as of `now`. `plans` is None when reading them took too long."""

    asked: Asked
    now: datetime
    zone: ZoneInfo
    groups: Mapping[Measure, Sequence[GroupCount]] = field(default_factory=dict)
    times: Sequence[TimeCount] = ()
    conversions: Sequence[OwnerCount] = ()
    scores: Sequence[ScoreCount] = ()
    left_out: LeftOut = field(default_factory=lambda: LeftOut(0, 0))
    steps: Sequence[StepCount] = ()
    changes: Sequence[Change] = ()
    plans: Sequence[PlanStructure] | None = ()
    queues: Sequence[QueueState] = ()
    signals: Sequence[SignalCount] = ()
    failing: Sequence[FailingProvider] = ()
