"""Why not Ben? An answer for every owner of the directory, from the stored inputs of a decision.

Nobody is left out: neither those who were absent, nor those who are in no team that was asked.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.audit.replay import DecisionInputs, replay
from app.engine.compile.plan import Plan
from app.engine.explain import why_not as sentences
from app.engine.model.decision import Decision, DecisionRequest, Target
from app.engine.model.directory import Directory, Owner
from app.engine.model.effort import Effort
from app.engine.model.state import Facts
from app.engine.pipeline.decide import decide, prepared
from app.engine.selection.targets import requirements_of
from app.plan.language.durations import parse_iso

LIFTED = frozenset(("absent", "paused", "off_shift", "cap_open", "cap_day", "cap_week", "cap_rolling"))
"""What passes by itself. Of these the answer says whether the owner would have got the lead without it."""
_ELIGIBLE = frozenset(("not_next", "more_open_leads", "assigned_more_recently"))
_WITHOUT_OWNERS = {
    "queued": "No owner was asked; the lead went to queue {}",
    "automated": "No owner was asked; the lead went to path {}",
    "blocked": "No owner was asked; the lead was blocked ({})",
}
_ORDER = {"chosen": 0, **dict.fromkeys(_ELIGIBLE, 1), "not_considered": 3, "not_there_yet": 4}


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why one owner did not get the lead, or that they did (`chosen`).

    `team` is the team that was asked for an owner, `available_at` when the refusal ends, and
    `would_have_got_it` whether they would have got the lead had nothing but the refusal been different.
    """

    owner: str
    name: str
    code: str
    text: str
    team: str | None = None
    available_at: datetime | None = None
    would_have_got_it: bool | None = None


@dataclass(frozen=True, slots=True)
class _Considered:
    """A candidate: their entry in the trace, and the attempt at a target that it belongs to."""

    entry: Mapping[str, Any]
    attempt: Mapping[str, Any]
    step: int
    place: int


@dataclass(frozen=True, slots=True)
class Bystanders:
    """Everybody in the directory of one decision, those who matter most first.

    `had` are the owners who had the lead before, with why that ended. `newcomers` are the names of owners who
    came after the decision. With `names_needs` false, sentences do not name what the lead needs, because that
    would tell what is hidden of it.
    """

    basis: DecisionInputs
    plan: Plan
    decision: Decision
    considered: Mapping[str, _Considered]
    had: Mapping[str, str | None]
    newcomers: Mapping[str, str]
    names_needs: bool

    def owners(self, for_owner: str | None = None) -> list[str]:
        """The ids of all owners: who got the lead, who could have, who could not, and then the others.

        One owner, who may not know which of the others could have, comes right after who got it.
        """
        everyone = {*self.basis.facts.directory.owners, *self.newcomers}
        if for_owner is None:
            return sorted(everyone, key=self._rank)
        return sorted(everyone, key=lambda id_: (self._code(id_) != "chosen", id_ != for_owner, id_))

    def answer(self, owner_id: str) -> WhyNot:
        """Why not this owner. Raises LookupError for one that there is not."""
        owner = self.basis.facts.directory.owners.get(owner_id)
        if owner is None:
            text = "Was not in the directory then."
            return WhyNot(owner_id, self.newcomers[owner_id], "not_there_yet", text)
        code, found = self._code(owner_id), self.considered.get(owner_id)
        if code == "chosen":
            return WhyNot(owner_id, owner.name, code, "Got the lead.", self.decision.team)
        if found is None:
            return WhyNot(owner_id, owner.name, code, f"{self._bystander(code)}.")
        return self._refused(owner, code, found)

    def _refused(self, owner: Owner, code: str, found: _Considered) -> WhyNot:
        until = parse_iso(found.entry["available_at"]) if "available_at" in found.entry else None
        would = self._would_have_got_it(owner) if code in LIFTED else None
        in_turn = self.decision.owner is not None and found.attempt.get("pick") == "round_robin"
        text = sentences.whole(
            self._what_kept(owner, code, until, found), would_have_got_it=would, in_turn=in_turn
        )
        return WhyNot(owner.id, owner.name, code, text, found.attempt["target"].get("team"), until, would)

    def _code(self, owner_id: str) -> str:
        if self.decision.owner is not None and self.decision.owner.id == owner_id:
            return "chosen"
        if owner_id not in self.basis.facts.directory.owners:
            return "not_there_yet"
        if owner_id in self.decision.trace.get("never_due", ()):
            return "never_due"
        found = self.considered.get(owner_id)
        return found.entry["code"] if found is not None else "not_considered"

    def _rank(self, owner_id: str) -> tuple[int, str]:
        return _ORDER.get(self._code(owner_id), 2), owner_id

    def _bystander(self, code: str) -> str:
        """What is said of somebody who was not asked."""
        decision = self.decision
        if code == "never_due":
            return "The SLA never comes due in their working time"
        if self.considered:
            return "Not in a team that this decision considered"
        if decision.owner is None:
            place = decision.queue or decision.path or decision.block or ""
            return _WITHOUT_OWNERS[decision.outcome].format(place)
        if decision.code == "claimed":
            return f"{decision.owner.name} claimed it from a queue"
        if decision.code in ("manual", "crm_owner"):
            return f"A person gave it to {decision.owner.name}"
        return f"No team was asked; it went to {decision.owner.name}"

    def _what_kept(self, owner: Owner, code: str, until: datetime | None, found: _Considered) -> str:
        if code in _ELIGIBLE:
            return sentences.passed_over(code, self._chosen_in(found.attempt))
        if code == "never_due":
            return self._bystander(code)
        if code == "excluded":
            known = owner.id in self.had
            return sentences.had_before(self.had[owner.id]) if known else "Excluded by who sent the lead"
        if code in ("missing_language", "missing_skill") and self.names_needs:
            needs = self._needs(owner, code, found)
            if needs is not None:
                return needs
        return sentences.refused(code, until, owner.zone, self.basis.facts.now)

    def _chosen_in(self, attempt: Mapping[str, Any]) -> str:
        chosen = next((each["owner"] for each in attempt["candidates"] if each["code"] == "chosen"), "")
        owner = self.basis.facts.directory.owners.get(chosen)
        return owner.name if owner is not None else chosen

    def _needs(self, owner: Owner, code: str, found: _Considered) -> str | None:
        """What the lead needs and the owner lacks, if the plan says what that was."""
        asked = _target_of(self.basis, self.plan, self.decision, found)
        if asked is None:
            return None
        target, request = asked
        need = requirements_of(target, request)
        if code == "missing_language":
            every = need.languages - owner.languages
            return sentences.without_languages(every, () if every else need.one_of)
        # What a field of the lead requires is not named: only the words of the plan are.
        lacking = frozenset(target.skills) - owner.skills
        return sentences.without_skills(lacking) if lacking else None

    def _would_have_got_it(self, owner: Owner) -> bool:
        """Decides again as if nothing had kept this owner, and all else were the same."""
        facts, request = self.basis.facts, self.basis.request
        freed = dataclasses.replace(facts, directory=_with_free(facts.directory, owner))
        try:
            again = decide(dataclasses.replace(request, effort=Effort()), self.plan, freed)
        except Exception:
            return False
        return again.owner is not None and again.owner.id == owner.id


def bystanders(
    basis: DecisionInputs,
    plan: Plan,
    *,
    had: Mapping[str, str | None],
    newcomers: Mapping[str, str],
    names_needs: bool = True,
) -> Bystanders:
    """Everybody who may be asked about, for a decision that is made again from its inputs."""
    decision = replay(basis, plan)
    considered: dict[str, _Considered] = {}
    for found in _candidates(decision):
        before = considered.get(found.entry["owner"])
        # Where the lead went says more than where it did not.
        if before is None or before.attempt["code"] != "chosen":
            considered[found.entry["owner"]] = found
    return Bystanders(basis, plan, decision, considered, had, newcomers, names_needs)


def as_owner_sees(answers: Sequence[WhyNot], owner_id: str) -> list[WhyNot]:
    """The answers as one owner may see them: their own, and of others only who got the lead."""
    return [
        each
        if each.owner == owner_id
        else WhyNot(each.owner, each.name, "chosen", "Got the lead.")
        if each.code == "chosen"
        else WhyNot(each.owner, each.name, "not_available", "Not available.")
        for each in answers
    ]


def _candidates(decision: Decision) -> Iterator[_Considered]:
    for step, entry in enumerate(decision.trace["steps"]):
        for place, attempt in enumerate(entry.get("targets", ())):
            for candidate in attempt.get("candidates", ()):
                yield _Considered(candidate, attempt, step, place)


def _target_of(
    basis: DecisionInputs, plan: Plan, decision: Decision, found: _Considered
) -> tuple[Target, DecisionRequest] | None:
    """The target that was tried, and the request as its step saw it. None for steps outside the plan."""
    trail: Sequence[Mapping[str, Any]] = decision.trace["steps"]
    step = next((each for each in plan.steps if each.name == trail[found.step]["step"]), None)
    if step is None or step.decide is None:
        return None
    request, facts = _prepared(basis, plan)
    values = dict(request.values)
    for entry in trail[: found.step]:
        values |= entry.get("labels", {})
    verdict = step.decide(values, facts)
    if found.place >= len(verdict.targets):
        return None
    return verdict.targets[found.place], dataclasses.replace(request, values={**values, **verdict.labels})


def _prepared(basis: DecisionInputs, plan: Plan) -> tuple[DecisionRequest, Facts]:
    request = dataclasses.replace(basis.request, effort=Effort())
    return prepared(request, plan, basis.facts)


def _with_free(directory: Directory, owner: Owner) -> Directory:
    """The directory with this owner on shift, present, and under no cap."""
    free = dataclasses.replace(owner, paused_until=None, caps=None, absences=(), hours=None)
    teams = {
        id_: dataclasses.replace(
            team,
            members=tuple(
                dataclasses.replace(each, caps=None) if each.owner == owner.id else each
                for each in team.members
            ),
        )
        if team.member(owner.id) is not None
        else team
        for id_, team in directory.teams.items()
    }
    return dataclasses.replace(directory, owners={**directory.owners, owner.id: free}, teams=teams)
