"""Verify the stored data: replay every decision, add up every ledger, count every lead.

Uses short transactions beside a running service. Rows that never change are read in slices, up to a moment
that is fixed at the start; everything else is read in one snapshot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.audit.invariants import DataSnapshot, broken_invariants, read_data_snapshot
from app.audit.ledger import sum_ledger
from app.audit.replay import differences, inputs_of, replay
from app.engine.compile.plan import Plan, Strategy, empty_plan, plan_from
from app.engine.life.clocks import Clock
from app.engine.model.decision import Decision
from app.registry import strategies as installed
from app.store import plans
from app.store.connection.pool import Pool, transaction
from app.store.directory.history import DirectoryReplay
from app.store.leads import current_leads, decisions
from app.store.leads.decisions import StoredDecision
from app.store.life import sla_clocks
from app.store.path import ledger
from app.store.path.ledger import StoredLedgerEntry
from app.store.privacy import erasures, retention

SLICE = 500
MAX_SHOWN = 100


@dataclass(slots=True)
class VerifyReport:
    """The result. `differences` are sentences that hold ids, and no other personal data."""

    decisions: int = 0
    erased: int = 0
    same_engine: int = 0
    ledger_rows: int = 0
    teams: int = 0
    moment: DataSnapshot | None = None
    differences: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there are no differences."""
        return not self.differences

    def lines(self) -> list[str]:
        """Return the report to be printed: the counts, then the differences."""
        counts = self.moment.counts if self.moment else None
        lines = [
            f"decisions replayed: {self.decisions}, {self.same_engine} of them made by this engine version",
            f"decisions of erased leads, which cannot be replayed: {self.erased}",
            f"ledgers summed up: {self.teams} teams, {self.ledger_rows} entries",
        ]
        if counts is not None:
            states = ", ".join(f"{count} {state}" for state, count in sorted(counts.by_state.items()))
            lines += [
                f"leads received: {counts.received}, matched to existing leads: {counts.matched}",
                f"leads now: {states or 'none'}",
                f"leads unaccounted for: {counts.difference}",
            ]
        shown = [f"DIFFERENT  {sentence}" for sentence in self.differences[:MAX_SHOWN]]
        hidden = len(self.differences) - len(shown)
        return [*lines, *shown, *([f"and {hidden} more"] if hidden else []), _verdict(self.differences)]


def _verdict(found: list[str]) -> str:
    return f"{len(found)} differences" if found else "OK"


async def verify(
    pool: Pool,
    workspace_id: int,
    strategies: Mapping[str, Strategy] | None = None,
    *,
    slice_size: int = SLICE,
) -> VerifyReport:
    """Check one workspace; `strategies` are those its plans use, all that are installed unless given.

    `slice_size` is how many rows one transaction reads at most.
    """
    offered = installed() if strategies is None else strategies
    at = await read_data_snapshot(pool, workspace_id)
    report = VerifyReport(moment=at, differences=broken_invariants(at))
    await _Decisions(
        pool, workspace_id, offered, report, at.decision_number, slice_size, deleted=at.deleted_decisions
    ).check()
    refunded: set[str] = set()
    for team in sorted({*at.state.ledger, *at.state.balances}):
        ledger = await sum_ledger(pool, workspace_id, team, at.state, slice_size)
        report.teams += 1
        report.ledger_rows += ledger.read
        report.differences += ledger.faults
        refunded |= ledger.refunded
    report.differences += [
        f"assignment {id_}: the ledger and the assignment do not agree on its refund"
        for id_ in await _present(pool, workspace_id, refunded ^ at.refunded)
    ]
    return report


async def _present(pool: Pool, workspace_id: int, assignment_ids: set[str]) -> list[str]:
    """Those of these assignments that were not deleted with their leads."""
    if not assignment_ids:
        return []
    async with transaction(pool, workspace_id, read_only=True) as connection:
        found = await current_leads.find_leads_of_assignments(
            connection, workspace_id, sorted(assignment_ids)
        )
    return sorted(found)


@dataclass(slots=True)
class _Decisions:
    """All decisions up to one, in order, with the directory moved along."""

    pool: Pool
    workspace_id: int
    strategies: Mapping[str, Strategy]
    report: VerifyReport
    up_to: int
    slice_size: int
    reached: int = 0
    plan: Plan = field(default_factory=empty_plan)
    clocks: Mapping[str, Sequence[Clock]] = field(default_factory=dict)
    deleted: int = 0
    unlogged: Sequence[str] = ()
    gaps: list[str] = field(default_factory=list)
    missing: int = 0
    walk: DirectoryReplay = field(init=False)

    def __post_init__(self) -> None:
        self.walk = DirectoryReplay(self.pool, self.workspace_id, self.slice_size)

    async def check(self) -> None:
        while slice_ := await self._next():
            found, turns = slice_
            for decided in found:
                await self._check_one(decided, turns.get(decided.id))
        if self.reached < self.up_to:
            self._miss(self.reached + 1, self.up_to)
        if self.missing:
            await self._compare_missing()

    def _miss(self, first: int, last: int) -> None:
        self.missing += last - first + 1
        self.gaps.append(f"decisions {first} to {last} are missing")

    async def _compare_missing(self) -> None:
        """As many decisions are missing as retention has deleted, which it may have done meanwhile."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            run = await retention.find_run(connection, self.workspace_id)
        if not self.deleted <= self.missing <= (run.decisions if run is not None else 0):
            self.report.differences += self.gaps

    async def _next(self) -> tuple[list[StoredDecision], dict[str, StoredLedgerEntry]] | None:
        """The next decisions with their turns. Keeps their clocks, and which are empty without a reason."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            found = await decisions.list_decisions(
                connection, self.workspace_id, self.reached, self.up_to, self.slice_size
            )
            ids = [each.id for each in found]
            turns = await ledger.find_turns(connection, self.workspace_id, ids)
            erased = [each.id for each in found if each.erased]
            self.unlogged = await erasures.find_unlogged(connection, self.workspace_id, erased)
            self.clocks = await sla_clocks.find_clocks(connection, self.workspace_id, ids)
        return (found, turns) if found else None

    async def _check_one(self, decided: StoredDecision, turn: StoredLedgerEntry | None) -> None:
        if decided.decision_number != self.reached + 1:
            self._miss(self.reached + 1, decided.decision_number - 1)
        self.reached = decided.decision_number
        if decided.erased:
            self.report.erased += 1
            if decided.id in self.unlogged:
                self._differs(f"decision {decided.decision_number} ({decided.id}): empty without an erasure")
            return
        self.report.decisions += 1
        try:
            found = await self._differences(decided, turn)
        except (LookupError, ValueError, TypeError) as error:
            # Damaged inputs end in any of these; the rest is still verified.
            found = [f"cannot be replayed ({type(error).__name__})"]
        if found:
            self._differs(f"decision {decided.decision_number} ({decided.id}): {', '.join(found)}")

    async def _differences(self, decided: StoredDecision, turn: StoredLedgerEntry | None) -> list[str]:
        stored = decided.read_inputs()
        basis = inputs_of(stored, await self.walk.advance_to(stored["directory"]))
        decision = replay(basis, await self._plan(basis.plan_version))
        self.report.same_engine += basis.same_engine
        found = differences(decided, decision, same_engine=basis.same_engine)
        if basis.plan_version != decided.plan_version:
            found.append("plan")
        if _changes(decision) != (dict(turn.changes) if turn else None):
            found.append("turn")
        if {clock.kind for clock in decision.clocks} - {
            clock.kind for clock in self.clocks.get(decided.id, ())
        }:
            found.append("clocks")
        return found

    async def _plan(self, version: int) -> Plan:
        if version == 0:
            return empty_plan()
        if self.plan.version != version:
            document = await plans.read_document(self.pool, self.workspace_id, version)
            self.plan = plan_from(document, version, self.strategies)
        return self.plan

    def _differs(self, sentence: str) -> None:
        self.report.differences.append(sentence)


def _changes(decision: Decision) -> dict[str, int] | None:
    return dict(decision.turn.changes) if decision.turn else None
