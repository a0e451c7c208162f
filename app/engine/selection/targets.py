"""Honouring a target: everyone is considered, each gets one code, and somebody is picked or nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.engine.conditions.comparisons import Values, getter
from app.engine.model.decision import DecisionRequest, Target
from app.engine.model.directory import Member, Owner, Team
from app.engine.model.state import Balance, Facts, Load
from app.engine.selection.eligibility import CAPS, Refusal, Requirements, cap_refusal, refusal
from app.engine.selection.pickers import Candidate, TargetAttempt, candidate_entry, pick_one
from app.engine.selection.ramps import factor_at, scaled, weight_at
from app.engine.selection.shifts import is_on_shift, is_staffed, next_available, off_shift
from app.plan.language.languages import primary

_CHOSEN = Refusal("chosen")
_NOT_HIS_TURN = Refusal("not_next")
_WAITING = ("hold", "next")
"""What a plan may say besides `assign` of the time while nobody is on shift."""
_GONE = frozenset(("absent", "paused"))
RELEASE_LOOKAHEAD = timedelta(minutes=15)
"""A lead that is released waits as long again for one whose turn it is and whose shift is about to begin:
who comes first does not get all that waited for the team."""


def requirements_of(target: Target, question: DecisionRequest) -> Requirements:
    """What the target asks of an owner for this request."""
    skills, languages = frozenset(target.skills), frozenset(target.languages)
    if target.match:
        more_skills, more_languages = required_by_lead(target.match, question.values)
        skills, languages = skills | more_skills, languages | more_languages
    return Requirements(skills, languages, question.exclude)


def required_by_lead(fields: Sequence[str], values: Values) -> tuple[set[str], set[str]]:
    """The skills and the languages that a lead with these values asks for by these of its fields."""
    skills: set[str] = set()
    languages: set[str] = set()
    for name in fields:
        value = getter(name)(values)
        if isinstance(value, str):
            if name == "language":
                languages.add(primary(value))
            else:
                skills.add(value.casefold())
    return skills, languages


def try_owner(target: Target, question: DecisionRequest, facts: Facts) -> TargetAttempt:
    """Offer the lead to one named owner, who takes no turn. `ignore_caps` lifts their caps, nothing else."""
    owner = facts.directory.owners.get(target.name)
    if owner is None:
        return TargetAttempt(target, "not_found")
    load = facts.state.load(owner.id)
    refused = refusal(owner, load, requirements_of(target, question), facts.now)
    ignore_caps = target.ignore_caps and refused is not None and refused.code in CAPS
    if refused is not None and not ignore_caps:
        return _refused(target, refused, candidate_entry(owner.id, load, refused), facts.now)
    if target.off_hours in _WAITING and not is_on_shift(owner, facts.now):
        refused = off_shift(owner, facts.now)
        if target.hold is not None:
            return _refused(target, refused, candidate_entry(owner.id, load, refused), facts.now)
        return _out_of_hours(target, None, [refused], [candidate_entry(owner.id, load, refused)])
    return TargetAttempt(
        target, "chosen", owner, candidates=(candidate_entry(owner.id, load, _CHOSEN),), over_cap=ignore_caps
    )


def _refused(target: Target, refused: Refusal, shown: dict[str, Any], now: datetime) -> TargetAttempt:
    """He cannot take it now; the lead is held for him if the plan waits as long as that lasts."""
    back = refused.available_at
    if target.hold is not None and back is not None and back - now <= target.hold:
        return TargetAttempt(target, "held", candidates=(shown,), until=back)
    return TargetAttempt(target, refused.code, candidates=(shown,))


def try_team(target: Target, question: DecisionRequest, facts: Facts) -> TargetAttempt:
    """Pick one of a team, by turn or by load."""
    team = facts.directory.teams.get(target.name)
    if team is None:
        return TargetAttempt(target, "not_found")
    need = requirements_of(target, question)
    shown, eligible = _consider(team, need, facts)
    pick = target.pick or team.pick
    if any(one.owner.hours is not None for one in eligible):
        working = [one for one in eligible if is_on_shift(one.owner, facts.now)]
        team_works = bool(working) or is_staffed(team, facts)
        if team_works or target.off_hours in _WAITING:
            resting = [_rests(one, facts.now) for one in eligible if not is_on_shift(one.owner, facts.now)]
            if not team_works:
                return _out_of_hours(target, pick, [*resting, *_returning(shown, facts)], shown)
            if question.kind == "release" and target.off_hours == "hold":
                return _released(target, pick, eligible, shown, facts.now)
            eligible = working
    if not eligible:
        returning = _returning(shown, facts)
        if returning and target.off_hours in _WAITING and not is_staffed(team, facts):
            return _out_of_hours(target, pick, returning, shown)
        return TargetAttempt(target, "no_eligible_member", pick=pick, candidates=shown)
    return pick_one(target, pick, eligible, shown)


def _consider(team: Team, need: Requirements, facts: Facts) -> tuple[list[dict[str, Any]], list[Candidate]]:
    shown: list[dict[str, Any]] = []
    eligible: list[Candidate] = []
    asks_nothing = not (need.skills or need.languages or need.exclude)
    owners, loads = facts.directory.owners, facts.state.loads
    standings = facts.state.standings.get(team.id, {})
    for member in team.members:
        id_ = member.owner
        owner = owners.get(id_)
        load = loads.get(id_) or Load()
        plain = asks_nothing and owner is not None and owner.unbound and member.weight and not member.caps
        refused = None if plain else member_refusal(team, member, owner, load, need, facts)
        entry = (
            candidate_entry(id_, load, refused)
            if refused
            else {"owner": id_, "code": "eligible", "open_leads": load.open}
        )
        shown.append(entry)
        if refused is None and owner is not None:
            weight = weight_at(member, owner.zone, facts.now) if member.ramp else member.weight
            eligible.append(Candidate(owner, standings.get(id_) or Balance(), load, weight, entry))
    return shown, eligible


def member_refusal(
    team: Team, member: Member, owner: Owner | None, load: Load, need: Requirements, facts: Facts
) -> Refusal | None:
    """Why a member cannot take a lead of his team now, or None when he can."""
    if owner is None:
        return Refusal("not_found")
    caps = member.caps
    if member.ramp is not None:
        factor = factor_at(member, owner.zone, facts.now)
        owner, caps = replace(owner, caps=scaled(owner.caps, factor)), scaled(caps, factor)
    found = refusal(owner, load, need, facts.now)
    if found is None and member.weight == 0:
        found = Refusal("zero_weight")
    if found is None and caps is not None:
        found = cap_refusal(caps, facts.state.member_load(team.id, owner.id), owner.zone, facts.now)
    return found


def _rests(one: Candidate, now: datetime) -> Refusal:
    refused = off_shift(one.owner, now)
    one.shown.update(candidate_entry(one.owner.id, one.load, refused))
    return refused


def _released(
    target: Target, pick: str, eligible: Sequence[Candidate], shown: list[dict[str, Any]], now: datetime
) -> TargetAttempt:
    """One of those on shift and those who soon will be. Is it one of these, the lead waits for him."""
    begins = {one.owner.id: off_shift(one.owner, now) for one in eligible if not is_on_shift(one.owner, now)}
    until = {
        id_: refused.available_at for id_, refused in begins.items() if _is_soon(refused.available_at, now)
    }
    expected = [one for one in eligible if one.owner.id not in begins or one.owner.id in until]
    if not expected:
        return TargetAttempt(target, "no_eligible_member", pick=pick, candidates=shown)
    tried = pick_one(target, pick, expected, shown)
    awaited = until.get(tried.owner.id) if tried.owner is not None else None
    if awaited is None:
        return tried
    for one in expected:
        one.shown.clear()
        one.shown.update(candidate_entry(one.owner.id, one.load, begins.get(one.owner.id, _NOT_HIS_TURN)))
    return TargetAttempt(target, "held", pick=pick, candidates=shown, until=awaited)


def _is_soon(begins: datetime | None, now: datetime) -> bool:
    return begins is not None and begins - now <= RELEASE_LOOKAHEAD


def _returning(shown: Sequence[Mapping[str, Any]], facts: Facts) -> list[Refusal]:
    """When those who are absent or paused now will be on shift and there again."""
    gone = [(one["code"], facts.directory.owners[one["owner"]]) for one in shown if one["code"] in _GONE]
    return [
        Refusal(code, next_available(owner, max(facts.now, owner.paused_until or facts.now)))
        for code, owner in gone
    ]


def _out_of_hours(
    target: Target, pick: str | None, refusals: Sequence[Refusal], shown: list[dict[str, Any]]
) -> TargetAttempt:
    """Nobody is on shift: the lead is held until the first shift begins, or goes on if none ever does."""
    begins = min((each.available_at for each in refusals if each.available_at is not None), default=None)
    if target.off_hours == "hold" and begins is not None:
        return TargetAttempt(target, "held", pick=pick, candidates=shown, until=begins)
    return TargetAttempt(target, "off_hours", pick=pick, candidates=shown)
