"""Why a lead waits in a queue: what kept the members of the teams, and the owners, that were tried."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.engine.explain import sentences
from app.engine.model.decision import DecisionRequest
from app.engine.model.state import Facts
from app.engine.selection.pickers import TargetAttempt
from app.engine.selection.targets import requirements_of
from app.engine.selection.templated_teams import is_templated

MAX_TARGETS = 3
"""How many of the targets that were tried the sentence names; the first one and the last ones."""
MAX_MEMBERS = 3
"""How many members of a team it names."""


def why_waiting(failed: Sequence[TargetAttempt], request: DecisionRequest, facts: Facts) -> str:
    """The sentences that follow the name of the queue, each after a blank. Empty when nobody was tried."""
    tried = [
        attempt
        for attempt in failed
        if attempt.candidates or (attempt.target.kind == "team" and not is_templated(attempt.target.name))
    ]
    if len(tried) > MAX_TARGETS:
        tried = [tried[0], *tried[1 - MAX_TARGETS :]]
    return "".join(f" {_sentence(attempt, request, facts)}" for attempt in tried)


def _sentence(attempt: TargetAttempt, request: DecisionRequest, facts: Facts) -> str:
    target = attempt.target
    kept = [_kept(each, facts) for each in attempt.candidates]
    if target.kind != "team":
        return sentences.owner_unavailable(*kept[0])
    team = facts.directory.teams.get(target.name)
    if team is None:
        return sentences.team_missing(target.name)
    codes = {each["code"] for each in attempt.candidates}
    if codes == {"missing_language"}:
        need = requirements_of(target, request)
        return sentences.nobody_speaks(team.name, sorted(need.languages), sorted(need.one_of))
    frees = min(_times(attempt), default=None)
    return sentences.team_unavailable(team.name, kept[:MAX_MEMBERS], len(kept) - MAX_MEMBERS, frees)


def _kept(entry: dict[str, Any], facts: Facts) -> tuple[str, str, str | None]:
    """The name of an owner, the code that kept them from taking the lead, and when that ends."""
    owner = facts.directory.owners.get(entry["owner"])
    return owner.name if owner is not None else entry["owner"], entry["code"], entry.get("available_at")


def _times(attempt: TargetAttempt) -> Iterator[str]:
    return (each["available_at"] for each in attempt.candidates if each.get("available_at") is not None)
