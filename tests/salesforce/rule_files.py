"""Writes small rule files."""

from xml.sax.saxutils import escape

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


def criterion(field: str, operation: str, value: str | None = None) -> str:
    """One criterion of an entry."""
    written = f"<value>{escape(value)}</value>" if value is not None else ""
    return f"<criteriaItems><field>{field}</field><operation>{operation}</operation>{written}</criteriaItems>"


def entry(*parts: str, to: str | None = "ana@x.example", logic: str | None = None) -> str:
    """An entry that assigns to a user, or to a queue when the name has no @."""
    kind = "User" if to and "@" in to else "Queue"
    assigned = f"<assignedTo>{to}</assignedTo><assignedToType>{kind}</assignedToType>" if to else ""
    filtered = f"<booleanFilter>{logic}</booleanFilter>" if logic else ""
    return f"<ruleEntry>{assigned}{filtered}{''.join(parts)}</ruleEntry>"


def formula(text: str) -> str:
    """The formula of an entry."""
    return f"<formula>{escape(text)}</formula>"


def rule(*entries: str, name: str = "Rule", active: bool = True) -> str:
    """One rule."""
    active_ = str(active).lower()
    return (
        f"<assignmentRule><fullName>{name}</fullName><active>{active_}</active>"
        f"{''.join(entries)}</assignmentRule>"
    )


def rule_file(*rules: str) -> str:
    """A file with these rules."""
    return f'<?xml version="1.0"?>\n<AssignmentRules xmlns="{NAMESPACE}">{"".join(rules)}</AssignmentRules>'
