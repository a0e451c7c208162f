"""What is wrong with a line of a file, in a sentence."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.contract.faults import problem_document
from app.errors import IdempotencyMismatch, Problem

MAX_SHOWN = 100
MAX_LINES = 10
"""Of the lines that one sentence is about, so many are named."""

Told = tuple[int | None, str]
"""The number of a line, if it is about one, and what is wrong with it."""


def sentence(problem: Problem) -> str:
    """What is wrong."""
    if isinstance(problem, IdempotencyMismatch):
        return "was done before with other values"
    return sentence_of(problem_document(problem))


def not_done(problems: Iterable[tuple[int, Problem]], what: str) -> Iterator[str]:
    """What is wrong with these lines, the first of them by line; nothing when nothing is."""
    found = [(line, sentence(problem)) for line, problem in sorted(problems, key=lambda each: each[0])]
    if found:
        yield f"{len(found):,} not {what}:"
        yield from by_sentence(found)


def by_sentence(told: Iterable[Told]) -> Iterator[str]:
    """What is wrong, once each, with the lines it is about: a wrong column is wrong in every line."""
    lines: dict[str, list[int | None]] = defaultdict(list)
    for line, words in told:
        lines[words].append(line)
    for words, about in list(lines.items())[:MAX_SHOWN]:
        numbers = [line for line in about if line is not None]
        yield f"  {named(numbers)}: {words}" if numbers else f"  {words}"
    hidden = sum(map(len, list(lines.values())[MAX_SHOWN:]))
    if hidden:
        yield f"  and {hidden:,} more"


def named(lines: Sequence[int]) -> str:
    """`line 3`, or `lines 3, 5 and 9 more`."""
    shown = ", ".join(map(str, lines[:MAX_LINES]))
    more = f" and {len(lines) - MAX_LINES:,} more" if len(lines) > MAX_LINES else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"


def sentence_of(problem: Mapping[str, Any]) -> str:
    """The same of problem details."""
    faults: Sequence[Mapping[str, Any]] = problem.get("errors") or [
        {"path": "", "detail": problem.get("detail") or problem["title"]}
    ]
    return "; ".join(f"{fault['path']} {fault['detail']}".strip() for fault in faults)
