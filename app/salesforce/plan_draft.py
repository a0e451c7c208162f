"""Builds the plan from the entries: rules, owners, queues, follow-up and tests."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.engine.selection.shifts import HELD
from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from app.plan_check.contradictions import contradictions
from app.plan_check.normal_form import NormalForm, normal_forms
from app.plan_check.rule_order import order_findings
from app.salesforce.assignment_rules import AssignmentRule
from app.salesforce.entries import PlannedEntry, PlannedRule, declared_types
from app.salesforce.errors import UnreadableFile
from app.salesforce.sample_leads import SampleLeads

CRM = "salesforce"
DEFAULT = "default-owner"
UNCERTAIN = "salesforce-uncertain"
_NEVER = {
    "unreachable": "earlier entries take every lead that matches it",
    "shadowed": "earlier entries take every lead that matches it",
    "contradiction": "its criteria exclude each other",
}
_STEP = re.compile(r"pipeline\[(\d+)\]\.rule(?:\.when)?")
_SLUG = re.compile(r"[^a-z0-9._-]+")


@dataclass(slots=True)
class Draft:
    """A plan in the making. `owners` has the id of each user name."""

    rule: AssignmentRule
    planned: PlannedRule
    default_owner: str | None = None
    hold_uncertain: bool = False
    owners: dict[str, str] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    untested: list[PlannedEntry] = field(default_factory=list)
    _takes_all: PlannedEntry | None = None

    def document(self) -> dict[str, Any]:
        """The plan as plain data, with tests. Entries that can never match are dropped."""
        self._name_targets()
        self._drop_repeated()
        self._drop_never()
        plan = self._plan()
        tests = self._tests(plan)
        return {**plan, "tests": tests} if tests else plan

    def kept(self) -> list[PlannedEntry]:
        """The entries that are steps of the plan."""
        return [each for each in self.planned.entries if each.dropped is None]

    def _name_targets(self) -> None:
        for each in self.planned.entries:
            if each.entry.assigned_to is not None:
                self._target(each.entry.assigned_to, is_queue=each.entry.is_queue)
        if self.default_owner is not None:
            self._target(self.default_owner, is_queue="@" not in self.default_owner)

    def _target(self, name: str, *, is_queue: bool) -> dict[str, Any]:
        """The target of a user or a queue, which gets a name of its own when it is first used."""
        if is_queue:
            if name not in self.queues:
                wanted = name[:255] if name != HELD else f"{HELD}-queue"
                self.queues[name] = _free(wanted, self.queues.values())
            return {"queue": self.queues[name]}
        if name not in self.owners:
            slug = _SLUG.sub("-", name.partition("@")[0].casefold()).strip("-.") or "owner"
            self.owners[name] = _free(slug[:200], self.owners.values())
        return {"owner": self.owners[name]}

    def _default(self) -> dict[str, Any]:
        """Where leads go that no entry takes."""
        if self.default_owner is None:
            return {"queue": DEFAULT}
        return self._target(self.default_owner, is_queue="@" not in self.default_owner)

    def _plan(self) -> dict[str, Any]:
        steps = list(self._steps())
        queues: dict[str, Any] = {name: {"crm": {CRM: queue}} for queue, name in self.queues.items()}
        if self.default_owner is None or "owner" in self._default():
            queues[DEFAULT] = {}
        if any(step.get("rule", {}).get("then") == {"queue": UNCERTAIN} for step in steps):
            queues[UNCERTAIN] = {}
        plan: dict[str, Any] = {"comment": f"Imported from the Salesforce rule {self.rule.name}."[:1000]}
        plan["queues"] = queues
        if types := declared_types(self.planned):
            plan["fields"] = types
        plan["pipeline"] = steps
        if follow_up := self._follow_up():
            plan["follow_up"] = follow_up
        return plan

    def _steps(self) -> Iterator[dict[str, Any]]:
        for each in self.kept():
            when = {} if each.when is True else {"when": each.when}
            yield {"rule": {"name": each.name, **when, "then": self._then(each)}}
            if self.hold_uncertain and each.perhaps is not False:
                perhaps = {} if each.perhaps is True else {"when": each.perhaps}
                yield {"rule": {"name": f"{each.name}-uncertain", **perhaps, "then": {"queue": UNCERTAIN}}}
        if self._takes_all is not None and _settles(self._then(self._takes_all)):
            return
        default = self._default()
        if "owner" in default:
            yield {"rule": {"name": DEFAULT, "then": default}}
            default = {"queue": DEFAULT}
        yield {"queue": {"name": default["queue"]}}

    def _then(self, each: PlannedEntry) -> dict[str, Any]:
        if each.entry.assigned_to is None:
            return {"current_owner": True, "else": [self._default()]}
        return self._target(each.entry.assigned_to, is_queue=each.entry.is_queue)

    def _follow_up(self) -> list[dict[str, Any]]:
        """The e-mail templates as notices, each with the rules that name it."""
        rules: dict[str, list[str]] = {}
        for each in self.kept():
            if each.entry.template:
                rules.setdefault(each.entry.template, []).append(each.name)
        return [
            {
                "when": {"rule": names if len(names) > 1 else names[0]},
                "do": [
                    {"type": "notify", "via": "email", "to": "{owner.email}", "template": _template(name)}
                ],
            }
            for name, names in rules.items()
        ]

    def _read(self, plan: Mapping[str, Any]) -> PlanDocument:
        document = read_plan(plan)
        if isinstance(document, PlanDocument):
            return document
        found = "; ".join(f"{each.path}: {each.text}" for each in document[:5])
        raise UnreadableFile(f"does not make a valid plan: {found}")

    def _drop_repeated(self) -> None:
        """Drop entries whose condition an earlier one has: the earlier one always takes the lead."""
        seen: dict[frozenset[NormalForm], PlannedEntry] = {}
        steps = {step.name: step for step in self._read(self._plan()).pipeline}
        for each in self.kept():
            if self._takes_all is not None:
                each.dropped = f"entry {self._takes_all.entry.number} takes every lead"
                continue
            if each.when is True:
                self._takes_all = each
            first = seen.setdefault(normal_forms(steps[each.name].condition), each)
            if first is not each:
                same = first.entry.assigned_to == each.entry.assigned_to
                number = first.entry.number
                each.dropped = (
                    f"it repeats entry {number}" if same else f"entry {number} has the same criteria"
                )

    def _drop_never(self) -> None:
        """Drop what no lead can reach."""
        document = self._read(self._plan())
        found = [*contradictions(document), *order_findings(document)]
        places = [
            (document.pipeline[int(match[1])].name, _NEVER[each.code])
            for each in found
            if each.code in _NEVER and (match := _STEP.fullmatch(each.path))
        ]
        entries = {each.name: each for each in self.kept()}
        for name, reason in places:
            if name in entries:
                entries[name].dropped = reason
            elif (certain := name.removesuffix("-uncertain")) in entries:
                entries[certain].perhaps = False

    def _tests(self, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A test for each entry, and one for the leads that no entry takes."""
        document = self._read(plan)
        samples = SampleLeads([step.condition for step in document.pipeline], document.fields.fields)
        positions = {step.name: position for position, step in enumerate(document.pipeline)}
        tests = []
        for each in self.kept():
            lead = samples.find(positions[each.name])
            if lead is None:
                self.untested.append(each)
            else:
                tests += list(self._cases(each, lead))
        last = next((at for at, step in enumerate(document.pipeline) if step.name == self._last_step()), None)
        lead = samples.find(last) if last is not None else None
        if lead is not None:
            tests.append({"name": "no entry", "lead": lead, "expect": self._default()})
        return tests

    def _last_step(self) -> str:
        default = self._default()
        return DEFAULT if "owner" in default else str(default["queue"])

    def _cases(self, each: PlannedEntry, lead: dict[str, Any]) -> Iterator[dict[str, Any]]:
        name = f"entry {each.entry.number}"
        if each.entry.assigned_to is not None:
            yield {"name": name, "lead": lead, "expect": {"rule": each.name, **self._then(each)}}
            return
        yield {
            "name": f"{name}, without an owner",
            "lead": lead,
            "expect": {"rule": each.name, **self._default()},
        }
        user = next(iter(self.owners), None)
        if user is not None and "crm" not in lead:
            yield {
                "name": f"{name}, with an owner",
                "lead": {**lead, "crm": {"owner_id": user}},
                "expect": {"rule": each.name, "owner": self.owners[user]},
            }


def _settles(then: Mapping[str, Any]) -> bool:
    """Whether a target takes every lead, so that nothing after it is needed."""
    return "queue" in then or any("queue" in rung for rung in then.get("else", ()))


def _template(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _free(wanted: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number = 1
    name = wanted
    while name in names or name in (DEFAULT, UNCERTAIN):
        number += 1
        name = f"{wanted}-{number}"
    return name
