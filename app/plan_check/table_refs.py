"""The tables that a plan uses."""

from collections.abc import Mapping


def tables_in(plan: Mapping[str, object]) -> set[str]:
    """The names of the tables in the plain data of a plan, valid or not."""
    pipeline = plan.get("pipeline")
    steps = pipeline if isinstance(pipeline, (list, tuple)) else ()
    rules = (step.get("rule") for step in steps if isinstance(step, Mapping))
    named = (rule.get("table") for rule in rules if isinstance(rule, Mapping))
    return {name for name in named if isinstance(name, str)}
