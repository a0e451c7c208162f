"""What is wrong with a line of a file, in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.problems import problem_document
from app.problems import IdempotencyMismatch, Problem

MOST_SHOWN = 100


def sentence(line: int, problem: Problem) -> str:
    """The sentence of one line."""
    if isinstance(problem, IdempotencyMismatch):
        return f"line {line}: was done before with other values"
    return sentence_of(line, problem_document(problem))


def sentence_of(line: int, problem: Mapping[str, Any]) -> str:
    """The same of problem details."""
    faults: Sequence[Mapping[str, Any]] = problem.get("errors") or [
        {"path": "", "detail": problem.get("detail") or problem["title"]}
    ]
    return f"line {line}: " + "; ".join(f"{fault['path']} {fault['detail']}".strip() for fault in faults)
