"""Findings about a plan, and the closed list of their codes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from app.plan.language.durations import format_distance

Severity = Literal["error", "warning"]

MAX_FINDINGS = 100
"""At most this many findings are returned at once."""

CODES: dict[str, str] = {
    # the text
    "not_utf8": "The text is not UTF-8.",
    "too_large": "The text is longer than 4 MiB.",
    "too_deep": "Lists and mappings are nested more than 32 levels deep.",
    "invalid_syntax": "The text is neither YAML nor JSON.",
    "duplicate_key": "A mapping has the same key twice.",
    "yaml_alias": "The text uses an anchor, alias or tag of YAML.",
    "invalid_text": "A string contains a NUL character or half of a surrogate pair.",
    # the shape
    "required": "A required field is missing.",
    "unknown_field": "No field has this name.",
    "misplaced_field": "The field exists, but it has no effect in this place.",
    "exactly_one": "Exactly one of several fields must be set.",
    "wrong_type": "The value has the wrong type.",
    "not_allowed": "The value is not one of those allowed.",
    "out_of_range": "The number is too small, too large, or not finite.",
    "too_short": "The string is too short.",
    "too_long": "The string is too long.",
    "too_few_items": "The list or mapping has too few items.",
    "too_many_items": "The list or mapping has too many items.",
    "invalid_format": "The string does not have the required form.",
    "invalid_name": "The name of a field or the word it may have is not well formed.",
    "invalid_duration": "A duration is not written as 30s, 15m, 4h, 90d or 2w, or it is out of range.",
    "invalid_timestamp": "A timestamp is neither ISO 8601 nor relative to now.",
    "unknown_country": "A country is neither an ISO 3166 code nor the name of a country.",
    "unknown_language": "A language is neither a tag nor the name of a language.",
    "unknown_state": "No state of the known countries has this name.",
    "unknown_flag": "Intake sets no such flag.",
    "unknown_strategy": "No strategy has this name.",
    "unknown_provider": "No provider of enrichment has this name.",
    "plugin_config_error": "A plug-in strategy failed to read the settings of its step.",
    "duplicate_name": "Two steps have the same name, or two products have names that differ only in case.",
    # fields and scores of the plan
    "reserved_name": "The name is reserved.",
    "cyclic_field": "A derived field depends on itself.",
    "duplicate_value": "A value is listed twice.",
    "unknown_score": "A step uses a score that the plan does not declare.",
    "used_before_defined": "A condition uses a band or points before any step sets them.",
    # conditions
    "empty_condition": "A condition tests nothing.",
    "unknown_operator": "No operator has this name.",
    "wrong_operator": "The operator does not fit the type of the field.",
    "invalid_operand": "The value does not fit the field or the operator.",
    "wrong_matcher": "The column cannot be compared this way.",
    "invalid_pattern": "The regular expression does not compile.",
    "contradiction": "The parts of the condition exclude each other, so it is never true.",
    # follow-up
    "invalid_template": "A template has an unmatched brace.",
    "unknown_placeholder": "A template uses a value that does not exist.",
    # the plan and the directory
    "unknown_owner": "The owner is not in the directory.",
    "unknown_team": "The team is not in the directory.",
    "unknown_calendar": "The calendar is not in the directory.",
    "unknown_parent": "The parent account is not in the directory.",
    "unknown_successor": "The account that stands for this one is not in the directory.",
    "parent_cycle": "The account is its own ancestor.",
    "shared_domain": "Another account has the same domain.",
    "night_shift_cut": "A later rule of the opening hours ends a night shift at midnight.",
    "school_holidays": "The opening hours mention school holidays, which are not known.",
    "free_email_domain": "The domain is a free e-mail provider's. It only finds accounts of tier `named`.",
    "unknown_table": "The table is not in the directory.",
    "unknown_column": "The table has no column of this name.",
    "missing_column": "The rule does not compare a column of the table.",
    "invalid_cell": "The cell cannot be compared as the rule says, so its row matches no lead.",
    "duplicate_row": "Two rows of the table match the same leads and have the same target.",
    "conflicting_rows": "Two rows of the table match the same leads for different targets. The first wins.",
    "overlap": "Two rows of the table match some of the same leads. The narrower one wins.",
    "unknown_queue": "The plan does not declare this queue.",
    "queue_cycle": "Leads that wait too long in the queue come back to it.",
    "unknown_path": "The plan does not declare this path.",
    "unknown_sequence": "The plan does not declare this sequence.",
    "unknown_campaign": "The plan does not declare this campaign.",
    "undeclared_target": "The plan declares no sequences or campaigns, so the name cannot be checked.",
    "console_off": "The plan sends sign-in links, and the console is off.",
    "no_public_url": "The plan sends sign-in links, and the service does not know its public address.",
    "no_products": "The plan has a product step but declares no products.",
    "shared_team": "Two products have the same team, so a switch between them cannot be detected.",
    "unknown_sla": "The plan does not declare this SLA.",
    "never_due": "The working hours of owners are too few for the deadline to come within two years.",
    "unknown_rule": "The plan has no rule of this name.",
    "unknown_step": "The plan has no step of this name.",
    "inactive_owner": "The owner is not active, so the target passes every lead on.",
    "empty_team": "The team has no members.",
    "zero_weights": "Every member of the team has weight 0.",
    "inactive_team": "No member of the team with a weight is active.",
    "unowned_path": "Nobody is accountable for the path.",
    "unreachable": "Earlier steps take every lead that could reach this step.",
    "shadowed": "Earlier steps match every lead of this step. It is reached only when nobody there is free.",
    "value_taken": "An earlier rule with another target matches every lead with this value.",
    "branch_taken": "Earlier steps, or earlier branches, match every lead of this branch of an `any`.",
    "unseen_attribute": "No lead had the custom attribute in 90 days, but some had one that is a typo away.",
    "queue_dropped": "Leads wait in a queue that the plan does not declare. Every owner can claim there.",
    "idle_leads": "Some leads have been idle for so long that the plan closes them soon.",
    "too_costly": "Checking the plan, or deciding a lead with it, takes more than is allowed.",
    "no_catch_all": "The pipeline can end without a decision.",
    "test_failed": "A test of the plan expects another decision.",
}
"""Every code of a finding, with its meaning. Request errors use the same code for the same fault."""

CANNOT_SETTLE = frozenset({"no_catch_all"})
"""Faults that could leave a lead without a decision. They never become warnings."""

_SHOWABLE = re.compile(r"[\w][\w .:+&/()',#-]{0,63}")
MAX_SHOWN_VALUE = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: the path (`pipeline[3].rule.when`), the code, and a sentence for the author.

    `rule` is the name of the step it is about, `value` the value of the plan that is at fault, and `line` the
    line of the text, from 1. Each of them is None when there is none.
    """

    path: str
    code: str
    text: str
    severity: Severity = "error"
    rule: str | None = None
    value: str | None = None
    line: int | None = None

    def under(self, prefix: str) -> "Finding":
        """The same finding with `prefix` before its path."""
        return replace(self, path=join(prefix, self.path))


class Faults(ValueError):
    """Findings as an exception. Their paths are relative to the value that was validated."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.text for finding in findings))
        self.findings = findings


def fault(code: str, text: str, path: str = "") -> Faults:
    """One error, ready to raise."""
    return Faults(Finding(path, code, text))


def join(prefix: str, rest: str) -> str:
    """Join two paths: `a` and `b` are `a.b`, `a` and `[0]` are `a[0]`."""
    if not prefix or not rest:
        return prefix or rest
    return prefix + rest if rest.startswith("[") else f"{prefix}.{rest}"


def path_of(location: Iterable[str | int]) -> str:
    """A location as a path: `("pipeline", 3, "rule")` is `pipeline[3].rule`."""
    path = ""
    for step in location:
        path = join(path, f"[{step}]" if isinstance(step, int) else quote(step))
    return path


def quote(name: object) -> str:
    """A name as a finding shows it. Long or unusual names become an ellipsis."""
    return name if isinstance(name, str) and _SHOWABLE.fullmatch(name) else "…"


def show(value: object) -> str:
    """A value of the plan as a finding shows it: on one line, and cut when it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(show, value[:3])) + (", …" if len(value) > 3 else "")
    text = format_distance(value) if isinstance(value, timedelta) else str(value)
    plain = "".join(each if each.isprintable() else " " for each in text)
    return plain if len(plain) <= MAX_SHOWN_VALUE else plain[:MAX_SHOWN_VALUE] + "…"


def settles(findings: Iterable[Finding]) -> bool:
    """Whether the plan can be published."""
    return all(finding.severity != "error" for finding in findings)


def most_severe(findings: Iterable[Finding]) -> list[Finding]:
    """At most MAX_FINDINGS of the findings, in their order. Errors are kept before warnings.

    With enough errors the rest is not asked for.
    """
    errors: list[tuple[int, Finding]] = []
    others: list[tuple[int, Finding]] = []
    for at, finding in enumerate(findings):
        into = errors if finding.severity == "error" else others
        if len(into) < MAX_FINDINGS:
            into.append((at, finding))
        if len(errors) == MAX_FINDINGS:
            break
    kept = (*errors, *others)[:MAX_FINDINGS]
    return [finding for _, finding in sorted(kept, key=lambda each: each[0])]


def softened(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of a version that was active before: errors become warnings, with few exceptions."""
    return [
        finding if finding.code in CANNOT_SETTLE else replace(finding, severity="warning")
        for finding in findings
    ]
