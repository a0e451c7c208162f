"""Stored decisions without the name and the addresses of an erased owner: decided again, with the id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.engine.compile.plan import Plan
from app.engine.explain.traces import shortened
from app.engine.model import stored
from app.engine.model.decision import Decision
from app.engine.model.directory import Directory
from app.engine.model.state import Facts
from app.engine.model.unnamed import FormerNames, unnamed_in
from app.engine.pipeline.decide import decide
from app.store.leads.decisions import StoredDecision

_OPTION = orjson.OPT_UTC_Z
_COLUMNS = ("outcome", "code", "team", "queue", "path", "block")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A decision as it is stored now, and the parameters of its actions, before and now, by their ids."""

    response: bytes
    inputs: bytes
    params: Mapping[str, tuple[Any, Any]]


def rewrite(
    decided: StoredDecision, former: FormerNames, directory: Directory, plan: Plan | None
) -> Rewritten:
    """A decision with the id in place of the name, made again from the directory without it.

    What this engine does not make as it was made then keeps its form, and the name is replaced in the texts.
    """
    answer, inputs = decided.read_response(), decided.read_inputs()
    without = unnamed_in(directory, former.id)
    shown = former.document(answer, texts=False)
    before = _decided(inputs, directory, plan)
    for candidate in (_inputs(inputs, former), inputs):
        now = _decided(candidate, without, plan)
        if before is not None and now is not None and _same(before, now, decided):
            inputs = candidate
            break
    else:
        before = now = None
    if before is not None and now is not None and before.text == answer["reason"]["text"]:
        shown["reason"]["text"] = now.text
    else:
        shown["reason"]["text"] = former.said(answer["reason"]["text"])
    if answer.get("reassigned", {}).get("reason"):
        shown["reassigned"]["reason"] = former.said(answer["reassigned"]["reason"])
    if before is not None and now is not None and _json(before.actions) == _without_ids(answer["actions"]):
        made = _json(now.actions)
    else:
        made = [former.sentences(each) for each in _without_ids(former.document(answer["actions"]))]
    old = {each["id"]: each["params"] for each in answer["actions"]}
    shown["actions"] = [{"id": each["id"], **new} for each, new in zip(answer["actions"], made, strict=True)]
    if now is not None and inputs["engine"] == stored.ENGINE_VERSION:
        shown["trace"] = _json(shortened(now.trace))
    params = {
        each["id"]: (old[each["id"]], each["params"])
        for each in shown["actions"]
        if each["params"] != old[each["id"]]
    }
    return Rewritten(orjson.dumps(shown, option=_OPTION), orjson.dumps(inputs, option=_OPTION), params)


def _inputs(inputs: Mapping[str, Any], former: FormerNames) -> dict[str, Any]:
    """The inputs with the id. Fields of a lead are about the lead: only the owner they name is replaced."""
    question = {
        name: former.document(value, texts=name in ("note", "advice"))
        for name, value in inputs["question"].items()
    }
    if isinstance(question.get("note"), str):
        question["note"] = former.said(question["note"])
    return {**inputs, "question": question}


def _decided(inputs: Mapping[str, Any], directory: Directory, plan: Plan | None) -> Decision | None:
    """The decision from these inputs, or None if they can no longer be read."""
    if plan is None:
        return None
    try:
        request, state, now = stored.from_json(inputs)
        return decide(request, plan, Facts(now, directory, state, tables=stored.tables_from_json(inputs)))
    except (LookupError, ValueError, TypeError):
        return None


def _same(before: Decision, now: Decision, decided: StoredDecision) -> bool:
    """Whether both decisions send the lead where it was sent, with the same turn and clocks."""
    return (
        all(getattr(before, name) == getattr(now, name) == getattr(decided, name) for name in _COLUMNS)
        and _owner(before) == _owner(now) == decided.owner
        and _turn(before) == _turn(now)
        and [clock.kind for clock in before.clocks] == [clock.kind for clock in now.clocks]
        and len(before.actions) == len(now.actions)
    )


def _owner(decision: Decision) -> str | None:
    return decision.owner.id if decision.owner is not None else None


def _turn(decision: Decision) -> dict[str, int] | None:
    return dict(decision.turn.changes) if decision.turn is not None else None


def _without_ids(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name != "id"} for each in actions]


def _json(value: Any) -> Any:
    """A value as it is read again from its JSON."""
    return orjson.loads(orjson.dumps(value, option=_OPTION))
