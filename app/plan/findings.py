"""What reading and checking a plan can say: the closed list of codes, each with its meaning."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["error", "warning"]

MAX_FINDINGS = 100
"""No more findings than this are told at once."""

CODES: dict[str, str] = {
    # the text
    "not_utf8": "The text is not UTF-8.",
    "too_large": "The text is longer than 4 MiB.",
    "too_deep": "Lists and mappings are nested more than 32 deep.",
    "bad_syntax": "The text is neither YAML nor JSON.",
    "duplicate_key": "A key stands twice in one mapping.",
    "yaml_alias": "Anchors, aliases and tags of YAML are not read.",
    "bad_text": "A text holds a NUL or half of a surrogate pair.",
    "bad_number": "A number is not finite or has too many digits.",
    # the shape
    "unknown_key": "This key means nothing here.",
    "missing_key": "A key that must be here is not.",
    "wrong_type": "The value is of another type than the place asks for.",
    "wrong_value": "The value is of the right type but not one of those allowed.",
    "one_target": "A target names exactly one of team, owner, queue, path or block.",
    "team_only": "pick, skills, languages and match ask for a team, off_hours for a team or an owner.",
    "unknown_strategy": "A step is of a kind that does not exist.",
    "plugin_config_error": "A strategy of another package failed over the settings of its step.",
    "bad_duration": "A duration is not of the form 30s, 15m, 4h, 90d or 2w.",
    "bad_instant": "An instant is neither ISO 8601 nor relative to now.",
    "duplicate_name": "Two steps bear the same name, or two products but for case.",
    # fields and scores of the plan's own
    "reserved_name": "A name is taken already by what is there without the plan.",
    "cyclic_field": "A derived field is made from itself.",
    "duplicate_value": "A value stands where it may stand only once.",
    "unknown_score": "A step adds up a score that the plan does not declare.",
    "too_early": "A condition asks a band or points before any step has given them.",
    # conditions
    "empty_condition": "A condition tests nothing.",
    "unknown_field": "No field of this name can be tested or used here.",
    "unknown_operator": "No operator has this name.",
    "wrong_operator": "The operator does not fit the type of the field.",
    "invalid_operand": "The value to compare with does not fit the field or the operator.",
    "unknown_value": "The field is a closed set, and this value is not in it.",
    "wrong_matcher": "A column of a table cannot be compared this way.",
    "bad_pattern": "The regular expression cannot be compiled.",
    "contradiction": "The parts of a condition exclude each other, so it never holds.",
    # follow-up
    "unknown_action": "No action type has this name.",
    "bad_template": "A text holds a brace that opens or closes nothing.",
    "unknown_placeholder": "A template names a value that does not exist.",
    # the plan and the directory
    "unknown_owner": "An owner is named who is not in the directory.",
    "unknown_team": "A team is named that is not in the directory.",
    "unknown_calendar": "An owner names a calendar that is not in the directory.",
    "unknown_parent": "An account names a parent that is not in the directory.",
    "parent_cycle": "An account stands above itself.",
    "shared_domain": "A domain of an account belongs to another account too.",
    "free_email_domain": "A domain where anybody gets an address finds only accounts of the tier `named`.",
    "unknown_table": "A table is named that is not in the directory.",
    "unknown_column": "A column is compared that the table does not have.",
    "missing_column": "The table has a column that the rule does not compare.",
    "invalid_cell": "A cell cannot be compared as the rule asks; its row fits no lead.",
    "duplicate_row": "Two rows of a table are for the same leads; the first one wins.",
    "overlap": "A row is for some of the leads of another one; the narrower one wins.",
    "unknown_queue": "A queue is named that the plan does not declare.",
    "unknown_path": "A path is named that the plan does not declare.",
    "unknown_sequence": "A sequence is named that the plan does not declare.",
    "unknown_campaign": "A campaign is named that the plan does not declare.",
    "undeclared_target": "A sequence or campaign is named, and the plan declares none.",
    "no_products": "A step sends leads to the teams of products, and the plan declares none.",
    "shared_team": "Two products have the same team, so a switch between them cannot be told.",
    "unknown_sla": "An SLA is named that the plan does not declare.",
    "unknown_rule": "A rule is named that the plan does not hold.",
    "unknown_step": "A step is named that the plan does not hold.",
    "inactive_owner": "An owner is named who is not active, so the target passes.",
    "empty_team": "A team is named that has no members.",
    "zero_weights": "A team is named of which every member has weight 0.",
    "inactive_team": "A team is named of which no member with a weight is active.",
    "unowned_path": "A path names nobody who answers for it.",
    "unreachable": "Every lead that could come to this step is settled before it.",
    "no_catch_all": "The pipeline can end without a verdict.",
    "test_failed": "A test of the plan's own gives another decision than it expects.",
}
"""Every code a finding can bear."""

CANNOT_SETTLE = frozenset({"no_catch_all"})
"""Faults with which a lead could stay without a verdict: never softened to warnings."""

_SHOWABLE = re.compile(r"[\w][\w .:+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a plan: where (`pipeline[3].rule.when`), which code, and what to do."""

    path: str
    code: str
    text: str
    severity: Severity = "error"

    def under(self, prefix: str) -> "Finding":
        """The same finding, its path continued from `prefix`."""
        return replace(self, path=join(prefix, self.path))


class Faults(ValueError):
    """Findings raised from inside validation, with paths relative to the place that raised them."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.text for finding in findings))
        self.findings = findings


def fault(code: str, text: str, path: str = "") -> Faults:
    """One error, ready to be raised."""
    return Faults(Finding(path, code, text))


def join(prefix: str, rest: str) -> str:
    """Continues a path: `a` and `b` give `a.b`, `a` and `[0]` give `a[0]`."""
    if not prefix or not rest:
        return prefix or rest
    return prefix + rest if rest.startswith("[") else f"{prefix}.{rest}"


def path_of(location: Iterable[str | int]) -> str:
    """The path of a place: `("pipeline", 3, "rule")` is `pipeline[3].rule`."""
    path = ""
    for step in location:
        path = join(path, f"[{step}]" if isinstance(step, int) else quote(step))
    return path


def quote(name: object) -> str:
    """A name as a finding may repeat it: anything long or strange becomes an ellipsis."""
    return name if isinstance(name, str) and _SHOWABLE.fullmatch(name) else "…"


def settles(findings: Iterable[Finding]) -> bool:
    """Whether no error stands in the way of publishing."""
    return all(finding.severity != "error" for finding in findings)


def softened(findings: Iterable[Finding]) -> list[Finding]:
    """For a version that was active before: errors become warnings unless a lead could stay unsettled."""
    return [
        finding if finding.code in CANNOT_SETTLE else replace(finding, severity="warning")
        for finding in findings
    ]
