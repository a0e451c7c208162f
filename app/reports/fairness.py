"""`fairness`: what each member was due of a team's leads, what they got, and why that differs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.selection.fair_share import LEAD_UNITS
from app.pace import in_order, let_go, paced
from app.reports.groups import Key, group_columns, newest_change, sort_key
from app.reports.report import Question, Report
from app.reports.share_facts import catch_up
from app.reports.shares import CAUSES, DUE, RECEIVED
from app.reports.tables import Column, Result, Table
from app.store.connection.pool import Connection, Row
from app.store.reports import fairness as store
from app.store.reports.cuts import NONE

OTHER = "other"
REASONS: Mapping[str, str] = {
    "returning_lead": "A returning lead kept its owner.",
    "account": "They own the lead's account, or stand in for its owner.",
    "manual": "A person named them, here or in the CRM.",
    "claimed": "They claimed it from a queue.",
    "imported": "It was theirs when it was imported.",
    OTHER: "A rule named them, or the team picks by load or by waiting time.",
}
"""Why somebody got a lead without a turn."""
_REASON_OF_CODE: Mapping[str, str] = {
    "reengaged": "returning_lead",
    "manual": "manual",
    "crm_owner": "manual",
    "claimed": "claimed",
    "imported": "imported",
}
_CAUSES: Mapping[str, str] = {
    "absent": "were absent",
    "paused": "were paused",
    "off_shift": "were off shift",
    "cap": "had reached a cap",
    "skill": "lacked a skill or a language that the lead needs",
    "excluded": "were excluded: the caller said so, or had the lead before",
    "inactive": "were not active",
    "share_taken": "had taken their share of what waited overnight",
    "unknown": "could not take the lead for a reason that is not known any more",
}
DIFFERENCES = (*(cause for cause in CAUSES if cause in _CAUSES), "refunds", "rebalanced")
"""The columns from `due_by_weight` to `due_as_eligible`."""
_SHARES = (
    Column("due_by_weight", "number", "Leads due by weight, of every turn of the team."),
    *(
        Column(cause, "number", f"What members lost who {_CAUSES[cause]}, and what the others got of it.")
        for cause in CAUSES
        if cause in _CAUSES
    ),
    Column("refunds", "number", "What refunds gave back: the owner is due another lead, the others less."),
    Column("rebalanced", "number", "What members who left the team owed it or were owed."),
    Column(
        "due_as_eligible",
        "number",
        "`due_by_weight` plus the differences before this column: what the ledger credited.",
    ),
    Column("received", "number", "Leads received in turn."),
    Column("balance", "number", "Due as eligible less received: behind (+) or ahead (-)."),
)
_BALANCES = (
    Column("balance_at_start", "number", "The balance in the ledger before the period."),
    Column("balance_at_end", "number", "The balance in the ledger after the period."),
)
_OUTSIDE = (
    Column("outside_the_turn", "count", "Leads received without a turn; they change no share."),
    *(Column(reason, "count", text) for reason, text in REASONS.items()),
)
MEMBER = ("team", "owner")


@dataclass(slots=True)
class _Row:
    """Amounts in units of a lead, and how many leads came outside the turn, by reason."""

    opening: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)

    def add(self, other: "_Row") -> None:
        """Add the amounts of another row."""
        self.opening += other.opening
        self.amounts.update(other.amounts)

    def cells(self, *, balances: bool) -> dict[str, Any]:
        """The cells as they are printed."""
        amounts = self.amounts
        due = amounts[DUE] + sum(amounts[cause] for cause in CAUSES)
        change = due - amounts[RECEIVED]
        return {
            DUE: in_leads(amounts[DUE]),
            **{cause: in_leads(amounts[cause]) for cause in CAUSES},
            "due_as_eligible": in_leads(due),
            RECEIVED: in_leads(amounts[RECEIVED]),
            "balance": in_leads(change),
            "balance_at_start": in_leads(self.opening) if balances else None,
            "balance_at_end": in_leads(self.opening + change) if balances else None,
            "outside_the_turn": self.outside.total(),
            **{reason: self.outside[reason] for reason in REASONS},
        }


Rows = dict[Key, _Row]


def in_leads(amount: int) -> float:
    """An amount in leads, printed to six places."""
    return round(amount / LEAD_UNITS, 6) + 0.0


def reason_of(code: str, strategy: str | None) -> str:
    """Why a lead without a turn went to its owner."""
    return _REASON_OF_CODE.get(code) or ("account" if strategy == "account" else OTHER)


async def _answer(connection: Connection, question: Question) -> Result:
    groups = [name for name in question.group_by if name not in MEMBER]
    members = [name for name in MEMBER if name in question.group_by] or MEMBER
    shares = await store.sum_shares(connection, question.reading, groups)
    other = await store.count_other_leads(connection, question.reading, groups)
    rows = await _share_rows(shares, groups)
    with_balances = not groups and question.filters.keys() <= set(MEMBER)
    if with_balances:
        async for each in paced(
            await store.sum_balances(connection, question.workspace_id, question.period.start)
        ):
            rows[each["team_id"], each["owner_id"]].opening += int(each["balance"])
        async for member in paced(await store.list_members(connection, question.workspace_id)):
            rows.setdefault(member, _Row())
    view = _View(question, groups, members)
    await view.add_shares(rows)
    await view.add_others(other, rows)
    await let_go(rows)
    names = [*groups, *members]
    return Result(
        table=Table(
            [
                *group_columns(names),
                *_SHARES,
                *(_BALANCES if with_balances else ()),
                *_OUTSIDE,
            ],
            [
                {**dict(zip(names, key, strict=True)), **row.cells(balances=with_balances)}
                async for key, row in paced(await view.ordered())
            ],
            view.total.cells(balances=with_balances),
        ),
        details={"received_in_all": in_leads(view.total.amounts[RECEIVED]) + view.total.outside.total()},
        notes=_NOTES,
        changed_at=await newest_change((*shares, *other)),
    )


_NOTES = (
    "`received` less `due_by_weight` is the sum of the differences, less the balance of the period.",
    "Each difference sums to zero over the members of a team. The ledger counts in units of 10^-12 lead;"
    " amounts are printed to six places.",
    "A lead outside the turn that came through no team stands with each team of its owner, and once in the"
    " totals.",
)


async def _share_rows(shares: Iterable[Row], groups: Sequence[str]) -> Rows:
    rows: Rows = defaultdict(_Row)
    async for each in paced(shares):
        key = (*(each[name] for name in groups), each["team_id"], each["owner_id"])
        rows[key].amounts[each["column"]] += int(each["amount"])
    return rows


class _View:
    """The rows that are shown: those that the filters let through, summed over what is not asked for."""

    def __init__(self, question: Question, groups: Sequence[str], members: Sequence[str]) -> None:
        self._filters = question.filters
        self._groups = groups
        self._kept = [at for at, name in enumerate((*groups, *MEMBER)) if at < len(groups) or name in members]
        self._rows: Rows = defaultdict(_Row)
        self.total = _Row()

    async def add_shares(self, rows: Rows) -> None:
        """Add the shares of members."""
        async for key, row in paced(rows.items()):
            for shown in self._shown([key]):
                self._rows[shown].add(row)
                self.total.add(row)

    async def add_others(self, other: Iterable[Row], rows: Rows) -> None:
        """Add the leads outside the turn.

        One without a team stands with each team of its owner, or in a row without a team. The total has it
        once.
        """
        teams: dict[str | None, set[str | None]] = defaultdict(set)
        async for *_, team, owner in paced(rows):
            teams[owner].add(team)
        async for each in paced(other):
            reason = reason_of(each["code"], each["strategy"])
            group = tuple(each[name] for name in self._groups)
            among = (
                {each["team_id"]} if each["team_id"] is not None else teams.get(each["owner_id"]) or {None}
            )
            shown = self._shown((*group, team, each["owner_id"]) for team in among)
            for key in shown:
                self._rows[key].outside[reason] += each["leads"]
            if shown:
                self.total.outside[reason] += each["leads"]

    async def ordered(self) -> list[tuple[Key, _Row]]:
        """The rows by their names."""
        return await in_order(self._rows.items(), lambda each: sort_key(each[0]))

    def _shown(self, keys: Iterable[Key]) -> set[Key]:
        """The rows that these belong to, of which the filters let some through."""
        return {tuple(key[at] for at in self._kept) for key in keys if self._is_wanted(key[-2:])}

    def _is_wanted(self, member: Sequence[str | None]) -> bool:
        named = {
            name: value if value is not None else NONE for name, value in zip(MEMBER, member, strict=True)
        }
        return all(named[name] in wanted for name, wanted in self._filters.items() if name in named)


FAIRNESS = Report(
    name="fairness",
    question="Did each member get the share of leads that was due to them, and if not, why?",
    definition=(
        "By weight, each turn of a team is due to all members. Those who could not take the lead lose their"
        " part to the others, by weight; the cause is in the trace of the decision. `due_by_weight` plus each"
        " difference (the columns from `absent` to `rebalanced`) is `due_as_eligible`: what the ledger"
        " credited. That less `received` is `balance`: by how much the balance in the ledger changed. What is"
        " `outside_the_turn` changes no share."
    ),
    numerator="Leads received in turn.",
    denominator="Leads due by weight.",
    answer=_answer,
    for_owner=True,
    prepare=catch_up,
)
