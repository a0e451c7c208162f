"""Reports the faults of a file: each message once, with the lines it applies to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.contract.faults import problem_document
from app.errors import IdempotencyMismatch, Problem

MAX_SHOWN = 100
MAX_LINES = 10
"""The most line numbers that one message lists."""

Message = tuple[int | None, str]
"""The line number, if the fault has one, and the text."""


def sentence(problem: Problem) -> str:
    """The text for a problem of a line."""
    if isinstance(problem, IdempotencyMismatch):
        return "was processed before with different values"
    return sentence_of(problem_document(problem))


def not_done(problems: Iterable[tuple[int, Problem]], what: str) -> Iterator[str]:
    """The problems in the order of their lines, below a line with their count. Nothing without problems."""
    found = [(line, sentence(problem)) for line, problem in sorted(problems, key=lambda each: each[0])]
    if found:
        yield f"{len(found):,} not {what}:"
        yield from by_sentence(found)


def by_sentence(messages: Iterable[Message]) -> Iterator[str]:
    """Each text once, with its lines, because a wrong column is wrong in every line."""
    lines: dict[str, list[int | None]] = defaultdict(list)
    for line, text in messages:
        lines[text].append(line)
    for text, found in list(lines.items())[:MAX_SHOWN]:
        numbers = [line for line in found if line is not None]
        yield f"  {line_numbers(numbers)}: {text}" if numbers else f"  {text}"
    hidden = sum(map(len, list(lines.values())[MAX_SHOWN:]))
    if hidden:
        yield f"  and {hidden:,} more"


def line_numbers(lines: Sequence[int]) -> str:
    """`line 3`, or `lines 3, 5 and 9 more`."""
    shown = ", ".join(map(str, lines[:MAX_LINES]))
    more = f" and {len(lines) - MAX_LINES:,} more" if len(lines) > MAX_LINES else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"


def sentence_of(problem: Mapping[str, Any]) -> str:
    """The text for problem details."""
    faults: Sequence[Mapping[str, Any]] = problem.get("errors") or [
        {"path": "", "detail": problem.get("detail") or problem["title"]}
    ]
    return "; ".join(f"{fault['path']} {fault['detail']}".strip() for fault in faults)
