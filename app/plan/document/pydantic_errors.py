"""Turns what pydantic refuses into findings: a path, a code and a sentence that tells what to do."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.plan.findings import MAX_FINDINGS, Faults, Finding, join, path_of

MESSAGES = {
    "extra_forbidden": ("unknown_field", "Remove this key or mend its spelling: it means nothing here."),
    "missing": ("required", "Add this key: it must be here."),
    "literal_error": ("not_allowed", "Write one of {expected}."),
    "greater_than_equal": ("out_of_range", "Write a number of at least {ge}."),
    "less_than_equal": ("out_of_range", "Write a number of at most {le}."),
    "string_too_short": ("too_short", "Write a text that is not empty."),
    "string_too_long": ("too_long", "Write a text of at most {max_length} characters."),
    "string_pattern_mismatch": ("invalid_format", "Write a text without control characters."),
    "too_short": ("too_few_items", "Write at least {min_length} here."),
    "too_long": ("too_many_items", "Write at most {max_length} here."),
    "string_type": ("wrong_type", "Write a text here; put numbers in quotes."),
    "int_type": ("wrong_type", "Write a whole number here."),
    "int_from_float": ("wrong_type", "Write a whole number here."),
    "bool_type": ("wrong_type", "Write true or false here."),
    "tuple_type": ("wrong_type", "Write a list here."),
    "dict_type": ("wrong_type", "Write a mapping here."),
    "model_type": ("wrong_type", "Write a mapping here."),
}


def findings_of(refused: ValidationError, prefix: str = "") -> list[Finding]:
    """Every fault pydantic told, with paths continued from `prefix`."""
    findings: list[Finding] = []
    errors = refused.errors(include_url=False, include_input=False)
    for error in errors:
        if error["type"] == "too_short" and _has_faulty_parts(error, errors):
            continue
        path = join(prefix, path_of(part for part in error["loc"] if part != "[key]"))
        findings.extend(_findings(error, path))
        if len(findings) >= MAX_FINDINGS:
            break
    return findings[:MAX_FINDINGS]


def _has_faulty_parts(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is too short only because pydantic does not count the parts it refused."""
    place = error["loc"]
    return any(len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in errors)


def _findings(error: ErrorDetails, path: str) -> list[Finding]:
    context = error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Faults):
        return [finding.under(path) for finding in cause.findings]
    code, words = MESSAGES.get(
        error["type"], ("wrong_type", "Write this as the reference of the plan shows it.")
    )
    return [Finding(path, code, words.format_map(context))]
