"""Compiles a plan: its conditions, the index of its steps, and its strategies with their settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, runtime_checkable

from app.engine.compile.account_needs import account_steps, match_settings, needs_accounts
from app.engine.compile.costs import StepCosts
from app.engine.compile.junk import compile_junk
from app.engine.compile.life import LifeRules, compile_life
from app.engine.compile.plan_reads import PlanReads, reads_of
from app.engine.compile.plugins import Plugin, PluginStep, plugin_stand_ins, plugin_steps
from app.engine.conditions.condition import Condition, compile_condition
from app.engine.conditions.derived import DerivedFields
from app.engine.conditions.index import ConditionIndex
from app.engine.followup.actions import FollowUp, compile_follow_up
from app.engine.followup.contact import NO_TERMS as NO_CONTACT_TERMS
from app.engine.followup.contact import ContactTerms
from app.engine.followup.slas import Slas
from app.engine.life.queues import QueueTerms, compile_queues
from app.engine.life.rejects import NO_REJECTS, Rejects, compile_rejects
from app.engine.lookup.tables import TableRef
from app.engine.model.accounts import MatchSettings
from app.engine.model.attribution_rules import NO_RULES, AttributionRules, attribution_rules
from app.engine.model.decision import Verdict
from app.engine.model.enrichment_terms import EnrichmentTerms, enrichment_terms
from app.engine.model.junk import FLAG_ONLY, JunkRules
from app.engine.model.lead_keys import KEYS_BY_NAME, MatchRules
from app.engine.model.state import Facts
from app.engine.strategies.account import AccountStep
from app.engine.strategies.product import ProductCatalog
from app.plan.document.accounts import AccountConfig
from app.plan.document.own_fields import ATTRIBUTES
from app.plan.document.plan import PlanDocument
from app.plan.document.same_company import ProbablePersons
from app.plan.document.steps import PlanStep as WrittenStep
from app.plan.document.steps import RuleConfig, StepConfig
from app.plan.findings import Finding
from app.plan.language.fields import Field
from app.plan.reader.read import read_plan

NO_TERMS = QueueTerms()
_JUNK = frozenset(("junk_score", "junk_parts"))


class Strategy(Protocol):
    """A strategy, built in or plugged in.

    `name` is the key of its steps in the pipeline, `Config` the schema of their settings. `decide` is a pure
    function of the lead's values, the facts and the settings. It is called only when the step's `when` holds.
    """

    name: str
    Config: type[StepConfig]

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Any) -> Verdict:
        """The verdict of this step for a lead."""
        ...


@runtime_checkable
class Compilable(Protocol):
    """A strategy that compiles its settings once per plan. `decide` gets what `compile` returns."""

    def compile(self, config: Any, document: PlanDocument) -> object:
        """The compiled settings of a step. `document` is the whole plan."""
        ...


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """One step of the pipeline. `decide` is its strategy with its settings.

    `decide` is None for a plugin: its verdict is among the replies of the request. `cost` is how many
    comparisons it makes at most.
    """

    name: str
    strategy: str
    when: Condition | None
    decide: Callable[[Mapping[str, Any], Facts], Verdict] | None
    cost: int = 1


@dataclass(frozen=True, slots=True)
class SameCompanyTerms:
    """Within which time colleagues get one owner, and whether each lead takes a turn."""

    window: timedelta
    per_lead: bool
    education: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled plan. Version 0 is the empty plan of a workspace that has published none.

    - `derived` is None when the plan has no derived fields, `products` when it has no product step.
    - `wants_accounts` says whether the plan uses accounts, `account_match` how it finds them.
    - `accounts` is its first account step, or one with default settings.
    - `table_refs` are the tables it uses, by rule.
    - `reads` are the fields it reads, `not_news` those in which a change is not news.
    - `life` is what follows from events.
    - `label_steps` are the steps that score, `plugin_steps` those of plugins.
    - `rejects` says what follows when an owner gives a lead back.
    - `declared` are the custom attributes whose type the plan declares.
    - `queues` are the queues it declares.
    - `enrichment` says who is asked for facts that a lead came without; None for nobody.
    - `contact` says when persons are not contacted, whatever an action says.
    - `probable` says whether new leads are compared by name.
    - `same_company` says when colleagues get one owner, if they do.
    - `junk` says what follows from junk; `reads_junk` that conditions or texts use the score or its parts.
    """

    version: int
    steps: Sequence[CompiledStep]
    condition_index: ConditionIndex
    window: timedelta
    duplicate_window: timedelta
    match_rules: MatchRules
    reroute_when: Sequence[Condition]
    follow_up: FollowUp
    slas: Slas
    queues: Mapping[str, QueueTerms]
    keep_owner: Sequence[str]
    accounts: AccountStep
    reads: PlanReads
    not_news: Sequence[str]
    life: LifeRules
    derived: DerivedFields | None = None
    label_steps: Sequence[CompiledStep] = ()
    wants_accounts: bool = False
    account_match: MatchSettings = field(default_factory=MatchSettings)
    products: ProductCatalog | None = None
    table_refs: Mapping[str, TableRef] = field(default_factory=dict)
    plugin_steps: Sequence[PluginStep] = ()
    declared: Sequence[Field] = ()
    rejects: Rejects = NO_REJECTS
    contact: ContactTerms = NO_CONTACT_TERMS
    attribution: AttributionRules = NO_RULES
    junk: JunkRules = FLAG_ONLY
    same_company: SameCompanyTerms | None = None
    probable: ProbablePersons | None = None
    reads_junk: bool = False
    enrichment: EnrichmentTerms | None = None

    @property
    def may_contact(self) -> bool:
        """Whether a decision about a stored lead may contact the person, or tell a plugin of them."""
        return bool(self.plugin_steps) or any(
            each.contacts for each in (self.follow_up, *self.life.on_event.values())
        )

    @property
    def reads_accounts(self) -> bool:
        """Whether a decision looks at accounts, be it only to tell a known company from many strangers."""
        return self.wants_accounts or "domain" in self.junk.velocity

    @property
    def releasing_queues(self) -> Sequence[str]:
        """The queues whose leads go to members on shift by themselves."""
        return [name for name, terms in self.queues.items() if terms.releases]

    def terms_of(self, queue: str) -> QueueTerms:
        """The terms of a queue. One that the plan does not declare has none."""
        return self.queues.get(queue, NO_TERMS)


def _contact_terms(document: PlanDocument) -> ContactTerms:
    quiet = document.quiet_hours.terms if document.quiet_hours is not None else None
    caps = tuple(cap.terms for cap in document.frequency)
    required = frozenset(document.consent.required)
    return ContactTerms(required, quiet, caps) if quiet or caps or required else NO_CONTACT_TERMS


def compile_plan(document: PlanDocument, version: int, strategies: Mapping[str, Strategy]) -> Plan:
    """Compile a checked plan. This takes time, so never do it while a workspace is locked."""
    costs = StepCosts(document)
    steps = [
        _compile_step(step, strategies[step.strategy], document, costs.of(step)) for step in document.pipeline
    ]
    wants_accounts = needs_accounts(document)
    reads = reads_of(document, accounts=wants_accounts)
    queues = {name: each.crm for name, each in document.queues.items()}
    return Plan(
        version=version,
        steps=steps,
        condition_index=ConditionIndex([step.when for step in steps]),
        window=document.returning_leads.window,
        duplicate_window=document.returning_leads.duplicate_window,
        match_rules=MatchRules(
            tuple(KEYS_BY_NAME[name] for name in document.returning_leads.match_by),
            document.returning_leads.external_id_sources,
        ),
        reroute_when=[compile_condition(each.when) for each in document.returning_leads.reroute_when],
        slas=Slas(document),
        follow_up=compile_follow_up(document.follow_up, queues),
        contact=_contact_terms(document),
        life=compile_life(document, queues),
        queues=compile_queues(document.queues),
        derived=DerivedFields(document.fields.derived) if document.fields.derived else None,
        label_steps=[step for step in steps if step.strategy == "score"],
        wants_accounts=wants_accounts,
        account_match=match_settings(document),
        accounts=AccountStep(next(account_steps(document), AccountConfig())),
        reads=reads,
        not_news=document.returning_leads.not_news,
        keep_owner=document.returning_leads.keep_owner,
        products=ProductCatalog(document.products)
        if "product" in {step.strategy for step in steps}
        else None,
        table_refs=table_refs_of(document),
        plugin_steps=tuple(plugin_steps(document, strategies)),
        rejects=compile_rejects(document),
        attribution=attribution_rules(document.attribution),
        junk=compile_junk(document.junk),
        same_company=_same_company(document),
        probable=document.returning_leads.probable,
        reads_junk=_reads_junk(document, reads),
        enrichment=enrichment_terms(document.enrichment),
        declared=tuple(each for each in document.fields.fields if each.name.startswith(ATTRIBUTES)),
    )


def _same_company(document: PlanDocument) -> SameCompanyTerms | None:
    written = document.same_company
    if written is None or not written.window:
        return None
    return SameCompanyTerms(
        written.window, (document.count or written.count) == "per_lead", written.education
    )


def _reads_junk(document: PlanDocument, reads: PlanReads) -> bool:
    """Whether anything may ask for the score. What follows from events is not among the reads."""
    return bool(document.on_event or document.handoffs) or not _JUNK.isdisjoint(reads.fields)


def table_refs_of(document: PlanDocument) -> dict[str, TableRef]:
    """The tables that the rules of a plan use, by the name of the rule."""
    rules = ((step.name, step.config) for step in document.pipeline if isinstance(step.config, RuleConfig))
    return {name: TableRef(rule.table, rule.match_on) for name, rule in rules if rule.table and rule.match_on}


def plan_from(stored: Mapping[str, Any], version: int, strategies: Mapping[str, Strategy]) -> Plan:
    """Compile a stored document.

    Steps of a plugin that is no longer installed, or can no longer read its settings, pass.
    Raises LookupError when the rest can no longer be read.
    """
    gone = plugin_stand_ins(_strategies_in(stored) - strategies.keys())
    plugin_steps = plugin_stand_ins(name for name, each in strategies.items() if isinstance(each, Plugin))
    offered = {**strategies, **gone}
    document = _read(stored, offered)
    if not isinstance(document, PlanDocument) and plugin_steps:
        offered |= plugin_steps
        document = _read(stored, offered)
    if not isinstance(document, PlanDocument):
        raise LookupError(f"plan version {version} can no longer be read: {document[0].text}")
    return compile_plan(document, version, offered)


def _read(stored: Mapping[str, Any], strategies: Mapping[str, Strategy]) -> PlanDocument | list[Finding]:
    return read_plan(stored, {name: each.Config for name, each in strategies.items()}, stored=True)


def _strategies_in(stored: Mapping[str, Any]) -> set[str]:
    """The strategies of all steps of a stored plan."""
    return {strategy for step in stored["pipeline"] for strategy in step}


def empty_plan() -> Plan:
    """The plan of a workspace that has published none: every lead ends in the built-in queue."""
    return compile_plan(PlanDocument.model_construct(pipeline=()), 0, {})


def _compile_step(
    written: WrittenStep, strategy: Strategy, document: PlanDocument, cost: int
) -> CompiledStep:
    when = compile_condition(written.condition) if written.condition is not None else None
    if isinstance(strategy, Plugin):
        return CompiledStep(written.name, written.strategy, when, None, cost)
    settings = (
        strategy.compile(written.config, document) if isinstance(strategy, Compilable) else written.config
    )
    decide = partial(strategy.decide, config=settings)
    return CompiledStep(written.name, written.strategy, when, decide, cost)
