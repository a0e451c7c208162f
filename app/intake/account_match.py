"""The one function that matches a lead to its account.

Exact keys come first: the id in a CRM, then domains. A name finds an account where they do not, and decides
between several accounts of one domain. Where nothing decides, the match says so, and no account is chosen:
the same lead gets the same answer, whatever the order in which accounts were stored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.engine.model.accounts import (
    Account,
    AccountKey,
    AccountMatch,
    Accounts,
    MatchedBy,
    MatchSettings,
    is_named_account,
    parents_of,
    successor_of,
)
from app.intake.accounts import names_seen
from app.intake.domains import registrable
from app.intake.mail_domains import is_free_mail, is_relay
from app.intake.name_scores import comparable, name_score, shares_word
from app.intake.website import website_domain
from app.values.company_names import CompanyName, company_name
from app.values.folding import fold

REVIEW = 0.6
"""An account whose score is below the threshold, but not below this, leaves a doubt."""
EQUAL = 0.015
"""Scores that differ by less are equal."""
MAX_SHOWN = 10
"""The candidates that a trace shows."""
_CONTRADICTS = 0.5
"""A name with a lower score is another name, if it shares no word that tells companies apart."""
PARTS = {
    "phone": (0.1, 0.0),
    "postal_code": (0.05, 0.0),
    "city": (0.05, -0.02),
    "country": (0.02, -0.1),
}
"""What it adds when both have the same value, and when they have different ones."""
_SAME_LABEL, _OTHER_DOMAIN = 0.05, -0.05
"""`acme.de` and `acme.com`; and a domain that the account does not have."""
_PHONE_DIGITS = 7
_NOT_DIGITS = re.compile(r"\D")


class Lead:
    """What a lead says about its company. Each part is read when it is first needed."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self._name: tuple[CompanyName | None] | None = None

    @property
    def name(self) -> CompanyName | None:
        """The name of the company, if it names one."""
        if self._name is None:
            self._name = (company_name(self.values.get("company")),)
        return self._name[0]

    @property
    def domain(self) -> str | None:
        """The registrable domain of its address, unless anybody can have one there."""
        domain = registrable(self.values.get("email_domain", ""))
        return None if domain is None or is_free_mail(domain) or is_relay(domain) else domain


@dataclass(slots=True)
class _Candidate:
    """An account, by which key it was found, and what is said about it.

    `former` are the accounts that it stands for, whose names are its own.
    """

    account: Account
    matched_by: MatchedBy
    code: str = ""
    score: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    successor: str | None = None
    former: list[Account] = field(default_factory=list)

    @property
    def name(self) -> float | None:
        """How alike the names are; None when there is nothing to compare."""
        return self.parts.get("name")

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "account": self.account.id,
            "matched_by": self.matched_by,
            "code": self.code or "lower_ranked",
        }
        if self.successor is not None:
            shown["successor"] = self.successor
        if self.score is not None:
            shown |= {"score": self.score, "parts": dict(sorted(self.parts.items()))}
        return shown


def needs_names(
    values: Mapping[str, Any], keys: Sequence[AccountKey], found: Accounts, settings: MatchSettings
) -> bool:
    """Whether accounts have to be looked up by name, because exact keys leave something open."""
    lead = Lead(values)
    if settings.domain_only or lead.name is None:
        return False
    for key in keys:
        of_key = [each for each in found.of_key.get((key.kind, key.value), ()) if not _is_free(key, each)]
        if of_key:
            if key.kind == "crm":
                return False
            names = [_name_part(lead, each) for each in of_key]
            return None not in names and max(each or 0.0 for each in names) < settings.threshold
    return True


def match_account(
    values: Mapping[str, Any], keys: Sequence[AccountKey], found: Accounts, settings: MatchSettings
) -> AccountMatch | None:
    """The account a lead belongs to. None when there is no candidate.

    `keys` are in the order of their priority; those of the kind `id` are what was found by name, now or for
    an earlier decision about the lead.
    """
    if settings.domain_only:
        keys = [key for key in keys if key.kind != "id"]
    match = _Match(Lead(values), found, settings)
    by_key = [(key, match.collect(key)) for key in keys]
    exact = [each for key, each in by_key if key.kind != "id"]
    named = [candidate for key, each in by_key if key.kind == "id" for candidate in each]
    first = next((each for each in exact if each), [])
    for later in (each for each in exact if each is not first):
        for candidate in later:
            candidate.code = "lower_priority_key"
    match.decide(first, [each for each in named if each.account.id not in _ids(first)])
    return match.result()


class _Match:
    """A match under way."""

    def __init__(self, lead: Lead, found: Accounts, settings: MatchSettings) -> None:
        self._lead, self._found, self._settings = lead, found, settings
        self._considered: list[_Candidate] = []
        self._chosen: _Candidate | None = None
        self._rule: str | None = None
        self._review = False

    def collect(self, key: AccountKey) -> list[_Candidate]:
        """The usable accounts of a key: those that are not, and those that have a successor, are told."""
        usable: dict[str, _Candidate] = {}
        for account in self._found.of_key.get((key.kind, key.value), ()):
            candidate = _Candidate(account, key.matched_by)
            heir = successor_of(account, self._found.above)
            if _is_free(key, account):
                candidate.code = "free_email_domain"
            elif key.seen and names_seen(account) != key.seen:
                candidate.code = "changed"
            elif heir.id != account.id:
                candidate.code, candidate.successor = "succeeded", heir.id
            self._considered.append(candidate)
            if candidate.code == "":
                usable.setdefault(heir.id, candidate)
            elif candidate.code == "succeeded":
                if heir.id not in usable:
                    usable[heir.id] = _Candidate(heir, key.matched_by)
                    self._considered.append(usable[heir.id])
                usable[heir.id].former.append(account)
        if key.seen and not self._considered_has(key.value):
            self._considered.append(_Candidate(Account(key.value), key.matched_by, "gone"))
        return list(usable.values())

    def _considered_has(self, id_: str) -> bool:
        return any(each.account.id == id_ for each in self._considered)

    def decide(self, exact: list[_Candidate], named: list[_Candidate]) -> None:
        """Choose between the accounts of the first exact key, and those found by name."""
        if exact and exact[0].matched_by == "crm":
            self._best_of(exact, "crm")
        elif exact:
            self._with_names(exact, named)
        else:
            self._by_name(named)

    def _with_names(self, exact: list[_Candidate], named: list[_Candidate]) -> None:
        """Accounts of a domain, where the name may speak for others."""
        threshold = self._settings.threshold
        if len(exact) == 1 and (self._settings.domain_only or self._lead.name is None):
            self._choose(exact[0], None)
            return
        for each in exact:
            self._score(each, domain=1.0)
        names = [each.name for each in exact]
        if self._settings.domain_only or None in names or max(_known(names)) >= threshold:
            self._best_of(exact, "score")
            return
        for each in named:
            self._score(each)
        others = [each for each in named if (each.name or 0) >= threshold and each.score is not None]
        other = self._unique([each for each in others if (each.score or 0) >= threshold])
        if other is not None and self._is_related(other, exact):
            self._choose(other, "subsidiary")
        elif others:
            self._conflict(exact, other, others)
        elif all(self._contradicts(each) for each in exact):
            self._conflict(exact, None, [])
        else:
            self._best_of(exact, "score")

    def _conflict(
        self, exact: list[_Candidate], other: _Candidate | None, others: Sequence[_Candidate]
    ) -> None:
        """The domain says one thing and the name another."""
        agency = all(each.account.agency for each in exact)
        if agency or self._settings.conflict == "name":
            rule = "agency" if agency else "conflict_name"
            for each in exact:
                each.code = "agency" if agency else "name_mismatch"
            if other is not None:
                self._choose(other, rule)
            else:
                self._rule, self._review = rule, bool(others)
        elif self._settings.conflict == "domain":
            self._best_of(exact, "conflict_domain")
        else:
            for each in (*exact, *others):
                each.code = "conflict"
            self._rule, self._review = "conflict", True

    def _by_name(self, named: list[_Candidate]) -> None:
        """Nothing but names. The score must reach the threshold."""
        for each in named:
            self._score(each)
        good = [each for each in named if (each.score or 0) >= self._settings.threshold]
        for each in named:
            if each not in good:
                each.code = "below_threshold"
        if good:
            self._best_of(good, "score")
        elif any((each.score or 0) >= REVIEW for each in named):
            self._rule, self._review = "below_threshold", True

    def _best_of(self, candidates: list[_Candidate], rule: str) -> None:
        """The one with the highest score; of equal ones the one with an owner, or the parent if so set."""
        if len(candidates) == 1:
            self._choose(candidates[0], rule if rule.startswith("conflict") else None)
            return
        for each in candidates:
            if each.score is None:
                self._score(each, domain=1.0)
        top = max(each.score or 0 for each in candidates)
        equal = [each for each in candidates if top - (each.score or 0) < EQUAL]
        for each in candidates:
            each.code = "lower_ranked" if each in equal else "lower_score"
        if len(equal) > 1:
            owned = [each for each in equal if each.account.has_owner]
            equal, rule = (owned, "owner") if owned and len(owned) < len(equal) else (equal, rule)
        if len(equal) > 1 and self._settings.prefer_parent:
            parent = self._parent_of(equal)
            equal, rule = ([parent], "prefer_parent") if parent is not None else (equal, rule)
        if len(equal) == 1:
            self._choose(equal[0], rule)
            return
        for each in equal:
            each.code = "equal_score"
        self._rule, self._review = "equal_score", True

    def _unique(self, candidates: Sequence[_Candidate]) -> _Candidate | None:
        """The one with the highest score, if it is the only one."""
        top = max((each.score or 0 for each in candidates), default=0.0)
        best = [each for each in candidates if top - (each.score or 0) < EQUAL]
        return best[0] if len(best) == 1 else None

    def _choose(self, candidate: _Candidate, rule: str | None) -> None:
        candidate.code = "chosen"
        self._chosen, self._rule = candidate, rule

    def _score(self, candidate: _Candidate, domain: float | None = None) -> None:
        candidate.parts = parts_of(self._lead, candidate.account, domain, candidate.former)
        candidate.score = round(sum(candidate.parts.values()), 2)

    def _contradicts(self, candidate: _Candidate) -> bool:
        """Whether the lead names another company than the one of this account."""
        name = self._lead.name
        if name is None or candidate.name is None or candidate.name >= _CONTRADICTS:
            return False
        accounts = (candidate.account, *candidate.former)
        own = [each for account in accounts for each in _names(account) if comparable(name, each)]
        if not own or any(shares_word(name, each) for each in own):
            return False
        labels = {_label(each) for account in accounts for each in account.domains}
        labels.add(_label(self._lead.domain or ""))
        return not any(_is_named_like(name.key, label) for label in labels)

    def _is_related(self, one: _Candidate, others: Iterable[_Candidate]) -> bool:
        """Whether an account is above or below one of the others."""
        accounts = self._accounts()
        line = _line(one.account, accounts)
        return any(
            each.account.id in line or one.account.id in _line(each.account, accounts) for each in others
        )

    def _parent_of(self, candidates: Sequence[_Candidate]) -> _Candidate | None:
        """The one that is above all the others, if one is."""
        accounts = self._accounts()
        lines = {each.account.id: _line(each.account, accounts) for each in candidates}
        for each in candidates:
            id_ = each.account.id
            if all(id_ in line for other, line in lines.items() if other != id_):
                return each
        return None

    def _accounts(self) -> dict[str, Account]:
        return {**self._found.above, **{each.account.id: each.account for each in self._considered}}

    def result(self) -> AccountMatch | None:
        """The match, or None without a candidate that says anything."""
        shown = [each for each in self._considered if self._is_shown(each)]
        if not shown:
            return None
        chosen = self._chosen
        if any(each.score is not None for each in shown):
            shown.sort(key=lambda each: (each is not chosen, -(each.score or 0), each.account.id))
        return AccountMatch(
            account=chosen.account if chosen is not None else None,
            matched_by=chosen.matched_by if chosen is not None else None,
            parents=parents_of(chosen.account, self._accounts()) if chosen is not None else (),
            candidates=tuple(each.to_json() for each in shown[:MAX_SHOWN]),
            review=self._review,
            rule=self._rule,
        )

    def _is_shown(self, candidate: _Candidate) -> bool:
        """A name that has little in common is no candidate."""
        if candidate.matched_by != "name" or candidate.code in ("chosen", "gone", "changed", "succeeded"):
            return True
        return candidate.score is not None and candidate.score >= REVIEW


def parts_of(
    lead: Lead, account: Account, domain: float | None = None, former: Sequence[Account] = ()
) -> dict[str, float]:
    """What speaks for an account and against it, by part. The score is their sum.

    `domain` is set where a domain has found the account. `former` are the accounts that it stands for.
    """
    parts: dict[str, float] = {}
    name = _name_part(lead, account, *former)
    if name is not None:
        parts["name"] = name
    if domain is not None:
        parts["domain"] = domain
    elif lead.domain is not None and any(each.domains for each in (account, *former)):
        labels = {_label(domain) for each in (account, *former) for domain in each.domains}
        parts["domain"] = _SAME_LABEL if _label(lead.domain) in labels else _OTHER_DOMAIN
    for part, (same, other) in PARTS.items():
        own = getattr(account, part) or account.attributes.get(part)
        equal = _compare(part, lead.values.get(part), own)
        points = 0.0 if equal is None else same if equal else other
        if points:
            parts[part] = points
    return parts


def _compare(part: str, one: Any, other: Any) -> bool | None:
    """Whether two values are the same. None when one is missing."""
    if not isinstance(one, str) or not isinstance(other, str) or not one or not other:
        return None
    if part == "phone":
        ends = [_NOT_DIGITS.sub("", each).lstrip("0") for each in (one, other)]
        shorter, longer = sorted(ends, key=len)
        return len(shorter) >= _PHONE_DIGITS and longer.endswith(shorter)
    if part == "country":
        return one.casefold() == other.casefold()
    return fold(one).replace(" ", "") == fold(other).replace(" ", "")


def _name_part(lead: Lead, *accounts: Account) -> float | None:
    """How alike the names are, by the best of the names of an account and those it stands for."""
    if lead.name is None:
        return None
    name = lead.name
    scores = [name_score(name, each) for account in accounts for each in _names(account)]
    return max(scores) if scores else None


def _names(account: Account) -> list[CompanyName]:
    """The name of an account and its aliases, as far as they name a company."""
    texts = (account.name, *account.aliases)
    return [name for text in texts if (name := company_name(text, account.country)) is not None]


def _label(domain: str) -> str:
    """What a domain is named for: `acme` of `www.acme.co.uk`, without hyphens."""
    whole = registrable(website_domain(domain) or domain) or ""
    return re.sub(r"[-_]", "", whole.partition(".")[0])


def _is_named_like(name: str, label: str) -> bool:
    """Whether a domain is named for a company: `google` and `googlecloud`."""
    shorter, longer = sorted((name, label), key=len)
    return len(shorter) >= 3 and longer.startswith(shorter)


def _is_free(key: AccountKey, account: Account) -> bool:
    return key.free_email_domain and not is_named_account(account.tier)


def _line(account: Account, accounts: Mapping[str, Account]) -> set[str]:
    return {each.id for each in parents_of(account, accounts)}


def _ids(candidates: Iterable[_Candidate]) -> set[str]:
    return {each.account.id for each in candidates}


def _known(scores: Iterable[float | None]) -> list[float]:
    return [each for each in scores if each is not None]


def with_names(
    keys: Sequence[AccountKey], ids: Iterable[str], seen: Mapping[str, str] | None = None
) -> list[AccountKey]:
    """The keys, and accounts that were found by name."""
    more = [AccountKey("id", id_, "name", seen=(seen or {}).get(id_, "")) for id_ in ids]
    return [*keys, *(each for each in more if replace(each, seen="") not in keys)]
