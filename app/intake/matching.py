"""Whether an incoming lead is the same person as a stored one.

Two rules are above all others: two different people never become one lead, and the order in which leads
arrive does not matter. So a lead is compared with every key that a stored lead has, a key never joins leads
that differ in a stronger one, and a key that belongs to several leads joins none of them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from app.engine.model.decision import PossibleDuplicate
from app.engine.model.lead_keys import (
    CRM_LEAD,
    EMAIL,
    EMAIL_ALIAS,
    EXTERNAL_ID,
    PHONE,
    RANKED,
    LeadKey,
    MatchRules,
)
from app.intake.lead_keys import alias_of
from app.intake.mailboxes import is_role_address
from app.intake.person_names import PersonName, are_written_apart, contradict, person_name

NAME, SEVERAL = "name", "several_leads"
"""What can veto a match besides a key."""


@dataclass(frozen=True)
class ComparedLead:
    """A lead as matching sees it: all its keys, and its fields for the name."""

    lead_id: str
    keys: Collection[LeadKey]
    values: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @cached_property
    def name(self) -> PersonName | None:
        """Its name, if it can contradict another one."""
        return person_name(self.values)

    @cached_property
    def by_kind(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """The values of its keys by kind and source."""
        found: dict[tuple[str, str], set[str]] = {}
        for kind, value, source in self.keys:
            found.setdefault((kind, source), set()).add(value)
        return {place: frozenset(values) for place, values in found.items()}

    def values_of(self, kind: str) -> frozenset[str]:
        """The values of its keys of a kind that has no sources."""
        return self.by_kind.get((kind, ""), frozenset())


@dataclass(frozen=True, slots=True)
class Match:
    """The stored lead that is the same person, if there is one, and those that might be."""

    lead_id: str | None = None
    matched_by: str | None = None
    possible: tuple[PossibleDuplicate, ...] = ()


NO_MATCH = Match()


def match(lead: ComparedLead, candidates: Sequence[ComparedLead], rules: MatchRules) -> Match:
    """The stored lead that is the same person as `lead`: by the strongest key that belongs to one alone.

    `candidates` are the stored leads that share a key or an alias with it.
    """
    if not candidates:
        return NO_MATCH
    joined, by, possible = None, None, list[PossibleDuplicate]()
    for key in sorted(lead.keys, key=lambda key: RANKED.index(key.kind)):
        sharing = [each for each in candidates if _shares(key, each, rules)]
        if not sharing or not rules.joins(key):
            continue
        shared_mailbox = key.kind == EMAIL and _is_shared(key, sharing)
        vetoes = {
            each.lead_id: _veto(key, lead, each, rules, shared_mailbox=shared_mailbox) for each in sharing
        }
        free = [each for each in sharing if vetoes[each.lead_id] is None]
        chosen = _only(lead, free)
        if joined is None and chosen is not None:
            joined, by = chosen.lead_id, key.kind
        why = by if joined is not None and by != key.kind else SEVERAL
        possible += [
            PossibleDuplicate(id_, key.kind, veto or str(why))
            for id_, veto in vetoes.items()
            if id_ != joined
        ]
    return Match(joined, by, _once(joined, [*possible, *_by_alias(lead, candidates)]))


def _shares(key: LeadKey, other: ComparedLead, rules: MatchRules) -> bool:
    if key in other.keys:
        return True
    return key.kind == EXTERNAL_ID and any(
        may_be_same(key, theirs) and rules.joins(theirs) for theirs in other.keys
    )


def may_be_same(key: LeadKey, theirs: LeadKey) -> bool:
    """Whether two keys are one, as far as their sources are known."""
    same = (key.kind, key.value) == (theirs.kind, theirs.value)
    return same and (key.source == theirs.source or not key.source or not theirs.source)


def _only(lead: ComparedLead, free: Sequence[ComparedLead]) -> ComparedLead | None:
    """The only lead that was not vetoed. Of several, the one with exactly the same keys and name.

    So a submission that is sent twice finds its first lead, even if its key belongs to several leads.
    """
    if len(free) == 1:
        return free[0]
    twins = [each for each in free if _is_twin(lead, each)]
    return min(twins, key=lambda each: each.lead_id, default=None)


def _is_twin(lead: ComparedLead, other: ComparedLead) -> bool:
    same = all(lead.values_of(kind) == other.values_of(kind) for kind in (CRM_LEAD, EMAIL, PHONE))
    names = ("first_name", "last_name")
    return same and all(_fold(lead.values.get(each)) == _fold(other.values.get(each)) for each in names)


def _fold(name: Any) -> str:
    return name.casefold() if isinstance(name, str) else ""


def _veto(
    key: LeadKey, lead: ComparedLead, other: ComparedLead, rules: MatchRules, *, shared_mailbox: bool
) -> str | None:
    """Why this key must not join the two: a key in which they differ, or their names.

    An external id of an unknown source is as weak as a phone number.
    """
    weak = key.kind == PHONE or (key.kind == EXTERNAL_ID and key not in other.keys)
    if key.kind != EXTERNAL_ID and _differ_in_external_id(lead, other, rules):
        return EXTERNAL_ID
    if key.kind != CRM_LEAD and _differ(CRM_LEAD, lead, other):
        return CRM_LEAD
    if weak and _differ(EMAIL, lead, other):
        return EMAIL
    apart = weak and are_written_apart(lead.name, other.name)
    if apart or ((weak or shared_mailbox) and contradict(lead.name, other.name)):
        return NAME
    return None


def _differ(kind: str, lead: ComparedLead, other: ComparedLead) -> bool:
    """Whether both have a key of this kind, and none in common."""
    mine, theirs = lead.values_of(kind), other.values_of(kind)
    return bool(mine) and bool(theirs) and mine.isdisjoint(theirs)


def _differ_in_external_id(lead: ComparedLead, other: ComparedLead, rules: MatchRules) -> bool:
    for (kind, source), mine in lead.by_kind.items():
        if kind == EXTERNAL_ID and rules.names_people(source):
            theirs = other.by_kind.get((kind, source))
            if theirs is not None and mine.isdisjoint(theirs):
                return True
    return False


def are_declared_two(lead: ComparedLead, other: ComparedLead, rules: MatchRules) -> bool:
    """Whether the caller's systems say that the two are two: by their ids, or by those in one CRM."""
    return _differ_in_external_id(lead, other, rules) or _differ(CRM_LEAD, lead, other)


def _is_shared(key: LeadKey, sharing: Sequence[ComparedLead]) -> bool:
    """Whether several people use the mailbox: it is a role's, or the names of its leads contradict."""
    if is_role_address(key.value):
        return True
    return any(
        contradict(one.name, other.name) for at, one in enumerate(sharing) for other in sharing[at + 1 :]
    )


def _by_alias(lead: ComparedLead, candidates: Sequence[ComparedLead]) -> list[PossibleDuplicate]:
    """The leads whose address differs only in a tag or in dots."""
    alias = alias_of(lead.keys)
    if alias is None:
        return []
    forms = (LeadKey(EMAIL, alias), LeadKey(EMAIL_ALIAS, alias))
    return [
        PossibleDuplicate(each.lead_id, EMAIL_ALIAS, EMAIL)
        for each in candidates
        if any(form in each.keys for form in forms) and _differ(EMAIL, lead, each)
    ]


def _once(joined: str | None, possible: Sequence[PossibleDuplicate]) -> tuple[PossibleDuplicate, ...]:
    """Each of the other leads once, with its strongest key."""
    first: dict[str, PossibleDuplicate] = {}
    for each in possible:
        if each.lead_id != joined:
            first.setdefault(each.lead_id, each)
    return tuple(first.values())
