"""What is wrong with a line of a file, in a sentence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.api.problems import problem_document
from app.problems import IdempotencyMismatch, Problem

MOST_SHOWN = 100


def sentence(line: int, problem: Problem) -> str:
    """The sentence of one line."""
    if isinstance(problem, IdempotencyMismatch):
        return f"line {line}: was done before with other values"
    return sentence_of(line, problem_document(problem))


def not_done(problems: Iterable[tuple[int, Problem]], what: str) -> Iterator[str]:
    """What is wrong with these lines, the first of them by line; nothing when nothing is."""
    found = sorted(problems, key=lambda each: each[0])
    if found:
        yield f"{len(found):,} not {what}:"
        yield from (f"  {sentence(line, problem)}" for line, problem in found[:MOST_SHOWN])
    if len(found) > MOST_SHOWN:
        yield f"  and {len(found) - MOST_SHOWN:,} more"


def sentence_of(line: int, problem: Mapping[str, Any]) -> str:
    """The same of problem details."""
    faults: Sequence[Mapping[str, Any]] = problem.get("errors") or [
        {"path": "", "detail": problem.get("detail") or problem["title"]}
    ]
    return f"line {line}: " + "; ".join(f"{fault['path']} {fault['detail']}".strip() for fault in faults)
