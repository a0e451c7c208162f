"""A person says what they allow, or somebody says it for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson

from app.directory.records import Precondition
from app.dispatch.decision_session import DecisionSession
from app.dispatch.jobs.base import Job, Reply
from app.dispatch.preferences import keep_preferences, take_acts
from app.engine.life.preferences import NO_PREFERENCES, ConsentAct, Preferences
from app.errors import Forbidden, refused_at
from app.plan.language.contact import Cap, QuietHours
from app.store.directory.records import Record


@dataclass(eq=False, slots=True)
class SetPreferences(Job):
    """Replace quiet hours and caps of a person, and take what they say about consent.

    `act` has the time (None means now), the origin and the proof. `may_lift` says that the caller has the
    right to lift complaints.
    """

    lead_id: str = field(kw_only=True)
    wishes: Sequence[tuple[str, bool]] = field(kw_only=True)
    origin: str = field(kw_only=True)
    at: datetime | None = field(kw_only=True)
    proof: dict[str, str | None] = field(kw_only=True)
    quiet: QuietHours | None = field(kw_only=True)
    caps: tuple[Cap, ...] = field(kw_only=True)
    on: Precondition = field(kw_only=True)
    actor: str = field(kw_only=True)
    may_lift: bool = False

    def lead_ids(self) -> Sequence[str]:
        """The lead."""
        return (self.lead_id,)

    def withdraws(self) -> bool:
        """The person may close a channel."""
        return not all(wanted for _, wanted in self.wishes)

    def wants_person(self) -> bool:
        """The contacts of all leads of the person count."""
        return bool(self.caps)

    def begins_to_count(self) -> str | None:
        """The lead of the person who sets a cap."""
        return self.lead_id if self.caps else None

    def decide(self, session: DecisionSession) -> Reply:
        """Take it. Raises NotFound, PreconditionFailed, Forbidden, and ValidationFailed for a late time."""
        work = session.work
        session.get_lead(self.lead_id)
        before = work.preferences.get(self.lead_id, NO_PREFERENCES)
        known = Record("preferences", self.lead_id, {}, before.version, work.now) if before.version else None
        self.on.check(known)
        if self.at is not None and self.at > work.now:
            raise refused_at(("at",), "in_the_future", "lies in the future")
        self._check_lifting(before)
        at = self.at or work.now
        acts = [
            (
                name,
                ConsentAct("granted" if wanted else "withdrawn", at, self.origin, self.actor, **self.proof),
            )
            for name, wanted in self.wishes
        ]
        after = before.taking(acts, lifts=self.may_lift)
        after = replace(after, quiet=self.quiet, more_quiet=(), caps=self.caps)
        if replace(after, version=0) != replace(before, version=0):
            after = replace(after, version=before.version + 1)
            keep_preferences(work, self.lead_id, after, self.actor, self._details(before, after))
        closed = [each for each in acts if each[1].state == "withdrawn"]
        for other in session.stored.same_address.get(self.lead_id, ()):
            if closed and session.is_present(other):
                take_acts(work, other, closed, self.actor)
        if after.caps and not before.caps and not session.plan.contact.caps:
            self._count_earlier(session)
        return Reply(200, orjson.dumps({"version": after.version}), lead_id=self.lead_id)

    def _count_earlier(self, session: DecisionSession) -> None:
        """Count what contacted the person before anybody counted, as the plan says now what contacts them."""
        for at, action in session.answered.get(self.lead_id, ()):
            channel = session.plan.follow_up.channel_of(action["type"], action["params"])
            if channel is not None:
                session.work.count_contact(self.lead_id, at, action["id"], channel)

    def _check_lifting(self, before: Preferences) -> None:
        for name, wanted in self.wishes:
            act = before.consents.get(name)
            if wanted and act is not None and act.state == "complained":
                if not self.may_lift:
                    raise Forbidden("Only a key with the scope privacy can lift a complaint.")
                if not self.proof.get("reason"):
                    raise refused_at(("reason",), "required", "is required to lift a complaint")

    def _details(self, before: Preferences, after: Preferences) -> dict[str, object]:
        new = {name: act for name, act in after.consents.items() if before.consents.get(name) != act}
        details: dict[str, object] = {"consents": {name: act.to_json() for name, act in new.items()}}
        if after.all_quiet != before.all_quiet:
            details["quiet_hours"] = after.quiet.to_json() if after.quiet is not None else None
        if after.caps != before.caps:
            details["frequency"] = [cap.to_json() for cap in after.caps]
        return {**details, "origin": self.origin}
