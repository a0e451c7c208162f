"""The stored format: what was written comes back, and older inputs replay to the same owner."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.audit.replay import inputs_of, replay
from app.engine.compile.plan import Plan, compile_plan
from app.engine.compile.plugins import AnyConfig, Plugin
from app.engine.lookup.tables import RowMatch
from app.engine.model import stored
from app.engine.model.accounts import Account, AccountMatch
from app.engine.model.decision import Decision, DecisionRequest, ExistingOwnership, PriorAssignment, Target
from app.engine.model.directory import Directory
from app.engine.model.records import directory_from
from app.engine.model.state import Balance, Facts, Load, State
from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from app.registry import strategies

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.json"))
STRATEGIES = {**strategies(), "fields_language": Plugin("fields_language", AnyConfig, "languages", "2.0")}


def plan_of(golden: Mapping[str, Any]) -> Plan:
    read = read_plan(golden["plan"], {name: each.Config for name, each in STRATEGIES.items()})
    assert isinstance(read, PlanDocument), read
    return compile_plan(read, 3, STRATEGIES)


def settled(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome,
        "owner": decision.owner.id if decision.owner else None,
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
        "block": decision.block,
        "priority": decision.priority,
        "held_until": decision.held_until.isoformat() if decision.held_until else None,
        "turn": dict(decision.turn.changes) if decision.turn else None,
    }


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_inputs_of_an_earlier_engine_replay_to_the_same_decision(path: Path) -> None:
    golden = orjson.loads(path.read_bytes())
    inputs = orjson.loads(golden["inputs"])
    made_from = inputs_of(inputs, directory_from(inputs["directory"], golden["records"]))
    assert (made_from.plan_version, made_from.directory_version, made_from.engine) == (3, 7, "4")
    assert settled(replay(made_from, plan_of(golden))) == golden["decided"]


def test_every_kind_of_job_has_inputs_of_an_earlier_engine() -> None:
    inputs = [orjson.loads(orjson.loads(path.read_bytes())["inputs"]) for path in GOLDEN]
    kinds = {each["question"]["kind"] for each in inputs}
    assert kinds == {"assign", "reassign", "claim", "release", "import"}


words = some.text(max_size=8)
texts = some.none() | words
YEARS = (datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  hypothesis adds the zone
instants = some.datetimes(*YEARS, timezones=some.just(UTC))
targets = some.builds(
    Target,
    pick=texts,
    priority=some.integers(0, 100),
    ignore_caps=some.booleans(),
    off_hours=texts,
    sla=texts,
    code=texts,
    skills=some.lists(words, max_size=2).map(tuple),
    languages=some.lists(words, max_size=2).map(tuple),
    match=some.lists(words, max_size=2).map(tuple),
    hold=some.none() | some.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
)
accounts = some.builds(
    Account,
    id=words,
    name=texts,
    parent=texts,
    tier=texts,
    owner=texts,
    customer_status=texts,
    roles=some.dictionaries(words, words, max_size=2),
    open_opportunity=some.none() | some.just(True) | some.dictionaries(words, words, max_size=2),
    attributes=some.dictionaries(words, words | some.integers(0, 9), max_size=2),
    crm=some.dictionaries(words, words, max_size=2),
)
matches = some.builds(
    AccountMatch,
    account=some.none() | accounts,
    parents=some.lists(accounts, max_size=2).map(tuple),
    candidates=some.lists(
        some.fixed_dictionaries({"account": words, "matched_by": words, "code": words}), max_size=2
    ).map(tuple),
)
priors = some.builds(
    PriorAssignment,
    priority=some.integers(0, 100),
    decided_at=instants,
    held_until=some.none() | instants,
    held_for_owner=texts,
    held_for_team=texts,
)
fields = some.fixed_dictionaries(
    {"country": words},
    optional={
        "last_seen_at": instants,
        "engagement": some.lists(some.fixed_dictionaries({"name": words}, optional={"at": instants})),
    },
)
replies = some.dictionaries(
    words,
    some.fixed_dictionaries({"plugin": words, "error": words})
    | some.fixed_dictionaries({"plugin": words, "verdict": some.just({"code": "x", "targets": []})}),
    max_size=2,
)
requests = some.builds(
    DecisionRequest,
    values=fields,
    exclude=some.frozensets(words, max_size=2),
    prior=some.none() | priors,
    to=some.none() | targets,
    queue=texts,
    note=texts,
    account=some.none() | matches,
    owned=some.none() | some.builds(ExistingOwnership, since=instants),
    plugin_replies=replies,
)
amounts = some.integers(-(10**13), 10**13)
counts = some.integers(0, 10**16)
loads = some.builds(Load, *(counts,) * 6, recent=some.lists(counts, max_size=3))
states = some.builds(
    State,
    balances=some.dictionaries(
        words, some.dictionaries(words, some.builds(Balance, amounts, counts), min_size=1)
    ),
    loads=some.dictionaries(words, loads),
    member_loads=some.dictionaries(words, some.dictionaries(words, loads, min_size=1)),
    ledger=some.dictionaries(words, counts),
)


def through_json(value: object) -> Any:
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


@given(requests, instants)
def test_request_survives_a_round_trip(asked: DecisionRequest, now: datetime) -> None:
    facts = Facts(now, Directory(5, {}, {}), State())
    decision = Decision(
        "queued", "queue", "", trace={"steps": [{"step": step} for step in asked.plugin_replies]}
    )
    written = through_json(stored.to_json(asked, 2, facts, decision))
    assert stored.from_json(written) == (asked, State(), now)
    assert (written["plan"], written["directory"]) == (2, 5)


@given(states)
def test_state_survives_a_round_trip(state: State) -> None:
    read = State()
    read.apply_delta(through_json(state.to_json()))
    assert (read.balances, read.loads, read.member_loads, read.ledger) == (
        state.balances,
        state.loads,
        state.member_loads,
        state.ledger,
    )


@given(
    some.builds(
        RowMatch,
        matched_by_column=some.dictionaries(words, words, max_size=3),
        target=some.none() | some.dictionaries(words, words),
        row=some.none() | counts,
        revision=some.none() | counts,
    )
)
def test_row_match_survives_a_round_trip(match: RowMatch) -> None:
    read = stored.match_from_json(through_json(stored.match_to_json(match)))
    assert read == match
    assert list(read.matched_by_column) == list(match.matched_by_column)


def test_values_that_intake_could_not_read_come_back_as_they_are() -> None:
    values = {
        "employees": "51-200", "language": ["de", "en"], "last_seen_at": "03/04/2026",
        "trial_ends_at": datetime(2026, 12, 31, tzinfo=UTC), "consent": {"email": "I agree"},
        "engagement": [{"name": "demo", "at": "soon"}],
    }  # fmt: skip
    stored_values = orjson.loads(orjson.dumps(values))
    assert stored.lead_fields_from_json(stored_values) == values
