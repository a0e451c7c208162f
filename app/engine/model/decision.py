"""A request for a decision, the verdict of a step, and the decision. Everything here is a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from app.engine.followup.contact import ContactFacts
from app.engine.life.clocks import Clock, PriorClock
from app.engine.lookup.tables import RowMatch
from app.engine.model.accounts import AccountMatch
from app.engine.model.directory import Owner
from app.engine.model.effort import Effort
from app.engine.model.filled import FilledField
from app.engine.model.junk import NO_JUNK, Junk

Outcome = Literal["assigned", "queued", "automated", "blocked"]
TargetKind = Literal["team", "owner", "current_owner", "queue", "path", "block"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a verdict sends a lead: how an owner is picked there, what happens off shift, and the SLA.

    A member must speak the lead's `language`, or have as a skill the value of any other field in `match`.
    `hold` is how long a lead waits at most for a named owner who cannot take it now.
    `ignore_caps` lets an owner take it over their caps. `code` is the reason's code when this target wins.
    `covers_for` is the owner on leave that an owner here stands in for.
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
    covers_for: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one step. Without targets the step passes; several targets are tried in order.

    `labels` become fields of the lead for later steps. Only the names in `plan.language.fields.LABELS` are
    allowed. `row` is the table row the targets come from, `details` are shown in the trace, and `because` are
    reasons for the sentence, as field, operator and value.
    """

    code: str
    targets: tuple[Target, ...] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    row: RowMatch | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    because: tuple[tuple[str, str, Any], ...] = ()


class QueuePlace(NamedTuple):
    """The place of a lead in a queue: when it first entered, and the number of that decision."""

    queue: str
    since: datetime
    number: int


@dataclass(frozen=True, slots=True)
class PriorAssignment:
    """A returning lead's newest assignment, and the key that matched the lead.

    - `held_until` is set for a held lead; `held_for_owner` or `held_for_team` names who it is held for.
    - `attempt` counts the owners who had the lead since it was last routed; the first is 1.
    - `touched_at` is the first human touch, `active_at` the last human event.
    - `queue_since` is the first entry into the queue it waits in, `queue_number` that of its decision.
    - `origin_owner` is the owner on leave that another one covers for.
    - `barred` are the owners who never get this lead again.
    - `clocks` are its SLA clocks.
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
    step: str | None = None
    attempt: int = 1
    touched_at: datetime | None = None
    active_at: datetime | None = None
    queue_since: datetime | None = None
    origin_owner: str | None = None
    barred: frozenset[str] = frozenset()
    clocks: tuple[PriorClock, ...] = ()
    queue_number: int | None = None

    @property
    def place(self) -> QueuePlace | None:
        """Its place in the queue it waits in."""
        if self.state != "queued" or self.queue is None or self.queue_since is None:
            return None
        return QueuePlace(self.queue, self.queue_since, self.queue_number or 0)


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """A lead that shares `key` with the one decided, and what kept the two from being one person.

    `vetoed_by` is a key in which they differ, `name`, or `several_leads` when the key belongs to several.
    `score` says how probable it is that they are one person, where the plan asks.
    """

    lead_id: str
    key: str
    vetoed_by: str
    score: float | None = None

    def to_json(self) -> dict[str, str | float]:
        """The same for the response and the trace."""
        shown: dict[str, str | float] = {
            "lead_id": self.lead_id,
            "key": self.key,
            "vetoed_by": self.vetoed_by,
        }
        return shown if self.score is None else {**shown, "score": self.score}


@dataclass(frozen=True, slots=True)
class ExistingOwnership:
    """The owner of an imported lead, the team they got it through, and since when."""

    owner: str
    team: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """The list that blocks a lead, and whether it has the lead's `email`, its `domain` or its `phone`."""

    list: str
    matched_by: str


class ColleagueOwner(NamedTuple):
    """The owner of another lead of the same company, and the team through which they got it."""

    lead_id: str
    owner: str
    team: str | None


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """One request for a decision. `kind` is what asks for it, such as assign, reassign, claim or take_away.

    - `to` is the target named by the caller, and `queue` the queue that a claim takes from.
    - `actor` is the id of the API key with which a person moved the lead, and `note` the caller's comment;
      nothing reads either but people.
    - `account` is the account that the lead belongs to.
    - `present_owner` is the owner of a stored lead that is decided again, if it has one.
    - `owned` is the owner of an imported lead; nothing is left to decide.
    - `plugin_replies` are the replies of plugins by step (`app.engine.model.plugin_replies`).
    - `same_submission` says that a returning lead is its newest submission once more, perhaps corrected.
    - `news` are the fields in which a returning lead says something new that the plan reads.
    - `possible_duplicates` are leads that may be the same person.
    - `barred` are the owners who never get this lead again; the caller has added them to `exclude`.
    - `attempt` counts the owners who had the lead since it was last routed, the new one included.
    - `place` is the lead's place in the queue that it leaves or had before; it has it again if it goes there.
    - `origin_owner` is the owner on leave that the new one covers for.
    - `suppression` is the entry of a suppression list that blocks the lead.
    - `contact` is what the person allows, and how often they were contacted.
    - `reject_reason` is why the present owner rejected the lead, by the name in the plan.
    - `from_assignment_id` and `handoff` are the assignment and the rule of a handoff.
    - `action_types` are the types of the actions that are made; None means all.
    - `unattended` says that no caller gets the answer.
    - `team` is the team through which a lead goes back to its owner.
    - `backlog` is how many leads wait for the same team, this one included, when a waiting lead is released.
    - `count_turn` says that the owner that the CRM names takes a turn of `team`.
    - `ladder` are the targets of a lead that is taken away or escalated, in order.
    - `filled` are fields that the lead came without. `degraded` names what could not be found out in time,
      and `degraded_codes` says why of providers.
    - `counts` are numbers about other leads.
    - `review` says that somebody should look whether the lead is a person who is known.
    - `same_person` is the owner of a lead that is so probably the same person that they take this one too.
    - `colleagues` are the owners of other leads of the same company, the newest first.
    - `effort` is the budget of the decision.
    """

    kind: str
    assignment_id: str
    lead_id: str
    values: Mapping[str, Any]
    exclude: frozenset[str] = frozenset()
    prior: PriorAssignment | None = None
    same_submission: bool = False
    to: Target | None = None
    queue: str | None = None
    note: str | None = None
    actor: str | None = None
    account: AccountMatch | None = None
    owned: ExistingOwnership | None = None
    plugin_replies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    present_owner: str | None = None
    news: tuple[str, ...] = ()
    possible_duplicates: tuple[PossibleDuplicate, ...] = ()
    barred: frozenset[str] = frozenset()
    attempt: int = 1
    place: QueuePlace | None = None
    origin_owner: str | None = None
    from_assignment_id: str | None = None
    handoff: str | None = None
    action_types: tuple[str, ...] | None = None
    unattended: bool = False
    team: str | None = None
    ladder: tuple[Target, ...] = ()
    suppression: Suppression | None = None
    contact: ContactFacts | None = None
    reject_reason: str | None = None
    backlog: int = 0
    count_turn: bool = False
    filled: Mapping[str, FilledField] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()
    degraded_codes: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    colleagues: tuple[ColleagueOwner, ...] = ()
    same_person: ColleagueOwner | None = None
    review: bool = False
    effort: Effort = field(default_factory=Effort, compare=False, repr=False)

    def place_in(self, queue: str) -> QueuePlace | None:
        """The place that the lead has or had in this queue."""
        place = self.place or (self.prior.place if self.prior is not None else None)
        return place if place is not None and place.queue == queue else None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of a team's ledger: how it changes each balance. The changes sum to zero."""

    team: str
    cause: str
    chosen: str | None
    changes: Mapping[str, int]


class BacklogRelease(NamedTuple):
    """A lead out of the backlog of a team: when the shift began (microseconds since 1970), what is left."""

    team: str
    shift: int
    left: int


@dataclass(frozen=True, slots=True)
class ExistingLead:
    """The lead that a request was matched to, as the response shows it."""

    lead_id: str
    assignment_id: str
    matched_by: str
    kind: Literal["duplicate", "reengaged"]


@dataclass(frozen=True, slots=True)
class SlaDeadlines:
    """When the owner must have accepted and touched the lead, by the SLA of this name.

    `claim_by` is when somebody must have taken a lead without an owner.
    """

    name: str
    accept_by: datetime | None = None
    touch_by: datetime | None = None
    claim_by: datetime | None = None


@dataclass(slots=True)
class Decision:
    """The settled verdict.

    - `counts_toward_load` says whether it adds to the owner's load.
    - `asked` is the step and the strategy whose actions a returning lead with news gets as well.
    - `labels` are what the steps added to the lead.
    - Only `held_for_owner`, or members of `held_for_team`, can claim a lead before `held_until`.
    - `previous_products` are the products that a returning lead leaves.
    - `account` and `account_team` are shown in the response.
    - `target` is the team that was asked for an owner.
    - `clocks` start with the assignment.
    - `origin_owner` is the owner on leave that the new one covers for.
    - `backlog` says that the lead counts as its owner's share of what waited for the team.
    - `junk` has the signs that the lead is junk.

    It is not frozen: `decide` builds it in stages, and frozen instances cost more. Nothing changes it later.
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
    asked: tuple[str | None, str | None] | None = None
    keeps_assignment: bool = False
    counts_toward_load: bool = False
    over_cap: bool = False
    held_until: datetime | None = None
    held_for_owner: str | None = None
    held_for_team: str | None = None
    previous_products: tuple[str, ...] = ()
    sla_name: str | None = None
    target: Target | None = None
    sla: SlaDeadlines | None = None
    clocks: tuple[Clock, ...] = ()
    turn: LedgerEntry | None = None
    backlog: BacklogRelease | None = None
    actions: tuple[Mapping[str, Any], ...] = ()
    withheld_actions: tuple[Mapping[str, Any], ...] = ()
    trace: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    account: Mapping[str, Any] | None = None
    account_team: Mapping[str, Owner] = field(default_factory=dict)
    origin_owner: str | None = None
    junk: Junk = NO_JUNK
