"""Which fields of an event of a CRM are news, and how they change what the lead holds."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.dispatch.crm_books import CrmBooks
from app.engine.life.crm import CrmChange, RecordKey, compare, unresolved, version_after
from app.intake.arrival import IncomingLead, normalize
from app.intake.lead_keys import stored_keys
from app.intake.merging import merged
from app.store.crm.records import RecordRow
from app.store.leads.current_leads import CurrentLead


@dataclass(slots=True)
class FieldNews:
    """The fields of one event, by name: those that count now, and those that say nothing new."""

    books: CrmBooks
    change: CrmChange
    accepted: set[str] = field(default_factory=set)
    same: set[str] = field(default_factory=set)
    differing: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    tied: bool = False
    cleared: bool = False

    def compare(self, root: RecordRow) -> None:
        """Tell the fields whose value counts from those that are older than what is known."""
        for name, value in self.change.digests.items():
            known = self.books.version(root.key, name)
            order = compare(self.change, value, known)
            if known is not None:
                (self.same if known.value == value else self.differing).add(name)
            if order == "newer":
                self.accepted.add(name)
            elif order == "stale":
                self.stale.add(name)
            elif order == "tie":
                self.tied = True
        owner, name = self.change.owner, self.change.owner_field
        if owner is not None and owner.id is None and name in self.accepted:
            # That a whole record has no owner says nothing, unless it had one.
            heard = not self.change.complete or name in self.differing or owner.tells_previous
            self.cleared = heard and self.change.reroute_cleared

    def keep_versions(self, key: RecordKey) -> None:
        """The record has these values from now on."""
        for name in self.accepted:
            known = self.books.version(key, name)
            self.books.keep_version(key, name, version_after(self.change, self.change.digests[name], known))

    def keep_unresolved(self, key: RecordKey, name: str) -> None:
        """Nobody here understood this value: when it is told again, it may be understood."""
        version = self.books.version(key, name)
        if version is not None:
            self.books.keep_version(key, name, replace(version, value=unresolved(version.value)))

    def add_to(self, lead: CurrentLead, *, joins: bool) -> tuple[CurrentLead, dict[str, Any]]:
        """The lead with the fields that are news, and what that changes; None for what was cleared.

        A lead that the record `joins` has its id from then on, unless it has one: executors ask for it.
        """
        change, before = self.change, lead.values
        news = {name: each for name, each in change.values.items() if name in self.accepted}
        takes_id = joins and not (before.get("crm") or {}).get("lead_id")
        if change.role != "lead" or not (news or takes_id):
            return lead, {}
        sent = self._arrival(news).values
        values = dict(merged(before, sent, self.books.session.plan.declared))
        for path, value in news.values():
            if value in (None, ""):
                values = _without(values, path)
        if takes_id:
            values["crm"] = {**(values.get("crm") or {}), "lead_id": change.record.id}
        names = {*values, *before}
        changed = {name: values.get(name) for name in names if values.get(name) != before.get(name)}
        return replace(lead, values=values), changed

    def keep_fields(self, lead: CurrentLead, changed: Mapping[str, Any]) -> None:
        """The lead keeps its assignment, and has these fields from now on."""
        session = self.books.session
        session.work.identify(stored_keys(self._arrival(self.accepted).keys), lead.prior.lead_id)
        now = session.get_lead(lead.prior.lead_id)
        if now.prior.assignment_id != lead.prior.assignment_id:
            return  # the new decision has them
        of = lead.fields_from or lead.prior.assignment_id
        earlier = lead.signals.fields if lead.signals.fields_of == of else {}
        signals = replace(lead.signals, fields={**earlier, **changed}, fields_of=of)
        session.work.keep_signals(lead, lead.values, signals)

    def reroutes(self, changed: Mapping[str, Any]) -> bool:
        """Whether a field changed that the plan is to be asked about again."""
        for name, values in self.change.rerouted_by.items():
            path, value = self.change.values.get(name, ((name,), None))
            if name in self.accepted and path[0] in changed and (values is None or str(value) in values):
                return True
        return False

    def _arrival(self, names: Container[str]) -> IncomingLead:
        """Some fields of the event, as intake reads them."""
        return normalize(sent_of(self.change, names))


def sent_of(change: CrmChange, names: Container[str] | None = None) -> dict[str, Any]:
    """The fields of an event as a caller would send them, all or those of these names."""
    sent: dict[str, Any] = {}
    for name, (path, value) in change.values.items():
        if names is None or name in names:
            put_at(sent, path, value)
    return sent


def put_at(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Set a value at its place, unless it is empty."""
    if value in (None, ""):
        return
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value


def _without(values: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The same values without the one at a place."""
    name, rest = path[0], path[1:]
    kept = {key: value for key, value in values.items() if key != name}
    inner = values.get(name)
    if rest and isinstance(inner, Mapping) and (left := _without(inner, rest)):
        kept[name] = left
    return kept
