"""A stored decision made again from its inputs, and compared with what the books say of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.engine.compile.plan import Plan
from app.engine.model import stored
from app.engine.model.decision import Decision, DecisionRequest
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.engine.pipeline.decide import decide
from app.store.leads.decisions import StoredDecision

_WORDS = ("outcome", "code", "owner", "team", "queue", "path", "block")


@dataclass(frozen=True, slots=True)
class DecisionInputs:
    """What a decision was made from. Plan and directory are named by version; the caller brings them."""

    question: DecisionRequest
    facts: Facts
    plan_version: int
    directory_version: int
    engine: str

    @property
    def same_engine(self) -> bool:
        """Whether this engine made it: then the trace must be the same to the byte."""
        return self.engine == stored.ENGINE_VERSION


def inputs_of(inputs: Mapping[str, Any], directory: Directory) -> DecisionInputs:
    """The stored inputs, brought to life with the directory of their version."""
    question, state, now = stored.from_json(inputs)
    facts = Facts(now, directory, state, tables=stored.tables_from_json(inputs))
    return DecisionInputs(question, facts, inputs["plan"], inputs["directory"], inputs["engine"])


def replay(basis: DecisionInputs, plan: Plan) -> Decision:
    """The decision, made again."""
    return decide(basis.question, plan, basis.facts)


def settlement_decided(decision: Decision) -> dict[str, str | None]:
    """Where the lead went, and why, in the words the books use."""
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
    """The same of a stored decision."""
    return {name: getattr(decided, name) for name in _WORDS}


def settlement_answered(answer: Mapping[str, Any]) -> dict[str, str | None]:
    """The same of what the caller was told."""
    told = {name: answer[name] for name in ("outcome", "team", "queue", "path", "block")}
    owner = answer["owner"]
    return {**told, "code": answer["reason"]["code"], "owner": owner["id"] if owner else None}


def differences(decided: StoredDecision, decision: Decision, *, same_engine: bool) -> list[str]:
    """The names of what is not the same; the trace counts only when the same engine made both."""
    answer = decided.read_response()
    replayed, booked, told = settlement_decided(decision), settlement_of(decided), settlement_answered(answer)
    found = [name for name in replayed if not replayed[name] == booked[name] == told[name]]
    if same_engine and orjson.dumps(decision.trace) != orjson.dumps(answer["trace"]):
        found.append("trace")
    return found
