"""A lead arrives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.dispatch.accounts import accounts_by_name, accounts_of_domain, find_account
from app.dispatch.arrivals import count_arrival, count_junk
from app.dispatch.colleagues import find_colleagues, join_waiting
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.persons import Person, find_person, find_probable, follow_probable, identify
from app.dispatch.preferences import contact_of, pass_contacts, pass_preferences, take_acts
from app.dispatch.prepared import Prepared
from app.dispatch.waiting_first import release_waiting
from app.engine.life.events import owner_named
from app.engine.model.accounts import AccountKey, AccountMatch, is_named_account
from app.engine.model.decision import DecisionRequest, Suppression, Target
from app.engine.model.directory import Directory
from app.engine.model.filled import FilledField, where_empty, with_filled, with_origins
from app.engine.model.lead_keys import LeadKey, SuppressionKey
from app.engine.pipeline.junk import STEP as JUNK
from app.engine.pipeline.news import news_in
from app.engine.pipeline.triggers import as_submitted, newly_submitted
from app.ids import uuid7
from app.intake.account_match import with_names
from app.intake.accounts import keys_of_lead
from app.intake.arrival import IncomingLead, submitted_until, with_declared, with_rules
from app.intake.consent_acts import acts_of_lead
from app.intake.contact_quality import as_company_mail
from app.intake.domains import registrable
from app.intake.filling import filled_from_account, shown_with, with_quality
from app.intake.junk import subjects_of
from app.intake.suppressions import domain_keys, suppression_keys

_OF_CRMS = frozenset(("crm", "crm_created"))
"""What brings leads that no visitor sends now."""


@dataclass(eq=False, slots=True)
class Assign(Job):
    """Decide who owns a lead that arrived.

    `unattended` says that no caller gets the answer, and `present_owner` who owns the record in the CRM.
    `updates` says that it is an earlier submission with other values.
    `host` has the meeting that the person booked, by id, CRM id or address: a new lead is theirs.
    """

    arrival: IncomingLead = field(kw_only=True)
    trigger: str = field(kw_only=True)
    exclude: frozenset[str] = frozenset()
    unattended: bool = False
    present_owner: str | None = None
    host: str | None = None
    updates: bool = False
    actor: str = "lead"
    _account_keys: tuple[AccountKey, ...] | None = field(default=None, init=False)
    _suppression_keys: tuple[SuppressionKey, ...] | None = field(default=None, init=False)
    _subjects: Mapping[str, str] | None = field(default=None, init=False)

    def decide(self, session: DecisionSession) -> Reply:
        """Decide by the plan, as a returning lead if one of its match keys is known."""
        if session.stored.first_waiting:
            release_waiting(session)
        plan = session.plan
        arrival = submitted_until(self.arrival, session.work.now)
        arrival = with_rules(with_declared(arrival, plan.declared), plan.attribution)
        person = find_person(session, arrival, plan.match_rules, plan.window)
        suppression = session.find_suppression(self._keys_of(person))
        if suppression is None:
            self.prepared.go_on()
        account, filled = self._account_and_filled(person, session, suppression)
        values = newly_submitted(person.values, self.trigger)
        directory = session.work.snapshot.directory
        to = _booked(directory, self.host) if self.host is not None and person.prior is None else None
        is_open = person.prior is None and to is None
        request = DecisionRequest(
            kind="assign",
            assignment_id=uuid7(),
            lead_id=uuid7(),
            values=values,
            exclude=self.exclude if person.prior is None else self.exclude | person.prior.barred,
            prior=person.prior,
            same_submission=self._is_same_submission(person),
            to=to,
            present_owner=self.present_owner,
            unattended=self.unattended,
            possible_duplicates=person.possible,
            account=account,
            suppression=suppression,
            colleagues=find_colleagues(session, values) if is_open else (),
        )
        request = self.prepared.attach(request)
        if is_open:
            request = follow_probable(session, request, find_probable(session, arrival, plan.match_rules))
        normalized: Mapping[str, Any] = arrival.normalized
        if filled:
            request = replace(request, filled=filled, values=with_quality(request.values, filled))
            normalized = shown_with(normalized, request.values, filled)
        if _is_company_mail(request.account):
            request = replace(request, values=as_company_mail(request.values))
            normalized = as_company_mail(normalized)
        if request.suppression is None and not plan.junk.blocks(request.values):
            request = self.plugin.attach_results(request, plan, session.work.now)
        counts = {**request.counts, **self._counts(session, request)}
        known = self._take_acts(session, person, request, counts)
        contact = contact_of(session, known, person.values)
        if counts or contact is not None:
            request = replace(request, counts=counts, contact=contact)
        if person.prior is not None:
            by_name = accounts_by_name(session, person.prior.lead_id)
            account = find_account(
                session, person.stored, lambda: with_names(keys_of_lead(person.stored), by_name)
            )
            earlier = replace(request, values=as_submitted(person.stored, self.trigger), account=account)
            request = replace(request, news=news_in(earlier, request, plan, session.work.facts))
        new_fields = with_origins(request.values, request.filled) != person.stored
        decision, reply = session.decide(request, normalized, new_fields=new_fields)
        existing = decision.existing_lead
        count_arrival(session, arrival)
        count_junk(session, decision.junk)
        session.received += 1
        session.matched += existing is not None
        if existing is None or decision.code != JUNK:  # else it proves nothing about the lead
            identify(session, arrival, person, existing.lead_id if existing else request.lead_id)
        join_waiting(session, existing.lead_id if existing else request.lead_id)
        return reply

    def _is_same_submission(self, person: Person) -> bool:
        """Whether it is the newest submission of a known person once more, by its id and form."""
        if person.prior is None:
            return False
        sent, stored = self.arrival.values, person.stored
        same = all(sent.get(name) == stored.get(name) for name in ("submission_id", "form"))
        return self.updates or ("submission_id" in sent and same)

    def _counts(self, session: DecisionSession, request: DecisionRequest) -> Mapping[str, int]:
        """How many leads came lately that share something with this one."""
        if not session.plan.junk.velocity or self.trigger in _OF_CRMS:
            return {}
        subjects = dict(self.subjects())
        account = request.account.account if request.account is not None else None
        of_domain = accounts_of_domain(session, registrable(subjects.get("domain", "")) or "")
        named = any(is_named_account(each.tier) for each in (account, *of_domain) if each is not None)
        if "domain" in subjects and (named or find_colleagues(session, request.values)):
            del subjects["domain"]  # many of them may well come from one company
        return session.arrived(subjects, request.assignment_id)

    def _take_acts(
        self,
        session: DecisionSession,
        person: Person,
        request: DecisionRequest,
        counts: Mapping[str, int],
    ) -> str:
        """Take what the person said about consent. Returns the lead under which it stands."""
        lead_id = person.prior.lead_id if person.prior is not None else request.lead_id
        work = session.work
        if person.former is not None and person.prior is None:
            pass_preferences(work, person.former, lead_id)
            pass_contacts(work, person.former, lead_id)
        if person.prior is not None and session.plan.junk.blocks(request.values, counts):
            return lead_id  # anybody may have sent it in the person's name
        if acts := acts_of_lead(self.arrival.values, work.now):
            take_acts(work, lead_id, acts, self.actor)
        return lead_id

    def asks_for_stored(self) -> bool:
        """The lead is found by its keys."""
        return False

    def follows_waiting(self) -> bool:
        """Leads that wait to be released go first."""
        return True

    def attributes(self) -> Mapping[str, Any]:
        """The custom attributes that the lead was sent with."""
        return self.arrival.values.get("attributes") or {}

    def identities(self) -> Sequence[LeadKey]:
        """The lead's keys, and its alias."""
        return self.arrival.look_ups

    def suppression_keys(self) -> Sequence[SuppressionKey]:
        """The lead's address and its domain, and the domain that was found out about its company."""
        if self._suppression_keys is None:
            self._suppression_keys = suppression_keys(self.arrival.values)
        return (*self._suppression_keys, *self._found_domain())

    def _keys_of(self, person: Person) -> Sequence[SuppressionKey]:
        """The same of a lead that may be known: its newest address counts."""
        if person.prior is None:
            return self.suppression_keys()
        return (*suppression_keys(person.values), *self._found_domain())

    def _found_domain(self) -> Sequence[SuppressionKey]:
        """The domain of the company, as far as it was found out."""
        domain = self.prepared.filled.get("website_domain")
        return domain_keys(domain.value) if domain is not None else ()

    def subjects(self) -> Mapping[str, str]:
        """What the lead may share with others."""
        if self._subjects is None:
            self._subjects = subjects_of(self.arrival.values)
        return self._subjects

    def account_keys(self) -> Sequence[AccountKey]:
        """The keys of the lead's account, computed on first use: most plans never ask."""
        keys = self._keys_as_sent()
        seen = self.prepared.accounts
        if self.prepared.filled:
            keys = keys_of_lead(with_filled(self.arrival.values, self.prepared.filled))
        return with_names(keys, seen, seen) if seen else keys

    def _keys_as_sent(self) -> tuple[AccountKey, ...]:
        if self._account_keys is None:
            self._account_keys = keys_of_lead(self.arrival.values)
        return self._account_keys

    def _account_and_filled(
        self, person: Person, session: DecisionSession, suppression: Suppression | None
    ) -> tuple[AccountMatch | None, Mapping[str, FilledField]]:
        """The account of the lead, and the fields that are filled from it and by providers.

        What the lead says finds the account first. Only if that finds none, what was found out does.
        """
        if not (session.plan.wants_accounts or self.prepared.filled):
            return None, {}
        prepared = self.prepared if suppression is None else None
        found = where_empty(self.prepared.filled, person.values)
        account = self._find_account(person.values, person, session, prepared)
        unknown = account is None or (account.account is None and not account.review)
        if unknown and not found.keys().isdisjoint(("company", "website_domain")):
            account = self._find_account(with_filled(person.values, found), person, session, prepared)
        terms = session.plan.enrichment
        if terms is None or account is None:
            return account, found
        return account, {**found, **filled_from_account(account.account, terms, person.values)}

    def _find_account(
        self,
        values: Mapping[str, Any],
        person: Person,
        session: DecisionSession,
        prepared: Prepared | None,
    ) -> AccountMatch | None:
        return find_account(session, values, lambda: self._keys_with(values, person, session), prepared)

    def _keys_with(
        self, values: Mapping[str, Any], person: Person, session: DecisionSession
    ) -> Sequence[AccountKey]:
        """The keys of the account of a lead with these fields."""
        seen = (self.prepared.accounts or {}) if "company" in values else {}
        if person.prior is None:
            keys = self._keys_as_sent() if values is person.values else keys_of_lead(values)
            return with_names(keys, seen, seen) if seen else keys
        before = accounts_by_name(session, person.prior.lead_id)
        return with_names(keys_of_lead(values), dict.fromkeys((*seen, *before)), seen)

    def arriving(self) -> IncomingLead | None:
        """The lead as it was sent."""
        return self.arrival

    def preview(self) -> DecisionRequest | None:
        """The lead as it was sent, with what was found out about it."""
        values = {**self.arrival.values, "trigger": self.trigger}
        request = DecisionRequest(kind="assign", assignment_id="", lead_id="", values=values)
        return self.prepared.attach(request)

    def failed_lead(self) -> dict[str, Any] | None:
        """The request after intake."""
        return {"lead": self.arrival.values, "trigger": self.trigger, "exclude": sorted(self.exclude)}


def _booked(directory: Directory, host: str) -> Target | None:
    """The host of a meeting, if they are an active owner."""
    address = host.casefold()
    owner = owner_named(host, directory) or next(
        (each for each in directory.owners.values() if (each.email or "").casefold() == address), None
    )
    return Target("owner", owner.id) if owner is not None and owner.active else None


def _is_company_mail(match: AccountMatch | None) -> bool:
    """Whether the e-mail domain of a lead is one of a named account."""
    if match is None or match.account is None or match.matched_by != "email_domain":
        return False
    return is_named_account(match.account.tier)
