"""The files of this package: lists of domains and of names. Each names its origin and license."""

from collections.abc import Iterator
from importlib.resources import files


def read_lines(name: str) -> Iterator[str]:
    """The lines of a file that are no comments."""
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


def read_words(*names: str) -> frozenset[str]:
    """The words of these files."""
    return frozenset(word for name in names for line in read_lines(name) for word in line.split())
