"""Where in the text of a plan a finding is: the line, the rule and the value."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import yaml

from app.plan.findings import Finding, join, quote, show
from app.plan.reader.text import MAX_DEPTH, line_of

_RULE = re.compile(r"pipeline\[\d+\]\.[^.\[]+")
_KEYS = frozenset(("unknown_field", "unknown_operator", "unknown_strategy"))
"""Codes of findings about a key. The key is at fault, not its value."""
_STEP = re.compile(r"\.[^.\[]+|\[\d+\]")
_SAMPLES = re.compile(r"tests(?:$|\[\d+\](?!\.expect\b))")
"""Paths of what a plan test is given. It may be data of a real person, so findings never show it."""


def located(findings: Iterable[Finding], text: str | bytes) -> list[Finding]:
    """The findings with the line, the rule and the value of each, as far as the text has them.

    Values of the samples in plan tests are left out. The sentences begin with what they do not mention
    themselves.
    """
    every = list(findings)
    places = _places(every, text) if every else _Places()
    return [_with_place(_found(each, places)) for each in every]


@dataclass(slots=True)
class _Places:
    """Lines, from 1, and values by path."""

    lines: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


def _found(finding: Finding, places: _Places) -> Finding:
    line = finding.line
    if line is None:
        line = next((places.lines[path] for path in _upward(finding.path) if path in places.lines), None)
    rule = finding.rule
    within = _RULE.match(finding.path)
    if rule is None and within is not None:
        rule = places.values.get(f"{within[0]}.name")
    value = finding.value
    if _SAMPLES.match(finding.path) is not None:
        return replace(finding, line=line, value=None)
    if value is None and finding.code in _KEYS:
        value = finding.path.rpartition(".")[2]
    if value is None:
        value = places.values.get(finding.path)
    return replace(finding, line=line, rule=rule, value=value)


def _with_place(finding: Finding) -> Finding:
    parts = [f"line {finding.line}"] if finding.line is not None else []
    if finding.rule is not None and f"`{quote(finding.rule)}`" not in finding.text:
        parts.append(f"rule `{quote(finding.rule)}`")
    if finding.value is not None and finding.value not in finding.text:
        parts.append(f"value `{finding.value}`")
    if not parts:
        return finding
    start = ", ".join(parts)
    return replace(finding, text=f"{start[0].upper()}{start[1:]}: {finding.text}")


def _upward(path: str) -> Iterator[str]:
    """A path, then those of what surrounds it."""
    while path:
        yield path
        steps = list(_STEP.finditer(f".{path}"))
        path = path[: steps[-1].start() - 1] if len(steps) > 1 else ""


def _places(findings: list[Finding], text: str | bytes) -> _Places:
    wanted = {path for each in findings for path in _upward(each.path)}
    wanted |= {f"{within[0]}.name" for each in findings if (within := _RULE.match(each.path))}
    walk = _Walk(wanted)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            walk.take(event)
            if walk.depth > MAX_DEPTH:
                break  # No finding is any deeper, and the parser takes ever longer for each level.
    except yaml.YAMLError:
        pass  # What was read until here is right.
    return walk.places


class _Walk:
    """Follows the events of the YAML parser, and keeps the places that are wanted."""

    def __init__(self, wanted: set[str]) -> None:
        self.places = _Places()
        self._wanted = wanted
        self._open: list[_Container] = []

    @property
    def depth(self) -> int:
        """How many lists and mappings are open."""
        return len(self._open)

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        match event:
            case yaml.ScalarEvent() if self._open and self._open[-1].awaits_key:
                self._open[-1].key = event.value
                self._keep(self._path(), event)
            case yaml.ScalarEvent():
                path = self._next(event)
                if path in self._wanted:
                    self.places.values.setdefault(path, show(event.value))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                path = self._next(event)
                self._open.append(_Container(path, isinstance(event, yaml.MappingStartEvent)))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._done()

    def _next(self, event: yaml.Event) -> str:
        """The path of a value that begins here."""
        if not self._open:
            return ""
        path = self._path()
        self._keep(path, event)
        if not isinstance(event, yaml.CollectionStartEvent):
            self._done()
        return path

    def _path(self) -> str:
        inner = self._open[-1]
        return join(inner.path, quote(inner.key) if inner.mapping else f"[{inner.count}]")

    def _keep(self, path: str, event: yaml.Event) -> None:
        if path in self._wanted:
            self.places.lines.setdefault(path, line_of(event))

    def _done(self) -> None:
        if self._open:
            self._open[-1].count += 1
            self._open[-1].key = None


@dataclass(slots=True)
class _Container:
    path: str
    mapping: bool
    count: int = 0
    key: str | None = None

    @property
    def awaits_key(self) -> bool:
        return self.mapping and self.key is None
