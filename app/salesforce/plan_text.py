"""Writes a plan as YAML that people read and edit: short lines, and comments where the rules come from."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


def plan_text(
    head: Sequence[str], plan: Mapping[str, Any], comments: Mapping[tuple[str, int], Sequence[str]]
) -> str:
    """The plan as YAML. `comments` stand before an item of a list, by its key and position."""
    lines = [_comment(each) for each in head]
    for key, value in plan.items():
        lines.append("")
        if isinstance(value, list):
            lines.append(f"{key}:")
            for position, item in enumerate(value):
                lines += [f"  {_comment(each)}" for each in comments.get((key, position), ())]
                lines += _wrapped("  - ", item)
            lines += [f"  {_comment(each)}" for each in comments.get((key, len(value)), ())]
        elif isinstance(value, dict) and value:
            lines.append(f"{key}:")
            for name, item in value.items():
                lines += _wrapped(f"  {_scalar(name)}: ", item)
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return "\n".join(lines).strip() + "\n"


def _comment(text: str) -> str:
    """A comment of one line."""
    return f"# {''.join(each if each.isprintable() else ' ' for each in text)}".rstrip()


def _wrapped(start: str, value: Any) -> list[str]:
    """A value in flow style. Lines are broken between items."""
    indent = " " * (len(start) - len(start.lstrip()) + 4)
    if isinstance(value, dict) and len(value) == 1 and start.endswith("- "):
        ((key, value),) = value.items()
        start = f"{start}{_scalar(key)}: "
    lines, line = [], start
    for token in _tokens(value):
        if len(line) + len(token.rstrip()) > WIDTH and line.strip() not in ("", "-"):
            lines.append(line.rstrip())
            line = indent
        line += token
    return [*lines, line.rstrip()]


def _tokens(value: Any) -> Iterator[str]:
    """The parts between which a line may be broken."""
    if isinstance(value, Mapping):
        yield from _joined("{", ((f"{_scalar(key)}: ", each) for key, each in value.items()), "}")
    elif isinstance(value, list):
        yield from _joined("[", (("", each) for each in value), "]")
    else:
        yield _scalar(value)


def _joined(opening: str, items: Any, closing: str) -> Iterator[str]:
    before = opening
    held: str | None = None
    for prefix, each in items:
        if held is not None:
            yield f"{held}, "
            before = ""
        parts = list(_tokens(each))
        parts[0] = f"{before}{prefix}{parts[0]}"
        yield from parts[:-1]
        held = parts[-1]
    yield f"{held}{closing}" if held is not None else f"{opening}{closing}"


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
