"""Decides leads of Salesforce with an imported plan, through the engine."""

import csv
import io
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.engine.compile.plan import Plan, compile_plan
from app.engine.lookup.tables import Tables
from app.engine.model.decision import DecisionRequest
from app.engine.model.records import directory_from
from app.engine.model.state import Facts, State
from app.engine.pipeline.decide import decide
from app.intake.arrival import normalize, with_declared
from app.plan.document.plan import PlanDocument
from app.plan.reader.read import read_plan
from app.registry import strategies
from app.salesforce.fields import FieldMap
from app.salesforce.imported import ImportedPlan, Options, import_rules
from tests.salesforce.semantics import KEEP, Assignee, Lead
from tests.support.decisions import NOW

FILE = (Path(__file__).parent / "files" / "Lead.assignmentRules-meta.xml").read_text(encoding="utf-8")
DEFAULT_OWNER = "default.owner@tern.example"
OURS = {
    "Country": "country", "State": "state", "PostalCode": "postal_code", "LeadSource": "source",
    "Company": "company", "Industry": "industry", "NumberOfEmployees": "employees",
    "AnnualRevenue": "annual_revenue", "Email": "email", "LastName": "last_name", "Title": "title",
}  # fmt: skip


def imported(xml: str, types: Mapping[str, str] | None = None, **options: Any) -> ImportedPlan:
    """The import of a file. `types` are those of an object file."""
    fields = FieldMap(types={name.casefold(): kind.casefold() for name, kind in (types or {}).items()})
    return import_rules(xml.encode(), fields, Options(**{"default_owner": DEFAULT_OWNER, **options}))


def document_of(plan: ImportedPlan) -> PlanDocument:
    """The plan as it would be published."""
    return parsed(plan.files["plan.yaml"])


def parsed(source: str | Mapping[str, Any]) -> PlanDocument:
    """A plan that must be valid."""
    document = read_plan(source)
    assert isinstance(document, PlanDocument), document
    return document


class Decider:
    """Decides leads with an imported plan and its owners."""

    def __init__(self, plan: ImportedPlan) -> None:
        document = document_of(plan)
        self._plan = compile_plan(document, 1, strategies())
        rows = list(csv.DictReader(io.StringIO(plan.files["owners.csv"])))
        self._users = {row["id"]: row["crm.salesforce"] for row in rows}
        self._queues = {name: queue.crm.get("salesforce", name) for name, queue in document.queues.items()}
        owners = [("owners", row["id"], {"crm": {"salesforce": row["crm.salesforce"]}}) for row in rows]
        self._facts = Facts(NOW, directory_from(1, owners), State())
        self.keeping = {
            step.name
            for step in document.pipeline
            for target in step.config.targets()
            if target.kind == "current_owner"
        }

    def with_plan(self, plan: Plan, tables: Tables) -> "Decider":
        """The same owners and queues, with another plan."""
        other = copy(self)
        other._plan, other._facts = plan, replace(self._facts, tables=tables)
        return other

    def assignee(self, lead: Lead, more: Mapping[str, Any] | None = None) -> Assignee:
        """Who gets the lead. `more` are further attributes that the caller sends."""
        sent: dict[str, Any] = {"attributes": dict(more or {})}
        for name, value in lead.items():
            (sent if name in OURS else sent["attributes"])[OURS.get(name, name)] = value
        values = {**with_declared(normalize(sent), self._plan.declared).values, "trigger": "form"}
        decision = decide(DecisionRequest("assign", "a", "l", values), self._plan, self._facts)
        if decision.step in self.keeping:
            return KEEP
        if decision.owner is not None:
            return "user", self._users[decision.owner.id]
        return "queue", self._queues[str(decision.queue)]
