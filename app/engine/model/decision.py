"""A request for a decision, what a step says about it, and what is decided. Everything here is a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from app.engine.lookup.tables import RowMatch
from app.engine.model.accounts import AccountMatch
from app.engine.model.directory import Owner

Outcome = Literal["assigned", "queued", "automated", "blocked"]
TargetKind = Literal["team", "owner", "queue", "path", "block"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a verdict names, how somebody is picked there, what happens off shift, and which SLA holds.

    `match` are fields of the lead whose value a member must speak (`language`) or have as a skill.
    `hold` is how long a lead waits for a named owner who cannot take it now but will be able to.
    `ignore_caps` lets an owner take it over their caps. `code` is the reason's code when this target wins.
    """

    kind: TargetKind
    name: str
    pick: str | None = None
    priority: int = 0
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    off_hours: str | None = None
    sla: str | None = None
    match: tuple[str, ...] = ()
    hold: timedelta | None = None
    ignore_caps: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True)
class ProductSwitch:
    """The product a lead looks at, and the products that a known person leaves for it."""

    product: str
    previous_products: tuple[str, ...] = ()

    def to_trace(self) -> dict[str, Any]:
        """As the trace shows it beside the code."""
        entry: dict[str, Any] = {"product": self.product}
        if self.previous_products:
            entry["previous_products"] = list(self.previous_products)
        return entry


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one step says. No targets means pass; several are a ladder, tried in order.

    `labels` become fields of the lead for what comes after; they bear only the names in `plan.fields.LABELS`.
    `intent` is the product it was given for, `found` the row of a table it comes from, if any.
    """

    code: str
    targets: tuple[Target, ...] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    intent: ProductSwitch | None = None
    found: RowMatch | None = None


@dataclass(frozen=True, slots=True)
class PriorAssignment:
    """A known person's standing: his lead and its newest assignment, and the key that matched.

    `held_until` is set when a lead is held until a time; `held_for_owner` or `held_for_team` says for whom.
    """

    lead_id: str
    assignment_id: str
    matched_by: str
    state: str
    owner: str | None
    team: str | None
    queue: str | None
    path: str | None
    block: str | None
    priority: int
    decided_at: datetime
    held_until: datetime | None = None
    held_for_owner: str | None = None
    held_for_team: str | None = None


@dataclass(frozen=True, slots=True)
class ExistingOwnership:
    """Who has a lead that exists already, through which team, and since when."""

    owner: str
    team: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """One request for a decision. `kind` is assign, reassign, claim, release or import.

    `to` is where the caller wants it, `queue` the queue a claim takes from, `note` what the caller wrote
    about it, kept and read by nobody but people, `account` the account it was found to belong to, `owned`
    who has it already: then nothing is left to be decided. `advice` is what plugins said about it, by step
    (`app.engine.model.advice`).
    """

    kind: str
    assignment_id: str
    lead_id: str
    values: Mapping[str, Any]
    exclude: frozenset[str] = frozenset()
    prior: PriorAssignment | None = None
    to: Target | None = None
    queue: str | None = None
    note: str | None = None
    account: AccountMatch | None = None
    owned: ExistingOwnership | None = None
    advice: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger: what a turn did to each balance. The changes sum to zero."""

    team: str
    cause: str
    chosen: str | None
    changes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ExistingLead:
    """How the answer names a person who was here before."""

    lead_id: str
    assignment_id: str
    matched_by: str
    kind: Literal["duplicate", "reengaged"]


@dataclass(frozen=True, slots=True)
class SlaDeadlines:
    """Until when the owner must accept and must touch the lead, by the SLA of this name."""

    name: str
    accept_by: datetime | None
    touch_by: datetime | None


@dataclass(slots=True)
class Decision:
    """The settled verdict. `counts_toward_load` says whether it adds to the owner's load.

    `labels` are what its steps added to the lead. Until `held_until`, only `held_for_owner`, or members of
    `held_for_team`, may claim a held lead. `previous_products` are the products that a returning lead leaves.
    `account` and `account_team` are what the response shows of the lead's account and the others who look
    after it.

    Not frozen, because `decide` makes it in stages and a frozen one costs more; nobody changes it after.
    """

    outcome: Outcome
    code: str
    text: str
    step: str | None = None
    strategy: str | None = None
    owner: Owner | None = None
    team: str | None = None
    queue: str | None = None
    path: str | None = None
    block: str | None = None
    priority: int = 0
    existing_lead: ExistingLead | None = None
    keeps_assignment: bool = False
    counts_toward_load: bool = False
    over_cap: bool = False
    held_until: datetime | None = None
    held_for_owner: str | None = None
    held_for_team: str | None = None
    previous_products: tuple[str, ...] = ()
    sla_name: str | None = None
    sla: SlaDeadlines | None = None
    turn: LedgerEntry | None = None
    actions: tuple[Mapping[str, Any], ...] = ()
    trace: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    account: Mapping[str, Any] | None = None
    account_team: Mapping[str, Owner] = field(default_factory=dict)
