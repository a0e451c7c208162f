"""`rule`: leads that meet the condition go to the rule's target, or to the target of a table row."""

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
    """A rule with its targets in a table, and the queues and paths that rows may name."""

    config: RuleConfig
    table: str
    queues: frozenset[str]
    paths: frozenset[str]

    def verdict(self, values: Mapping[str, Any], facts: Facts) -> Verdict:
        """The target of the matching row, then its `else` targets."""
        match = facts.tables.find(str(self.config.name), self.table, values)
        if match.revision is None:
            return Verdict("no_table", row=match)
        if match.target is None:
            return Verdict("no_matching_row", row=match)
        target = self.config.target_of(match.target)
        targets = ladder(self._declared((target, *target.otherwise)))
        return Verdict("rule" if targets else "undeclared_target", targets, row=match)

    def _declared(self, targets: tuple[Target, ...]) -> Iterator[Target]:
        """Tables change without a new plan, so check that the plan declares the queue or path."""
        for target in targets:
            known = {"queue": self.queues, "path": self.paths}.get(target.kind)
            if known is None or target.name in known:
                yield target


class RuleStrategy:
    """A condition and a target, or a table of targets. The condition is checked before."""

    name = "rule"
    Config = RuleConfig

    def compile(self, config: RuleConfig, document: PlanDocument) -> Verdict | ByTable:
        """The rule's target and its `else` targets, or the table to look in."""
        if config.table is None:
            return Verdict("rule", ladder(config.targets()))
        return ByTable(config, config.table, frozenset(document.queues), frozenset(document.paths))

    def decide(self, values: Mapping[str, Any], facts: Facts, config: Verdict | ByTable) -> Verdict:
        """The same verdict for every lead, or that of the table row."""
        return config if isinstance(config, Verdict) else config.verdict(values, facts)
