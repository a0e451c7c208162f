"""Faults in a request as problem details (RFC 9457): the place and the reason, never the submitted value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from app.errors import Fault, Path, Problem, ValidationFailed
from app.plan.language.spelling import closest, keys_at

MAX_ERRORS = 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_OF_TYPES = re.compile(r"\[key\]|constrained-[a-z]+|(?:list|dict|function-[a-z]+)\[.*\]")
HIDDEN = "…"
"""Stands for a name that the caller made up."""

# pydantic's error type -> our code and message. The {braces} are filled with limits, never with input.
MESSAGES = {
    "missing": ("required", "is required"),
    "extra_forbidden": ("unknown_field", "is not a known field"),
    "string_type": ("wrong_type", "must be a string"),
    "bool_type": ("wrong_type", "must be true or false"),
    "int_type": ("wrong_type", "must be an integer"),
    "int_from_float": ("wrong_type", "must be an integer"),
    "int_parsing": ("wrong_type", "must be an integer"),
    "int_parsing_size": ("out_of_range", "is too large"),
    "float_type": ("wrong_type", "must be a number"),
    "float_parsing": ("wrong_type", "must be a number"),
    "list_type": ("wrong_type", "must be a list"),
    "dict_type": ("wrong_type", "must be an object"),
    "model_type": ("wrong_type", "must be an object"),
    "model_attributes_type": ("wrong_type", "must be an object"),
    "finite_number": ("out_of_range", "must be a finite number"),
    "literal_error": ("not_allowed", "must be one of {expected}"),
    "enum": ("not_allowed", "must be one of {expected}"),
    "string_pattern_mismatch": ("invalid_format", "does not have the required format"),
    "string_too_long": ("too_long", "must be at most {max_length} characters"),
    "string_too_short": ("too_short", "must be at least {min_length} characters"),
    "too_long": ("too_many_items", "must have at most {max_length} items"),
    "too_short": ("too_few_items", "must have at least {min_length} items"),
    "greater_than_equal": ("out_of_range", "must be at least {ge}"),
    "less_than_equal": ("out_of_range", "must be at most {le}"),
    "greater_than": ("out_of_range", "must be more than {gt}"),
    "less_than": ("out_of_range", "must be less than {lt}"),
    "uuid_parsing": ("invalid_format", "must be a UUID"),
    "uuid_type": ("wrong_type", "must be a UUID"),
}


_OURS = "ours:"


def invalid(code: str, message: str, field: str | None = None) -> PydanticCustomError:
    """The error that our own validators raise. Its code and message reach the caller unchanged.

    A validator of several fields says which `field` is at fault.
    """
    return PydanticCustomError(_OURS + code, message, {"field": field} if field is not None else None)


def validation_failed(
    refused: ValidationError, root: Path = (), model: type[BaseModel] | None = None
) -> ValidationFailed:
    """pydantic's error as ours. `root` is the path of the validated value in the body.

    If `model` is given, the fault of an unknown field names the known one that was probably meant. No more
    faults are made than are listed: there can be thousands.
    """
    errors = _told_once(refused.errors(include_input=False, include_url=False))
    problem = ValidationFailed(faults=[fault_of(error, root, model) for error in errors[:MAX_ERRORS]])
    problem.faults_total = len(errors)
    return problem


def fault_of(error: Mapping[str, Any], root: Path, model: type[BaseModel] | None = None) -> Fault:
    """One of pydantic's errors as a fault."""
    path = (*root, *(part if isinstance(part, int) else str(part) for part in _place_of(error)))
    kind = error["type"]
    if kind.startswith(_OURS):
        field = error.get("ctx", {}).get("field")
        path = (*path, field) if field is not None else path
        return Fault(path, kind.removeprefix(_OURS), error["msg"])
    # An unknown message of pydantic's could repeat the input.
    code, message = MESSAGES.get(kind, ("invalid", "is not valid"))
    if error.get("ctx", {}).get("min_length") == 1:
        message = "must not be empty"
    if code == "unknown_field" and model is not None:
        meant = closest(error["loc"][-1], keys_at(model, error["loc"][:-1]))
        message += f"; did you mean {meant}?" if meant is not None else ""
    return Fault(path, code, message.format_map(error.get("ctx", {})))


def _place_of(error: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where an error is, without the words that pydantic adds for its own types."""
    return tuple(part for part in error["loc"] if not (isinstance(part, str) and _OF_TYPES.fullmatch(part)))


def _told_once(errors: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The errors, of a value that fits none of several types only the one of the first type."""
    found: list[Mapping[str, Any]] = []
    before: tuple[str | int, ...] | None = None
    for error in errors:
        place = _place_of(error)
        if len(place) == len(error["loc"]) or place != before:
            found.append(error)
        before = place
    return found


def problem_document(problem: Problem) -> dict[str, Any]:
    """A problem of one item of a batch. The response as a whole carries the request id."""
    return document_of(problem, {}, [entry_of(fault) for fault in problem.faults[:MAX_ERRORS]])


def document_of(
    problem: Problem, ids: Mapping[str, str], errors: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The problem as a JSON object. `ids` are what the request is known by."""
    document: dict[str, Any] = {
        "type": f"urn:lead-assignment:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    }
    if problem.detail:
        document["detail"] = problem.detail
    document |= {**ids, **problem.members}
    if problem.faults:
        document["errors"] = errors
        document["errors_total"] = problem.faults_total
    return document


def entry_of(fault: Fault) -> dict[str, str]:
    """One fault as an entry of `errors`."""
    parts = [part if isinstance(part, int) or _NAME.fullmatch(part) else HIDDEN for part in fault.path]
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    pointer = "".join(f"/{part}" for part in parts)
    where = {"pointer": f"#{pointer}"} if fault.place == "body" else {"in": fault.place}
    return {"path": dotted.removeprefix("."), **where, "code": fault.code, "detail": fault.detail}
