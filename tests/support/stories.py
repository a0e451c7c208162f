"""Pages that tell a story: what is sent, and after it, where it matters, ```json for what comes back.

What is sent stands under ```sh as commands to type, or under ```http as requests; a plan under ```yaml.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

_FENCE = re.compile(r"^```(sh|http|yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BETWEEN = "\x1e"
ANYTHING = "…"
"""Marks a value on a page that differs each time."""


@dataclass(frozen=True)
class Scene:
    """Commands that belong together, and what the page shows of their answer if it does."""

    commands: str
    shown: Any = None


@dataclass(frozen=True)
class Exchange:
    """A request, and what the page shows of its answer if it does. A plan is sent to `POST /plans`."""

    method: str
    path: str
    body: str
    shown: Any = None


def scenes(page: str) -> list[Scene]:
    """The scenes of a page, in order."""
    found: list[Scene] = []
    for language, text in _FENCE.findall(page):
        if language == "sh":
            found.append(Scene(text))
        elif language == "json" and found:
            found[-1] = replace(found[-1], shown=orjson.loads(text))
    return found


def exchanges(page: str) -> list[Exchange]:
    """The requests of a page, in order."""
    found: list[Exchange] = []
    for language, text in _FENCE.findall(page):
        if language == "http":
            first, body = text.split("\n", 1)
            method, path = first.split()
            found.append(Exchange(method, path, body))
        elif language == "yaml":
            found.append(Exchange("POST", "/plans", text))
        elif language == "json" and found:
            found[-1] = replace(found[-1], shown=orjson.loads(text))
    return found


def play(
    story: list[Scene], directory: Path, environment: Mapping[str, str], patience: float, function: str = ""
) -> list[str]:
    """What each scene prints when all are pasted into one shell; a curl answered with an error fails.

    `function` is one of bash that stands for a program.
    """
    lines = ["set -e", 'curl() { command curl --fail-with-body "$@"; }', function]
    for scene in story:
        lines += [scene.commands, f"printf '{_BETWEEN}'"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    assert done.returncode == 0, (done.stdout.split(_BETWEEN)[-1][-2000:], done.stderr[-2000:])
    return done.stdout.split(_BETWEEN)[:-1]


def differences(shown: Any, came: Any, place: str = "") -> list[str]:
    """Where an answer is not what a page shows of it. Keys the page leaves out may hold anything."""
    if isinstance(shown, dict) and isinstance(came, dict):
        return [
            each
            for key, value in shown.items()
            for each in differences(value, came.get(key), f"{place}.{key}")
        ]
    if isinstance(shown, list) and isinstance(came, list) and len(shown) == len(came):
        pairs = enumerate(zip(shown, came, strict=True))
        return [each for number, pair in pairs for each in differences(*pair, f"{place}[{number}]")]
    if shown == came or (shown == ANYTHING and came is not None):
        return []
    return [f"{place}: the page shows {shown!r}, what came is {came!r}"]
