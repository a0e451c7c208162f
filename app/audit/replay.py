"""Replay a stored decision from its inputs, and compare the result with what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.engine.compile.plan import Plan
from app.engine.explain.traces import shortened
from app.engine.model import stored
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.engine.pipeline.decide import decide
from app.store.leads.decisions import StoredDecision

_COLUMNS = ("outcome", "code", "owner", "team", "queue", "path", "block")


@dataclass(frozen=True, slots=True)
class DecisionInputs:
    """What a decision was made from. The plan and the directory are given by version."""

    request: DecisionRequest
    facts: Facts
    plan_version: int
    directory_version: int
    engine: str

    @property
    def same_engine(self) -> bool:
        """Whether this engine version made the decision. Then the trace must be equal to the byte."""
        return self.engine == stored.ENGINE_VERSION


def inputs_of(inputs: Mapping[str, Any], directory: Directory) -> DecisionInputs:
    """The stored inputs as values. `directory` must be of the version that the inputs name."""
    request, state, now = stored.from_json(inputs)
    facts = Facts(now, directory, state, tables=stored.tables_from_json(inputs))
    return DecisionInputs(request, facts, inputs["plan"], inputs["directory"], inputs["engine"])


def replay(inputs: DecisionInputs, plan: Plan) -> Decision:
    """Decide again from the same inputs. `plan` must be of the version that the inputs name."""
    return decide(inputs.request, plan, inputs.facts)


def settlement_decided(decision: Decision) -> dict[str, str | None]:
    """Where a decision sent the lead, and why, in the columns of a stored decision."""
    return {
        "outcome": decision.outcome,
        "code": decision.code,
        "owner": decision.owner.id if decision.owner else None,
        "team": decision.team,
        "queue": decision.queue,
        "path": decision.path,
        "block": decision.block,
    }


def settlement_of(decided: StoredDecision) -> dict[str, str | None]:
    """The same for a stored decision."""
    return {name: getattr(decided, name) for name in _COLUMNS}


def settlement_answered(answer: Mapping[str, Any]) -> dict[str, str | None]:
    """The same for the response that the caller got."""
    fields = {name: answer[name] for name in ("outcome", "team", "queue", "path", "block")}
    owner = answer["owner"]
    return {**fields, "code": answer["reason"]["code"], "owner": owner["id"] if owner else None}


def differences(decided: StoredDecision, decision: Decision, *, same_engine: bool) -> list[str]:
    """The names of the fields that differ. The trace counts only if one engine version made both."""
    answer = decided.read_response()
    replayed, kept = settlement_decided(decision), settlement_of(decided)
    answered = settlement_answered(answer)
    found = [name for name in replayed if not replayed[name] == kept[name] == answered[name]]
    trace = shortened(decision.trace)
    if same_engine and orjson.dumps(trace, option=orjson.OPT_UTC_Z) != orjson.dumps(answer["trace"]):
        found.append("trace")
    return found
