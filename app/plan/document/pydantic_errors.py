"""Errors of pydantic as findings: a path, a code and a sentence."""

from collections.abc import Collection

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.plan.findings import MAX_FINDINGS, Faults, Finding, join, path_of
from app.plan.language.spelling import did_you_mean, keys_at

MESSAGES = {
    "extra_forbidden": ("unknown_field", "Unknown field. Check the spelling, or remove it."),
    "missing": ("required", "This field is required."),
    "literal_error": ("not_allowed", "Must be one of {expected}."),
    "greater_than_equal": ("out_of_range", "Must be at least {ge}."),
    "less_than_equal": ("out_of_range", "Must be at most {le}."),
    "string_too_short": ("too_short", "Must not be empty."),
    "string_too_long": ("too_long", "Must be at most {max_length} characters."),
    "string_pattern_mismatch": ("invalid_format", "Contains a character that is not allowed here."),
    "too_short": ("too_few_items", "Must have at least {min_length} items."),
    "too_long": ("too_many_items", "Must have at most {max_length} items."),
    "string_type": ("wrong_type", "Must be a string. Put numbers in quotes."),
    "int_type": ("wrong_type", "Must be an integer."),
    "int_from_float": ("wrong_type", "Must be an integer."),
    "bool_type": ("wrong_type", "Must be true or false."),
    "tuple_type": ("wrong_type", "Must be a list."),
    "dict_type": ("wrong_type", "Must be a mapping."),
    "model_type": ("wrong_type", "Must be a mapping."),
}


def findings_of(
    refused: ValidationError, prefix: str = "", model: type[BaseModel] | None = None
) -> list[Finding]:
    """The errors of a model as findings, with paths that start with `prefix`."""
    findings: list[Finding] = []
    errors = refused.errors(include_url=False, include_input=False)[: 10 * MAX_FINDINGS]
    for error in errors:
        if error["type"] == "too_short" and _has_faulty_parts(error, errors):
            continue
        path = join(prefix, path_of(part for part in error["loc"] if part != "[key]"))
        keys = keys_at(model, error["loc"][:-1]) if model and error["type"] == "extra_forbidden" else ()
        findings.extend(_findings(error, path, keys))
        if len(findings) >= MAX_FINDINGS:
            break
    return findings[:MAX_FINDINGS]


def _has_faulty_parts(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is too short only because pydantic does not count faulty items."""
    place = error["loc"]
    return any(len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in errors)


def _findings(error: ErrorDetails, path: str, keys: Collection[str]) -> list[Finding]:
    context = error.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Faults):
        return [finding.under(path) for finding in cause.findings]
    if error["type"] == "extra_forbidden":
        meant = did_you_mean(error["loc"][-1], keys)
        return [Finding(path, "unknown_field", f"Unknown field.{meant} Check the spelling, or remove it.")]
    code, words = MESSAGES.get(error["type"], ("wrong_type", "Is not valid. See the reference of the plan."))
    return [Finding(path, code, words.format_map(context))]
