"""Counts and reports the outcomes of the lines of a file."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import orjson

from app.cli.fault_lines import line_numbers, not_done, sentence
from app.cli.files.leads import LeadLine, LineFault
from app.dispatch.jobs.base import Reply
from app.errors import Problem

FAILED = "failed"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
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
    "existing",
    "replayed",
    "flags",
    "lead_id",
    "assignment_id",
    "email",
    "reason",
    "actions",
    "decided_at",
)
"""The columns of the report file."""


@dataclass(slots=True)
class OutcomeCounts:
    """The counts so far. `problems` are the lines without a decision. `flags` are the lines by intake flag,
    such as `country_unknown`. `existing` counts returning leads. `notes` say how the file was read.
    """

    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    teams: Counter[str] = field(default_factory=Counter)
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    existing: int = 0
    replayed: int = 0
    flags: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def decided(self) -> int:
        """The number of lines with a decision."""
        return self.steps.total()

    def add_fault(self, fault: LineFault) -> dict[str, Any]:
        """Count a line that was not decided, and return its row for the report file."""
        self.problems.append((fault.line, fault.problem))
        return {
            "line": fault.line,
            "outcome": FAILED,
            "code": code_of(fault.problem),
            "email": fault.email,
            "reason": sentence(fault.problem),
        }

    def add(self, line: LeadLine, outcome: Reply | Problem) -> dict[str, Any]:
        """Count one line, and return its row for the report file."""
        email = str(line.arrival.values.get("email", ""))
        if isinstance(outcome, Problem):
            return self.add_fault(LineFault(line.line, outcome, email))
        row = _row(line.line, orjson.loads(outcome.body)) | {"email": email}
        team = row["team"] or ""
        self.places[row["owner"] or _unowned(row), team] += 1
        self.teams[team] += 1
        self.steps[row["step"] or "", row["outcome"], row["code"]] += 1
        self.existing += row["existing"]
        self.replayed += row["replayed"]
        for flag in row["flags"]:
            self.flags[flag].append(line.line)
        return row

    def lines(self) -> Iterator[str]:
        """The tables, then the lines without a decision."""
        all_ = self.decided
        yield f"leads: {all_:,} decided, {self.existing:,} existing leads, {self.replayed:,} decided before"
        if all_:
            yield ""
            yield from self._by_owner(all_)
            yield ""
            yield from self._by_step(all_)
        if self.flags:
            yield ""
            yield from (f"flag {flag} in {line_numbers(lines)}" for flag, lines in sorted(self.flags.items()))
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
    code, existing, owner = body["reason"]["code"], body["existing_lead"], body["owner"]
    steps = body["trace"]["steps"]
    kept = existing is not None and code == existing["kind"]
    return {
        "line": line,
        "outcome": body["outcome"],
        "owner": owner["id"] if owner else None,
        **{name: body[name] for name in ("team", "queue", "path", "block")},
        "step": steps[0 if kept else -1]["step"] if steps else None,
        "code": code,
        "existing": existing is not None,
        "replayed": body["replayed"],
        "flags": body["normalized"]["flags"],
        **{name: body[name] for name in ("lead_id", "assignment_id", "decided_at")},
        "reason": body["reason"]["text"],
        "actions": orjson.dumps(body["actions"]).decode() if body["actions"] else None,
    }


def _unowned(row: Mapping[str, Any]) -> str:
    """Where a lead without an owner went."""
    return next((f"({name} {row[name]})" for name in ("queue", "path", "block") if row[name]), "(no owner)")


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in plain text: text left-aligned, numbers right-aligned."""
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
    """A CSV file with the outcome of each line. Actions are a list in JSON.

    Text that a spreadsheet would take for a formula gets an apostrophe.
    """

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.DictWriter(file, COLUMNS, restval="")
        self._rows.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        """Write the row of one line."""
        self._rows.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ";".join(value)
        case str() if value.startswith(_FORMULA_STARTS):
            return f"'{value}"
        case _:
            return value
