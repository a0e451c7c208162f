"""What a decision was made from, written down so that it can be made again.

The directory and the plan are kept by version elsewhere; here stand the question, the time, and how
everyone who was considered stood at that moment.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.engine.lookup.tables import NO_TABLES, RecalledRows, RowMatch, Tables
from app.engine.model.accounts import match_from
from app.engine.model.decision import Decision, DecisionRequest, ExistingOwnership, PriorAssignment, Target
from app.engine.model.state import Facts, State, StateKeys
from app.plan.language.durations import parse_iso
from app.plan.language.fields import LEAD, Kind

ENGINE_VERSION = "4"
"""Goes up with every change that may decide otherwise, or trace it otherwise."""

_INSTANTS = tuple(name for name, known in LEAD.fields.items() if known.kind is Kind.TIMESTAMP)


def to_json(question: DecisionRequest, plan_version: int, facts: Facts, decision: Decision) -> dict[str, Any]:
    """The inputs of `decision`, to be taken before it is applied. Values are JSON's, or aware datetimes."""
    advice = {"advice": _heard(question.advice, decision)} if question.advice else {}
    return {
        "engine": ENGINE_VERSION,
        "plan": plan_version,
        "directory": facts.directory.version,
        "now": facts.now,
        "question": {
            "kind": question.kind,
            "assignment_id": question.assignment_id,
            "lead_id": question.lead_id,
            "values": question.values,
            "exclude": sorted(question.exclude),
            "prior": asdict(question.prior) if question.prior else None,
            "to": asdict(question.to) if question.to else None,
            "queue": question.queue,
            "note": question.note,
            "account": asdict(question.account) if question.account else None,
            **({"owned": asdict(question.owned)} if question.owned else {}),
            **advice,
        },
        "state": facts.state.written(_consulted(decision, facts.state)),
        **({} if facts.tables is NO_TABLES else {"rows": _looked_up(decision, facts.tables)}),
    }


def from_json(inputs: Mapping[str, Any]) -> tuple[DecisionRequest, State, datetime]:
    """The question, the state and the time out of inputs that were stored as JSON."""
    asked = inputs["question"]
    question = DecisionRequest(
        kind=asked["kind"],
        assignment_id=asked["assignment_id"],
        lead_id=asked["lead_id"],
        values=lead_fields_from_json(asked["values"]),
        exclude=frozenset(asked["exclude"]),
        prior=_prior(asked["prior"]),
        to=_target(asked["to"]),
        queue=asked["queue"],
        note=asked.get("note"),
        account=match_from(asked.get("account")),
        owned=_owned(asked.get("owned")),
        advice=asked.get("advice", {}),
    )
    state = State()
    state.apply_delta(inputs["state"])
    return question, state, parse_iso(inputs["now"])


def rows_from_json(inputs: Mapping[str, Any]) -> Tables:
    """The rows of tables that were found, out of inputs that were stored as JSON."""
    found = inputs.get("rows")
    return RecalledRows(found) if found else NO_TABLES


def lead_fields_from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """A lead's fields out of JSON: what the catalogue calls an instant is a datetime again."""
    alive = dict(values)
    for name in _INSTANTS:
        if name in alive:
            alive[name] = parse_iso(alive[name])
    if "engagement" in alive:
        alive["engagement"] = [
            {**item, "at": parse_iso(item["at"])} if "at" in item else item for item in alive["engagement"]
        ]
    return alive


def _prior(written: Mapping[str, Any] | None) -> PriorAssignment | None:
    if written is None:
        return None
    held_until = written.get("held_until")
    instants = {
        "decided_at": parse_iso(written["decided_at"]),
        "held_until": parse_iso(held_until) if held_until else None,
    }
    return PriorAssignment(**{**written, **instants})


def _owned(written: Mapping[str, Any] | None) -> ExistingOwnership | None:
    return ExistingOwnership(**{**written, "since": parse_iso(written["since"])}) if written else None


def _heard(advice: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """What plugins said, as far as the decision came to hear it."""
    steps = {entry["step"] for entry in decision.trace["steps"]}
    return {step: said for step, said in advice.items() if step in steps}


def _target(written: Mapping[str, Any] | None) -> Target | None:
    if written is None:
        return None
    lists = {name: tuple(written.get(name, ())) for name in ("skills", "languages", "match")}
    return Target(**{**written, **lists})


def _looked_up(decision: Decision, tables: Tables) -> dict[str, dict[str, Any]]:
    """What each rule found that looked something up, by its name."""
    found: dict[str, dict[str, Any]] = {}
    for step in decision.trace["steps"]:
        if "table" in step:
            table, row = step["table"], step.get("row")
            target = tables.target(table, row) if row is not None else None
            found[step["step"]] = RowMatch(table, step["revision"], row, step.get("by", {}), target).written()
    return found


def _consulted(decision: Decision, state: State) -> StateKeys:
    """The entries of the state that were looked at: everyone the trace names, as far as he has any."""
    entries = StateKeys()
    if decision.owner is not None and decision.owner.id in state.loads:
        entries.loads.add(decision.owner.id)
    for step in decision.trace["steps"]:
        for tried in step.get("tried", ()):
            owners = [one["owner"] for one in tried.get("candidates", ())]
            entries.loads.update(owner for owner in owners if owner in state.loads)
            team = tried["target"].get("team")
            for found, all_ in (
                (entries.standings, state.standings),
                (entries.member_loads, state.member_loads),
            ):
                if team in all_:
                    found[team].update(owner for owner in owners if owner in all_[team])
    return entries
