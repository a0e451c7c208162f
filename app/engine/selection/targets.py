"""Tries a target: every candidate gets a code, and one of them is picked or none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.engine.conditions.comparisons import Values, getter
from app.engine.model.decision import BacklogRelease, DecisionRequest, Target
from app.engine.model.directory import Member, Owner, Team
from app.engine.model.state import Balance, Facts, Load
from app.engine.selection.backlog import first_shift, is_soon, with_a_share_left
from app.engine.selection.eligibility import CAPS, Refusal, Requirements, cap_refusal, refusal
from app.engine.selection.pickers import Candidate, TargetAttempt, candidate_entry, pick_one
from app.engine.selection.ramps import factor_at, scaled, weight_at
from app.engine.selection.shifts import is_on_shift, is_staffed, next_available, off_shift
from app.values.languages import read_languages

_CHOSEN = Refusal("chosen")
_SHARE_TAKEN = Refusal("share_taken")
_WAITING = ("hold", "next")
"""The values of `off_hours` under which nobody gets a lead off shift."""
_GONE = frozenset(("absent", "paused"))


def requirements_of(target: Target, request: DecisionRequest) -> Requirements:
    """What the target requires of an owner for this request."""
    skills, languages = frozenset(target.skills), frozenset(target.languages)
    if not target.match:
        return Requirements(skills, languages, request.exclude)
    more_skills, one_of = required_by_lead(target.match, request.values)
    return Requirements(skills | more_skills, languages, request.exclude, frozenset(one_of))


def required_by_lead(fields: Sequence[str], values: Values) -> tuple[set[str], set[str]]:
    """The skills that a lead requires through these of its fields, and the languages of which one will do.

    A language that is not known requires nothing, like a field that the lead does not have.
    """
    skills: set[str] = set()
    languages: set[str] = set()
    for name in fields:
        value = getter(name)(values)
        if name == "language":
            for text in value if isinstance(value, list) else [value]:
                languages.update((read_languages(text) or ()) if isinstance(text, str) else ())
        elif isinstance(value, str):
            skills.add(value.casefold())
    return skills, languages


def try_owner(target: Target, request: DecisionRequest, facts: Facts) -> TargetAttempt:
    """Offer the lead to one named owner, who takes no turn. `ignore_caps` lifts the refusals of caps."""
    owner = facts.directory.owners.get(target.name)
    if owner is None:
        return TargetAttempt(target, "not_found")
    load = facts.state.load(owner.id)
    refused = refusal(owner, load, requirements_of(target, request), facts.now)
    over_cap = target.ignore_caps and refused is not None and refused.code in CAPS
    if refused is not None and not over_cap:
        return _refused(target, refused, candidate_entry(owner.id, load, refused), facts.now)
    if target.off_hours in _WAITING and not is_on_shift(owner, facts.now):
        refused = off_shift(owner, facts.now)
        if target.hold is not None:
            return _refused(target, refused, candidate_entry(owner.id, load, refused), facts.now)
        return _off_hours(target, None, [refused], [candidate_entry(owner.id, load, refused)])
    entry = candidate_entry(owner.id, load, _CHOSEN)
    return TargetAttempt(target, "chosen", owner, candidates=(entry,), over_cap=over_cap)


def _refused(target: Target, refused: Refusal, entry: dict[str, Any], now: datetime) -> TargetAttempt:
    """The owner cannot take the lead now. It is held if they are available again within the plan's `hold`."""
    back = refused.available_at
    if target.hold is not None and back is not None and back - now <= target.hold:
        return TargetAttempt(target, "held", candidates=(entry,), until=back)
    return TargetAttempt(target, refused.code, candidates=(entry,))


def try_team(target: Target, request: DecisionRequest, facts: Facts) -> TargetAttempt:
    """Pick a member of a team. With `ignore_caps`, those over a cap come after all others."""
    team = facts.directory.teams.get(target.name)
    if team is None:
        return TargetAttempt(target, "not_found")
    attempt = _try_members(team, target, request, facts)
    if attempt.code != "chosen" and target.ignore_caps:
        regardless = _try_members(team, target, request, facts, caps=False)
        if regardless.code == "chosen":
            return replace(regardless, over_cap=True)
    return attempt


def _try_members(
    team: Team, target: Target, request: DecisionRequest, facts: Facts, *, caps: bool = True
) -> TargetAttempt:
    need = requirements_of(target, request)
    entries, eligible = _consider(team, need, facts, caps=caps)
    pick = target.pick or team.pick
    if any(one.owner.hours is not None for one in eligible):
        on_shift = [one for one in eligible if is_on_shift(one.owner, facts.now)]
        staffed = bool(on_shift) or is_staffed(team, facts)
        if staffed or target.off_hours in _WAITING:
            off = [
                _mark_off_shift(one, facts.now) for one in eligible if not is_on_shift(one.owner, facts.now)
            ]
            if not staffed:
                return _off_hours(target, pick, [*off, *_returns(entries, facts)], entries)
            if request.kind == "release" and (target.off_hours == "hold" or request.queue is not None):
                return _released(target, team, eligible, entries, facts, max(request.backlog, 1))
            eligible = on_shift
    if not eligible:
        returns = _returns(entries, facts)
        if returns and target.off_hours in _WAITING and not is_staffed(team, facts):
            return _off_hours(target, pick, returns, entries)
        return TargetAttempt(target, "no_eligible_member", pick=pick, candidates=entries)
    return pick_one(target, pick, eligible, entries)


def _consider(
    team: Team, need: Requirements, facts: Facts, *, caps: bool
) -> tuple[list[dict[str, Any]], list[Candidate]]:
    entries: list[dict[str, Any]] = []
    eligible: list[Candidate] = []
    no_requirements = not (need.skills or need.languages or need.exclude or need.one_of)
    owners, loads = facts.directory.owners, facts.state.loads
    balances = facts.state.balances.get(team.id, {})
    for member in team.members:
        id_ = member.owner
        owner = owners.get(id_)
        load = loads.get(id_) or Load()
        unchecked = (
            no_requirements and owner is not None and owner.unrestricted and member.weight and not member.caps
        )
        refused = None if unchecked else member_refusal(team, member, owner, load, need, facts, caps=caps)
        entry = (
            candidate_entry(id_, load, refused)
            if refused
            else {"owner": id_, "code": "eligible", "open_leads": load.open}
        )
        entries.append(entry)
        if refused is None and owner is not None:
            weight = weight_at(member, owner.zone, facts.now) if member.ramp else member.weight
            eligible.append(Candidate(owner, balances.get(id_) or Balance(), load, weight, entry))
    return entries, eligible


def member_refusal(
    team: Team,
    member: Member,
    owner: Owner | None,
    load: Load,
    need: Requirements,
    facts: Facts,
    *,
    caps: bool = True,
) -> Refusal | None:
    """Why a member cannot take a lead of the team now, with or without their caps. None: they can."""
    if owner is None:
        return Refusal("not_found")
    if not caps:
        owner, member = replace(owner, caps=None), replace(member, caps=None)
    own_caps = member.caps
    if member.ramp is not None:
        factor = factor_at(member, owner.zone, facts.now)
        owner, own_caps = replace(owner, caps=scaled(owner.caps, factor)), scaled(own_caps, factor)
    found = refusal(owner, load, need, facts.now)
    if found is None and member.weight == 0:
        found = Refusal("zero_weight")
    if found is None and own_caps is not None:
        found = cap_refusal(own_caps, facts.state.member_load(team.id, owner.id), owner.zone, facts.now)
    return found


def _mark_off_shift(one: Candidate, now: datetime) -> Refusal:
    refused = off_shift(one.owner, now)
    one.entry.update(candidate_entry(one.owner.id, one.load, refused))
    return refused


def _released(
    target: Target,
    team: Team,
    eligible: Sequence[Candidate],
    entries: list[dict[str, Any]],
    facts: Facts,
    waiting: int,
) -> TargetAttempt:
    """Pick one of those on shift who have not had their share of what waits, or wait for the next shift."""
    now, pick = facts.now, target.pick or team.pick
    off = {one.owner.id: _mark_off_shift(one, now) for one in eligible if not is_on_shift(one.owner, now)}
    soon = {id_: refused.available_at for id_, refused in off.items() if is_soon(refused.available_at, now)}
    expected = [one for one in eligible if one.owner.id not in off or one.owner.id in soon]
    if not expected:
        return TargetAttempt(target, "no_eligible_member", pick=pick, candidates=entries)
    shift = first_shift(team, facts)
    left = with_a_share_left(expected, waiting, team, shift, facts)
    on_shift = [one for one in expected if one.owner.id not in off]
    chosen = [one for one in on_shift if one.owner.id in left]
    for one in on_shift:
        if one.owner.id not in left:
            one.entry.update(candidate_entry(one.owner.id, one.load, _SHARE_TAKEN))
    if chosen:
        backlog = BacklogRelease(team.id, shift, waiting - 1)
        return replace(pick_one(target, pick, chosen, entries), backlog=backlog)
    until = min((at for at in soon.values() if at is not None), default=None)
    return TargetAttempt(target, "held", pick=pick, candidates=entries, until=until)


def _returns(entries: Sequence[Mapping[str, Any]], facts: Facts) -> list[Refusal]:
    """When each absent or paused candidate will be available and on shift."""
    gone = [(one["code"], facts.directory.owners[one["owner"]]) for one in entries if one["code"] in _GONE]
    return [
        Refusal(code, next_available(owner, max(facts.now, owner.paused_until or facts.now)))
        for code, owner in gone
    ]


def _off_hours(
    target: Target, pick: str | None, refusals: Sequence[Refusal], entries: list[dict[str, Any]]
) -> TargetAttempt:
    """Nobody is on shift. The lead is held until the first shift, or the target fails."""
    begins = min((each.available_at for each in refusals if each.available_at is not None), default=None)
    if target.off_hours == "hold" and begins is not None:
        return TargetAttempt(target, "held", pick=pick, candidates=entries, until=begins)
    return TargetAttempt(target, "off_hours", pick=pick, candidates=entries)
