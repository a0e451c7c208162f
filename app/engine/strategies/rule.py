"""`rule`: who fits the condition goes where the rule says, or the row of its table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.model.decision import Verdict
from app.engine.model.state import Facts
from app.engine.selection.ladder import ladder
from app.plan.document.plan import PlanDocument
from app.plan.document.steps import RuleConfig, Target


@dataclass(frozen=True, slots=True)
class ByTable:
    """A rule whose targets stand in a table, and what the rows may name of the plan."""

    config: RuleConfig
    table: str
    queues: frozenset[str]
    paths: frozenset[str]

    def verdict(self, values: Mapping[str, Any], facts: Facts) -> Verdict:
        """The target of the row that fits, then its ladder."""
        found = facts.tables.find(str(self.config.name), self.table, values)
        if found.revision is None:
            return Verdict("no_table", found=found)
        if found.target is None:
            return Verdict("no_matching_row", found=found)
        target = self.config.target_of(found.target)
        there = ladder(self._declared((target, *target.otherwise)))
        return Verdict("rule" if there else "undeclared_target", there, found=found)

    def _declared(self, targets: tuple[Target, ...]) -> Iterator[Target]:
        """Tables change from day to day, and no lead may end where nobody looks for it."""
        for target in targets:
            known = {"queue": self.queues, "path": self.paths}.get(target.kind)
            if known is None or target.name in known:
                yield target


class RuleStrategy:
    """A condition and a target, or a table of targets. The condition has held when this is asked."""

    name = "rule"
    Config = RuleConfig

    def ready(self, config: RuleConfig, document: PlanDocument) -> Verdict | ByTable:
        """The rule's target, then its ladder; or the table to look in."""
        if config.table is None:
            return Verdict("rule", ladder(config.targets()))
        return ByTable(config, config.table, frozenset(document.queues), frozenset(document.paths))

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Verdict | ByTable) -> Verdict:
        """The same for every lead, or what the table says."""
        return config if isinstance(config, Verdict) else config.verdict(values, facts)
