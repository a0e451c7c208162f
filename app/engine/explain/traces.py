"""How much of a trace is stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.explain.codes import NOT_AVAILABLE, REFUSALS

MAX_CANDIDATES = 50
"""How many candidates of a target the stored trace shows."""
NOT_PICKED = frozenset(("not_next", "more_open_leads", "assigned_more_recently"))
"""The codes of candidates who could have taken the lead."""


def shortened(trace: Mapping[str, Any]) -> Mapping[str, Any]:
    """The trace with the first candidates of each target: who was picked, and who could have been.

    The others are counted by their code under `more_candidates`. `explain` shows all of them.
    """
    if not _is_long(trace):
        return trace
    steps = [
        {**step, "targets": [_short_target(each) for each in step["targets"]]} if "targets" in step else step
        for step in trace["steps"]
    ]
    return {**trace, "steps": steps}


def of_one_owner(steps: Sequence[Mapping[str, Any]], owner_id: str) -> list[Mapping[str, Any]]:
    """The steps with only the facts of one owner. Of the other candidates they say who was chosen."""
    return [
        {**step, "targets": [_target_for(each, owner_id) for each in step["targets"]]}
        if "targets" in step
        else step
        for step in steps
    ]


def _target_for(target: Mapping[str, Any], owner_id: str) -> Mapping[str, Any]:
    shown = {name: each for name, each in target.items() if name != "more_candidates"}
    if shown["code"] in REFUSALS:
        shown["code"] = NOT_AVAILABLE
    if "candidates" in shown:
        shown["candidates"] = [_candidate_for(each, owner_id) for each in shown["candidates"]]
    return shown


def _candidate_for(each: Mapping[str, Any], owner_id: str) -> Mapping[str, Any]:
    if each["owner"] == owner_id:
        return each
    return {"owner": each["owner"], "code": "chosen" if each["code"] == "chosen" else NOT_AVAILABLE}


def skipped_steps(trace: Mapping[str, Any]) -> list[str]:
    """The names of the steps that passed because their strategy failed."""
    return [step["step"] for step in trace["steps"] if "error" in step]


def _is_long(trace: Mapping[str, Any]) -> bool:
    for step in trace["steps"]:
        for target in step.get("targets", ()):
            if len(target.get("candidates", ())) > MAX_CANDIDATES:
                return True
    return False


def _short_target(target: Mapping[str, Any]) -> Mapping[str, Any]:
    candidates = target.get("candidates", ())
    if len(candidates) <= MAX_CANDIDATES:
        return target
    # Refused candidates have no balance or load to compare, so they say least about the choice.
    ordered = sorted(candidates, key=lambda each: (each["code"] != "chosen", each["code"] not in NOT_PICKED))
    more = Counter(each["code"] for each in ordered[MAX_CANDIDATES:])
    return {**target, "candidates": ordered[:MAX_CANDIDATES], "more_candidates": dict(more)}
