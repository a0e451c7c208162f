"""How far a command has come, on the standard error: what it prints can then go into a file."""

import sys
from contextlib import AbstractContextManager
from typing import Any

import typer


def progress(length: int, label: str) -> AbstractContextManager[Any]:
    """A bar of so many lines; where nobody looks, only its label is printed."""
    bar: AbstractContextManager[Any] = typer.progressbar(length=length, label=label, file=sys.stderr)
    return bar
