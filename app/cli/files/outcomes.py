"""Who got how many: what became of the lines of a file, counted as they are told."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import orjson

from app.cli.fault_lines import named, not_done
from app.dispatch.jobs.base import Answer
from app.errors import Problem

FAILED = "failed"
COLUMNS = (
    "line",
    "outcome",
    "owner",
    "team",
    "step",
    "code",
    "queue",
    "path",
    "block",
    "known",
    "replayed",
    "flags",
)
"""What a file of outcomes holds of each line."""


@dataclass(slots=True)
class OutcomeCounts:
    """The counts so far. `problems` are the lines that were not decided; `flags` the lines of which intake
    could not read something, such as a country, by what that was.
    """

    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    teams: Counter[str] = field(default_factory=Counter)
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    known: int = 0
    replayed: int = 0
    flags: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    problems: list[tuple[int, Problem]] = field(default_factory=list)

    @property
    def decided(self) -> int:
        """Lines that have a decision."""
        return self.steps.total()

    def add(self, line: int, told: Answer | Problem) -> dict[str, Any]:
        """Count one line; what is to be told of it."""
        if isinstance(told, Problem):
            self.problems.append((line, told))
            return {"line": line, "outcome": FAILED, "code": code_of(told)}
        row = _row(line, orjson.loads(told.body))
        team = row["team"] or ""
        self.places[row["owner"] or _nobody(row), team] += 1
        self.teams[team] += 1
        self.steps[row["step"] or "", row["outcome"], row["code"]] += 1
        self.known += row["known"]
        self.replayed += row["replayed"]
        for flag in row["flags"]:
            self.flags[flag].append(line)
        return row

    def lines(self) -> Iterator[str]:
        """The tables, then the lines that were not decided."""
        all_ = self.decided
        known, replayed = f"{self.known:,} of them known persons", f"{self.replayed:,} decided before"
        yield f"leads: {all_:,} decided, {known}, {replayed}"
        if all_:
            yield ""
            yield from self._by_owner(all_)
            yield ""
            yield from self._by_step(all_)
        if self.flags:
            yield ""
            yield from (f"flag {flag} in {named(lines)}" for flag, lines in sorted(self.flags.items()))
        if self.problems:
            yield ""
            yield from not_done(self.problems, "decided")

    def _by_owner(self, all_: int) -> Iterator[str]:
        rows = [
            (owner, team, f"{count:,}", _share(count, all_), _share(count, self.teams[team]) if team else "")
            for (owner, team), count in sorted(self.places.items(), key=lambda each: (each[0][1], each[0][0]))
        ]
        yield from aligned(("owner", "team", "leads", "of all", "of the team"), rows)

    def _by_step(self, all_: int) -> Iterator[str]:
        rows = [
            (step, outcome, code, f"{count:,}", _share(count, all_))
            for (step, outcome, code), count in sorted(self.steps.items(), key=lambda each: -each[1])
        ]
        yield from aligned(("step", "outcome", "code", "leads", "of all"), rows)


def code_of(problem: Problem) -> str:
    """The code of a problem, or of its first fault."""
    return problem.faults[0].code if problem.faults else problem.code


def _row(line: int, body: Mapping[str, Any]) -> dict[str, Any]:
    code, known, owner = body["reason"]["code"], body["existing_lead"], body["owner"]
    steps = body["trace"]["steps"]
    kept = known is not None and code == known["kind"]
    return {
        "line": line,
        "outcome": body["outcome"],
        "owner": owner["id"] if owner else None,
        **{name: body[name] for name in ("team", "queue", "path", "block")},
        "step": steps[0 if kept else -1]["step"] if steps else None,
        "code": code,
        "known": known is not None,
        "replayed": body["replayed"],
        "flags": body["normalized"]["flags"],
    }


def _nobody(row: Mapping[str, Any]) -> str:
    """Where a lead went that has no owner."""
    return next((f"({name} {row[name]})" for name in ("queue", "path", "block") if row[name]), "(nobody)")


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in plain text: words to the left, figures to the right."""
    table = [header, *rows]
    widths = [max(len(row[at]) for row in table) for at in range(len(header))]
    figures = {at for at in range(len(header)) if any(row[at][:1].isdigit() for row in table[1:])}
    for row in table:
        cells = (
            cell.rjust(width) if at in figures else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


class OutcomeFile:
    """A table of what became of each line, written as it is told."""

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.DictWriter(file, COLUMNS, restval="")
        self._rows.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        """One line's row; nothing where there is nothing."""
        told = {name: _cell(value) for name, value in row.items()}
        self._rows.writerow(told)


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ";".join(value)
        case _:
            return value
