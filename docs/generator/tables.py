"""Tables of Markdown."""

from collections.abc import Iterable, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell is written so that it does not end the cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def meanings(codes: Mapping[str, str]) -> str:
    """Codes and what they mean."""
    return table(("code", "meaning"), ((f"`{code}`", meaning) for code, meaning in codes.items()))
